"""Bodies with a known answer: recurrences whose Jacobian can be written down."""

import torch
from torch import nn


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
