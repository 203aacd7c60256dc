"""One published architecture a file, written from its paper's equations on top of torch alone.

Recurrent bodies: `Class(input_size, hidden_size, **args)` with a causal `forward` over
(batch, time, input_size), and `initial_state` and `step` whose whole state is one real tensor.
Depth bodies: `Class(width, depth, **args)` with `forward` over (batch, width), or of images over
(batch, channels, height, width), and `step(x, layer)`.
In both, `step` says what the model is, and `forward` equals the iterated `step`, only faster. TCN
and Transformer have no state and no `step`. `costs` in each file is what a body costs by formula.
"""

from baselines.antisymmetric import AntisymmetricRNN as AntisymmetricRNN
from baselines.antisymmetric import GatedAntisymmetricRNN as GatedAntisymmetricRNN
from baselines.antisymmetric_mlp import AntisymmetricMLP as AntisymmetricMLP
from baselines.asrnn import AdaptiveSaturatedRNN as AdaptiveSaturatedRNN
from baselines.batchnorm import BatchNormMLP as BatchNormMLP
from baselines.batchnorm_resnet import BatchNormResNet as BatchNormResNet
from baselines.cornn import CoRNN as CoRNN
from baselines.costs import Costs as Costs
from baselines.deepnorm import DeepNorm as DeepNorm
from baselines.delta_orthogonal import DeltaOrthogonalCNN as DeltaOrthogonalCNN
from baselines.deq import DeepEquilibrium as DeepEquilibrium
from baselines.dtriv import DTriv as DTriv
from baselines.elman import Elman as Elman
from baselines.es2n import ES2N as ES2N
from baselines.esn import ESN as ESN
from baselines.eunn import EUNN as EUNN
from baselines.exprnn import ExpRNN as ExpRNN
from baselines.fastgrnn import FastGRNN as FastGRNN
from baselines.fastgrnn import FastRNN as FastRNN
from baselines.fixup import Fixup as Fixup
from baselines.full_urnn import FullCapacityURNN as FullCapacityURNN
from baselines.gru import GRU as GRU
from baselines.hamiltonian import HamiltonianMLP as HamiltonianMLP
from baselines.highway import Highway as Highway
from baselines.hippo import HiPPOLegS as HiPPOLegS
from baselines.indrnn import IndRNN as IndRNN
from baselines.irnn import IRNN as IRNN
from baselines.janet import JANET as JANET
from baselines.layernorm import LayerNormResNet as LayerNormResNet
from baselines.leaky import LeakyRNN as LeakyRNN
from baselines.lem import LEM as LEM
from baselines.linoss import LinOSS as LinOSS
from baselines.lipschitz import LipschitzRNN as LipschitzRNN
from baselines.lmu import LMU as LMU
from baselines.looks_linear import LooksLinearMLP as LooksLinearMLP
from baselines.lru import LRU as LRU
from baselines.lstm import LSTM as LSTM
from baselines.mamba import Mamba as Mamba
from baselines.minimal import MinGRU as MinGRU
from baselines.minimal import MinLSTM as MinLSTM
from baselines.mlp import MLP as MLP
from baselines.momentum import MomentumMLP as MomentumMLP
from baselines.nais import NAISNet as NAISNet
from baselines.nnrnn import NonNormalRNN as NonNormalRNN
from baselines.ornn import ORNN as ORNN
from baselines.residual_cnn import ResNetCNN as ResNetCNN
from baselines.resnet import ResNetMLP as ResNetMLP
from baselines.revnet import RevNet as RevNet
from baselines.rezero import ReZero as ReZero
from baselines.s4d import S4D as S4D
from baselines.scornn import ScoRNN as ScoRNN
from baselines.selu import SelfNormalizingMLP as SelfNormalizingMLP
from baselines.shallow import ShallowMLP as ShallowMLP
from baselines.shuffling import ShufflingRNN as ShufflingRNN
from baselines.skipinit import SkipInit as SkipInit
from baselines.slstm import SLSTM as SLSTM
from baselines.tat import TailoredMLP as TailoredMLP
from baselines.tcn import TCN as TCN
from baselines.transformer import Transformer as Transformer
from baselines.unicornn import UnICORNN as UnICORNN
from baselines.urnn import UnitaryRNN as UnitaryRNN
