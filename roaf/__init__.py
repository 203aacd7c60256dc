"""Random orthogonal additive filters (ROAF): networks whose gradient neither vanishes nor explodes.

    x' = alpha * O x + beta * phi(W x + b),   O a fixed random orthogonal matrix, alpha + beta = 1

A. Ceni, arXiv 2210.01245 (IEEE TNNLS 2025). Use `RoaRNN` where `torch.nn.RNN` would stand, `RoaMLP`
for a stack of equal layers; `depth_schedule` gives alpha and beta for a length or a depth.
"""

from roaf.bounds import depth_schedule as depth_schedule
from roaf.bounds import infinite_depth_bounds as infinite_depth_bounds
from roaf.bounds import singular_value_bounds as singular_value_bounds
from roaf.feedforward import RoaMLP as RoaMLP
from roaf.orthogonal import random_orthogonal as random_orthogonal
from roaf.recurrent import RoaRNN as RoaRNN
