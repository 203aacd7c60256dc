"""The residual network whose branches are batch normalised.

    x_{l+1} = x_l + F_l(BN_l(x_l))                                 ("pre-BN"; F: baselines.branch)
    y = BN_L(x_L)                                                  (what the body returns)

The place of the normalisation, before the weights and with a clean skip: K. He et al., "Identity
Mappings in Deep Residual Networks", 2016, arXiv 1603.05027. What it does at initialisation: S. De,
S. L. Smith, "Batch Normalization Biases Residual Blocks Towards the Identity Function in Deep
Networks", 2020, arXiv 2002.10444: every branch adds the same variance, so that beside the skip it
is smaller by sqrt(l), and the stack is close to the identity. He's block has a normalisation and a
rectifier before each of its layers, and his program has both before the readout too; here the
branch is that of the other residual bodies, normalised once, at its entrance, and neither there nor
before the readout does a rectifier follow. Gain 1, shift 0, He's rule in the branch.
"""

from jaxtyping import Float
from torch import Tensor, nn

from baselines.batchnorm import BatchNormStack
from baselines.branch import BranchStack, branch_parameters
from baselines.costs import Costs


class BatchNormResNet(nn.Module):
    """`depth` residual blocks, the input of each branch and what leaves the last normalised over
    the batch."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.branch = BranchStack(width, depth)
        self.normalisation = BatchNormStack(width, depth)
        self.final = BatchNormStack(width, 1)

    def enter(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """x itself."""
        return x

    def leave(self, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The final BN; never changes the running statistics."""
        return self.final.step(state, 0)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above; never changes the running statistics."""
        return x + self.branch.step(self.normalisation.step(x, layer), layer)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks, and the final BN; in training it updates the running
        statistics."""
        for normalise, branch in zip(
            self.normalisation.layers(), self.branch.layers(), strict=True
        ):
            x = x + branch(normalise(x))
        (normalise,) = self.final.layers()
        return normalise(x)


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one block."""
    parameters = branch_parameters(width, depth) + 2 * (depth + 1) * width
    return Costs(parameters, state_size=width, flops=4 * width**2)
