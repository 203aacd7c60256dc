"""The pixel orders, shipped as arrays: "psMNIST" is at least seven different tasks.

A random generator is not promised to draw the same order in its next version, so each order is a
text file, one index a line, checked against the sha256 of its little-endian 64-bit integers.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

SHA256 = {
    # np.random.RandomState(92916).permutation(784): full-capacity uRNN, scoRNN, expRNN, asRNN
    "psmnist-92916": "96240fe27409981c3ed3e92c20d995f7103a94c2282307bc776923030113be74",
    # bit reversal of the index, as HiPPO, S4 and LRU have it
    "psmnist-bitrev": "30d91dc29f161321971bfea6ba16c735e4b5fe678d607efb470896d9de75ef44",
    # np.random.RandomState(92916).permutation(64): ours
    "psdigits": "53b93893eca30bb65cad7e3acb0e92e5b94d3d0906c69254b1d38440c0f50301",
    # np.random.RandomState(0).permutation(1797): which digits are for training, validation, test
    "digits-split": "7f71e362ae545c7716e4551e170aec4c10bbf84b76a1c24b73b5646a79df4800",
}


@cache
def permutation(name: str) -> Int[Tensor, "size"]:
    """The order of that name; a file that is not the one published raises ValueError."""
    text = (Path(__file__).parent / "permutations" / f"{name}.txt").read_text()
    order = np.array(text.split(), dtype="<i8")
    if hashlib.sha256(order.tobytes()).hexdigest() != SHA256[name]:
        raise ValueError(f"permutation {name} is not the one published: its sha256 differs")
    return torch.from_numpy(order.astype(np.int64))
