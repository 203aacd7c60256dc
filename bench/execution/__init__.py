"""How specs become records: one supervised process a run."""
