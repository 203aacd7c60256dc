"""Which models are the proposed ones, and which of these are controls of another."""

IDENTITY, SIGNED = "-identity", "-signed-permutation"
"""How the names of ROAF's twins end, whose filter is the identity or a signed permutation."""


def is_proposed(name: str) -> bool:
    """Whether the model, or the label that begins with its name, is a proposed one."""
    return name.startswith(("roaf", "cnn-roaf"))


def is_lead(model: str) -> bool:
    """Whether the model is a proposed one and no control of another."""
    return is_proposed(model) and not model.endswith((IDENTITY, SIGNED))
