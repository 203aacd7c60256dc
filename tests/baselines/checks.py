"""Checks that every published body must pass, whatever its family."""

import inspect
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

DOUBLE = torch.float64
GOLDEN = Path(__file__).parents[1] / "golden"


def iterate(body: nn.Module, x: Tensor) -> Tensor:
    """The outputs (batch, time, width) of the body's own step from its initial state."""
    state, outputs = body.initial_state(len(x)), []
    for x_t in x.unbind(1):
        output, state = body.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs, dim=1)


def assert_forward_is_the_iterated_step(body: nn.Module, input_size: int = 3, time: int = 20):
    body = body.double()
    x = torch.randn(2, time, input_size, dtype=DOUBLE)
    torch.testing.assert_close(body(x), iterate(body, x), rtol=1e-10, atol=1e-11)


def assert_causal(body: nn.Module, input_size: int = 3, time: int = 12):
    body = body.double()
    x = torch.randn(2, time, input_size, dtype=DOUBLE)
    changed = x.clone()
    changed[:, time // 2 :] += 1
    torch.testing.assert_close(body(x)[:, : time // 2], body(changed)[:, : time // 2])


def assert_finite_gradients(body: nn.Module, input_size: int = 2, time: int = 784):
    x = torch.rand(2, time, input_size, requires_grad=True)
    body(x)[:, -1].square().sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
    for name, parameter in body.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name


def assert_gradients_are_right(body: nn.Module, input_size: int = 2, time: int = 4):
    body = body.double()
    names, values = [*dict(body.named_parameters())], [*body.parameters()]
    x = torch.randn(2, time, input_size, dtype=DOUBLE, requires_grad=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return functional_call(body, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *values))


def matrix_flops(body: nn.Module, input_size: int) -> int:
    """What the counter of torch sees of one step on one sample."""
    state = body.initial_state(1)
    x_t = torch.zeros(1, input_size, dtype=state.dtype)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        body.step(x_t, state)
    return counter.get_total_flops()


def fft_flops(size: int) -> int:
    """Of one complex Fourier transform."""
    return round(5 * size * math.log2(size))


def assert_equals_the_authors_code(body: nn.Module, name: str):
    """The same outputs as the file's `source` gave in float64, its weights in our layout."""
    with np.load(GOLDEN / f"{name}.npz") as golden:
        assert golden["source"].item()
        arrays = {key: torch.from_numpy(golden[key]) for key in golden.files if key != "source"}
    x, outputs = arrays.pop("x"), arrays.pop("outputs")
    body.double().load_state_dict(arrays)
    torch.testing.assert_close(body(x), outputs, rtol=1e-9, atol=1e-12)


def assert_costs_are_right(factory: Callable, costs: Callable, unseen_flops: int = 0):
    """What `costs` says is what is there; `unseen_flops` are those that torch does not count."""
    mine, body = costs(3, 8), factory(3, 8)
    trained = sum(parameter.numel() for parameter in body.parameters())
    assert (mine.parameters, mine.state_size) == (trained, body.initial_state(1).shape[1])
    assert mine.flops == matrix_flops(body, 3) + unseen_flops
    assert inspect.signature(costs).parameters == inspect.signature(factory).parameters


def train(body: nn.Module, input_size: int = 2, learning_rate: float = 1e-2):
    """A hundred steps of Adam on noise, after which every parameter has moved."""
    optimizer = torch.optim.Adam(body.parameters(), lr=learning_rate)
    before = [parameter.detach().clone() for parameter in body.parameters()]
    for _ in range(100):
        optimizer.zero_grad()
        output = body(torch.randn(4, 10, input_size, dtype=before[0].dtype))
        (output - torch.randn_like(output)).square().mean().backward()
        optimizer.step()
    assert all((p != old).any() for p, old in zip(body.parameters(), before, strict=True))
