"""What the suite itself costs, and how fast the models are."""
