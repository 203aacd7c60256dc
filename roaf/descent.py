"""Adam for stacks so deep that their gradient must not exist as a whole.

    m = beta_1 m + (1 - beta_1) g,   v = beta_2 v + (1 - beta_2) g^2
    w = w - lr * m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + eps)

D. P. Kingma & J. Ba, "Adam", arXiv 1412.6980. The weights of a segment of layers are updated in
the backward pass as soon as nothing needs the old ones (the idea of K. Lv et al., "Full Parameter
Fine-tuning for Large Language Models with Limited Resources", arXiv 2306.09782).
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from roaf.feedforward import RoaMLP
from roaf.kernels.depth import Descent


class AdamInBackward(torch.optim.Adam):
    """torch.optim.Adam, whose update of each RoaMLP's weight and bias is part of `backward`.

    The gradient of these is never kept (their `grad` stays None), a saving of as much as the
    weights need. All other parameters of the module are updated in `step()`, as is usual. The
    numbers are those of torch.optim.Adam, and so is the state_dict.

    Arguments:
        module: what to train; every RoaMLP in it, of float32 or float64, is updated in backward.
        lr, betas, eps: as for torch.optim.Adam; each group's own are read at the update. With beta
            of the size of 1/depth so are the gradients, and Adam divides by their size plus eps:
            eps must be far below it, so its default is 1e-12, not 1e-8.

    Every backward pass that reaches such a RoaMLP changes its weights, also one that asks for
    another gradient (`torch.autograd.grad`), and a second before `step()` raises RuntimeError: a
    sum of gradients, their clipping or a loss scale needs torch.optim.Adam. So does a model that
    is spread over processes.

    Example:
        >>> optimiser = AdamInBackward(deep, lr=1e-3)
        >>> deep(x).square().mean().backward()
        >>> optimiser.step()
    """

    def __init__(
        self,
        module: nn.Module,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-12,
    ) -> None:
        super().__init__(module.parameters(), lr=lr, betas=betas, eps=eps)
        self._updated: set[nn.Module] = set()
        self._deep = [part for part in module.modules() if isinstance(part, RoaMLP)]
        for deep in self._deep:
            deep.descend_with(Descent(partial(self._begin, deep), partial(self._take, deep)))

    def step(self, closure: Any = None) -> Any:
        """Updates what the backward pass did not.

        A gradient that reached the weights of a RoaMLP by another way than through its layers, such
        as a penalty on them, raises RuntimeError: these have been updated without it.
        """
        loss = closure_value(closure)
        if any(parameter.grad is not None for parameter in self._stacked()):
            raise RuntimeError(
                "a weight or bias of a RoaMLP has a gradient that did not come through its layers; "
                "AdamInBackward cannot add it, torch.optim.Adam can"
            )
        super().step()
        self._updated.clear()
        return loss

    def _begin(self, deep: RoaMLP) -> None:
        """Counts an update of the stack."""
        if deep in self._updated:
            raise RuntimeError(
                "AdamInBackward has updated this RoaMLP since the last step(); allowed: one "
                "backward pass through it for each step()"
            )
        self._updated.add(deep)
        for parameter in stacked(deep):
            state = self.state[parameter]
            if not state:
                state["step"] = torch.tensor(0.0)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
            state["step"] += 1

    @torch.no_grad()
    def _take(self, deep: RoaMLP, where: slice, *gradients: Tensor | None) -> None:
        """Updates the layers of a segment."""
        for parameter, gradient in zip((deep.weight, deep.bias), gradients, strict=True):
            if parameter is not None and gradient is not None:
                state, group = self.state[parameter], self._group(parameter)
                means = (state["exp_avg"][where], state["exp_avg_sq"][where])
                descend(parameter[where], gradient, *means, state["step"].item(), group)

    def _stacked(self) -> list[Tensor]:
        """The parameters that the backward pass updates."""
        return [parameter for deep in self._deep for parameter in stacked(deep)]

    def _group(self, parameter: Tensor) -> dict[str, Any]:
        """The settings of a parameter at this moment."""
        return next(g for g in self.param_groups if any(p is parameter for p in g["params"]))


def closure_value(closure: Any) -> Any:
    """What the closure returns, which computes the gradients; None where there is none."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def stacked(deep: RoaMLP) -> list[Tensor]:
    """The parameters that are trained in the backward pass."""
    found = (deep.weight, deep.bias)
    return [parameter for parameter in found if parameter is not None and parameter.requires_grad]


def descend(
    weight: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, t: float, group: dict[str, Any]
) -> None:
    """One update of Adam, in place."""
    beta_1, beta_2 = group["betas"]
    mean.lerp_(gradient, 1 - beta_1)
    square.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
    spread = square.sqrt().div_(math.sqrt(1 - beta_2**t)).add_(group["eps"])
    weight.addcdiv_(mean, spread, value=-group["lr"] / (1 - beta_1**t))
