"""One published architecture a file, written from its paper's equations on top of torch alone.

Recurrent bodies: `Class(input_size, hidden_size, **args)` with a causal `forward` over
(batch, time, input_size), and `initial_state` and `step` whose whole state is one real tensor.
Depth bodies: `Class(width, depth, **args)` with `forward` over (batch, width) and `step(x, layer)`.
In both, `step` says what the model is, and `forward` equals the iterated `step`, only faster.
"""

from baselines.antisymmetric import AntisymmetricRNN as AntisymmetricRNN
from baselines.cornn import CoRNN as CoRNN
from baselines.elman import Elman as Elman
from baselines.exprnn import ExpRNN as ExpRNN
from baselines.gru import GRU as GRU
from baselines.irnn import IRNN as IRNN
from baselines.lstm import LSTM as LSTM
from baselines.mlp import MLP as MLP
from baselines.resnet import ResNetMLP as ResNetMLP
from baselines.urnn import UnitaryRNN as UnitaryRNN
