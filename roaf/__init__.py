"""Random orthogonal additive filters (ROAF): networks whose gradient neither vanishes nor explodes.

    x' = alpha * O x + beta * phi(W x + b),   O a fixed random orthogonal matrix, alpha + beta = 1

A. Ceni, arXiv 2210.01245 (IEEE TNNLS 2025). Use `RoaRNN` where `torch.nn.RNN` would stand, `RoaMLP`
for a stack of equal layers, `RoaCNN` for one of convolutions; `depth_schedule` gives alpha and beta
for a length or a depth.
"""

from roaf.bounds import depth_schedule as depth_schedule
from roaf.bounds import eigenvalue_annulus as eigenvalue_annulus
from roaf.bounds import infinite_depth_bounds as infinite_depth_bounds
from roaf.bounds import lyapunov_interval as lyapunov_interval
from roaf.bounds import singular_value_bounds as singular_value_bounds
from roaf.bounds import state_norm_bound as state_norm_bound
from roaf.bounds import summable_bounds as summable_bounds
from roaf.bounds import weight_gradient_bounds as weight_gradient_bounds
from roaf.convolution import RoaCNN as RoaCNN
from roaf.descent import AdamInBackward as AdamInBackward
from roaf.feedforward import RoaMLP as RoaMLP
from roaf.mixing import Learned as Learned
from roaf.nonlinearity import Nonlinearity as Nonlinearity
from roaf.norms import spectral_norm_bound as spectral_norm_bound
from roaf.orthogonal import random_orthogonal as random_orthogonal
from roaf.recurrent import RoaRNN as RoaRNN
