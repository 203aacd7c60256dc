"""What a body costs, by formula, so that a table does not depend on how it was run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Trainable numbers, numbers in the state, and floating-point operations a step and sample.

    `flops` counts 2 for each multiply-add of a matrix product and 5 n log2 n for a complex Fourier
    transform of length n. Elementwise operations are not counted, nor what is computed from the
    parameters once a sequence. What compares each step with all steps of its sequence needs
    `pair_flops` more for each of these.
    """

    parameters: int
    state_size: int
    flops: int
    pair_flops: int = 0
