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
    # np.random.RandomState(1234).permutation(784): nnRNN
    "psmnist-1234": "12a7f1b0d6e7008aeda289c0542235f012233240cdf05f52552dd062482de577",
    # torch.manual_seed(12008), torch.randperm(784): coRNN, Lipschitz RNN
    "psmnist-12008": "f4113bc8ae78902146fba54feaff34c7de185249d3b85ce9584e3d76ca98b3bd",
    # torch.manual_seed(5544), torch.randperm(784): UnICORNN, LEM
    "psmnist-5544": "88c77bc3e243c77bfa408d541c47529b0f18e4330833e084f860a8978f5465d7",
    # np.random.RandomState(0).permutation(784): the LMU
    "psmnist-lmu": "fe62e3fef305ce16e55f08cd0056a8b237e12af6c9523ff3fb35395f6ec55222",
    # np.random.RandomState(50), .permutation(784) after .permutation(60000): the NRU
    "psmnist-nru": "dda347f72737de70dcf06700b3a567682e34166f6ae9c3ffde5463bdf224f8b6",
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
