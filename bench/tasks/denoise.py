"""Denoising: find ten symbols in the noise and recall them (Jing et al. 2019, "GORU").

    input    0 0 s1 0 s2 0 .. 0 s10 0 (T + 9 steps)   10   0 .. 0 (10)    symbols 1 to 9
    target   0 ............................ 0 (T + 10)     s1 .. s10      loss over all steps

One-hot vectors of 11: 0 is the noise symbol, 10 asks for the answer. Without memory the best loss
is 10 ln 9 / (T + 20). The score is the accuracy on the last ten steps alone, where chance is 1/9.
Solved: 99 %. The published program (T = 200, 10,000 updates of 128 sequences) draws the places with
repetition, by which some symbols are lost, and shows the marker as a vector of zeros; here places
differ, and it has an input of its own.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from bench.tasks.base import Batch
from bench.tasks.copying import COPIED, CopyUrnn
from bench.tasks.tokens import distinct, one_hot_float

SYMBOLS = 9
MARKER = 10


@dataclass(frozen=True, kw_only=True)
class Denoise(CopyUrnn):
    """Ten symbols scattered among length + 9 steps, recalled after them in their order."""

    question: ClassVar[str] = "Are ten symbols found among noise and recalled?"
    features: ClassVar[int] = 11
    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 1 / SYMBOLS

    def sample(self, size: int, generator: Generator) -> Batch:
        noisy = self.length + COPIED - 1
        symbols = torch.randint(1, SYMBOLS + 1, (size, COPIED), generator=generator)
        places = distinct(size, noisy, COPIED, generator).sort(dim=1).values
        tokens = torch.zeros(size, self.steps, dtype=torch.long)
        targets = torch.zeros_like(tokens)
        tokens.scatter_(1, places, symbols)
        tokens[:, noisy] = MARKER
        targets[:, -COPIED:] = symbols
        return Batch(one_hot_float(tokens, self.features), targets)
