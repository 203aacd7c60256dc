"""Specs and toy models that several tests share."""

from dataclasses import replace

from bench.records import RunSpec

TINY = RunSpec(
    suite="test",
    task="adding",
    task_args={"length": 12},
    model="elman",
    seed=0,
    width=8,
    learning_rate=1e-2,
    batch_size=4,
    updates=6,
    validate_at=(3, 6),
    test_at=(6,),
    gradients_at=(0, 5),
)


def tiny(**changes) -> RunSpec:
    """The tiny spec with some fields changed."""
    return replace(TINY, **changes)


TOYS = """
import os, signal, time
import torch
from torch import nn
from bench.models import Entry

class Toy(nn.Module):
    def __init__(self, input_size, hidden_size, **args):
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size)
        self.calls = 0
    def initial_state(self, batch):
        return torch.zeros(batch, self.layer.out_features)
    def step(self, x_t, state):
        state = self.layer(x_t) + 0.5 * state
        return state, state
    def forward(self, x):
        self.calls += 1
        if self.calls > 2:
            self.fault()
        states, state = [], self.initial_state(len(x))
        for x_t in x.unbind(1):
            state = self.step(x_t, state)[1]
            states.append(state)
        return torch.stack(states, dim=1)
    def fault(self):
        pass

class Raising(Toy):
    def fault(self):
        raise RuntimeError("the model is broken | on purpose")

class NotANumber(Toy):
    def fault(self):
        with torch.no_grad():
            self.layer.weight.fill_(float("nan"))

class Killed(Toy):
    def fault(self):
        os.kill(os.getpid(), signal.SIGKILL)

class Leaving(Toy):
    def fault(self):
        print("last words", flush=True)
        os._exit(7)

class Hanging(Toy):
    def fault(self):
        time.sleep(600)

def entry(factory):
    return Entry(factory=factory, axis="time", paper="none", year=2026)

MODELS = {
    "toy": entry(Toy), "raising": entry(Raising), "nan": entry(NotANumber),
    "killed": entry(Killed), "leaving": entry(Leaving), "hanging": entry(Hanging),
}
"""
