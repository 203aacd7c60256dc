"""Random streams: for data, the diagnostics' batch and initial weights one each, from one seed.

Every model of a repetition sees the same data, and looking changes nothing.
"""

import hashlib

import torch


def stream(seed: int, purpose: str) -> torch.Generator:
    """The random stream of a run for one purpose; equal for all models of a repetition."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))


def stream_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed for the purpose, unrelated to that of any other seed or purpose."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
