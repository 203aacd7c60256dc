"""Bodies with a known answer, recurrences whose Jacobian can be written down, and views of them."""

import torch
from torch import nn

from bench.diagnostics import View
from bench.frame import TimeFrame
from bench.tasks import TASKS

DOUBLE = torch.float64


class Linear(nn.Module):
    """h_t = A h_{t-1} + x_t (the first feature, to every unit); the Jacobian is A."""

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def initial_state(self, batch: int) -> torch.Tensor:
        return self.matrix.new_zeros(batch, len(self.matrix))

    def step(self, x_t, state):
        state = state @ self.matrix.T + x_t[:, :1]
        return state, state

    def forward(self, x):
        state, states = self.initial_state(len(x)).to(x), []
        for x_t in x.unbind(1):
            state = state @ self.matrix.T.to(x) + x_t[:, :1]
            states.append(state)
        return torch.stack(states, dim=1)


class Logistic(Linear):
    """h_t = 4 h_{t-1} (1 - h_{t-1}), whatever the input: chaos with the exponent ln 2."""

    def initial_state(self, batch: int) -> torch.Tensor:
        return self.matrix.new_full((batch, 1), 0.1234)

    def step(self, x_t, state):
        state = 4 * state * (1 - state)
        return state, state


def view_of(model: nn.Module, task, samples: int = 8) -> View:
    batch = next(task.train_batches(samples, torch.Generator().manual_seed(0)))
    return View.of(model, task, batch, torch.Generator().manual_seed(1))


def view(body: nn.Module, length: int = 40, **bounds) -> View:
    task = TASKS["adding"](length=length)
    return view_of(TimeFrame(body, task, 1.0, **bounds), task)


def values(readings, quantity: str) -> dict[str, float]:
    return {r.where: r.value for r in readings if r.quantity == quantity}


def turned(*diagonal: float) -> torch.Tensor:
    """A symmetric matrix with these eigenvalues in a random orthonormal basis."""
    q = torch.linalg.qr(torch.randn(len(diagonal), len(diagonal), dtype=DOUBLE)).Q
    return q @ torch.diag(torch.tensor(diagonal, dtype=DOUBLE)) @ q.T
