"""The bodies that are timed, ready to run: ROAF's by backend, torch's own by name."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .measured import measured

BACKENDS = ("reference", "fused", "cpu", "cuda", "parallel")
PEERS = ("nn.RNN", "nn.LSTM", "nn.GRU")


@dataclass(frozen=True)
class Work:
    """A model, its input, and how to wait for the device."""

    model: nn.Module
    x: Tensor
    wait: Callable[[], object]

    def forward(self) -> None:
        """One pass that keeps nothing for a backward one."""
        with torch.no_grad():
            self.model(self.x)
        self.wait()

    def forward_backward(self) -> None:
        """One pass there and back."""
        self.model.zero_grad(set_to_none=True)
        output = self.model(self.x)
        states = output if isinstance(output, Tensor) else output[0]
        states.square().mean().backward()
        self.wait()


def recurrent(name: str, hidden: int, batch: int, time: int, filter: str) -> Work:
    """A recurrent body of that name that has not run yet, with its input."""
    prepare()
    device = "cuda" if torch.cuda.is_available() and name != "cpu" else "cpu"
    with measured("roaf"):
        return _work(_body(name, hidden, time, filter).to(device), torch.randn(batch, time, 1))


def deep(width: int, depth: int, batch: int, memory: str) -> Work:
    """RoaMLP with beta = 1 / depth, on the CPU, with its input."""
    prepare()
    with measured("roaf"):
        from roaf import RoaMLP

        model = RoaMLP(width, depth, alpha=1 - 1 / depth, activation_memory=memory)
        return _work(model, torch.randn(batch, width))


def warm(work: Work) -> Work:
    """The work after a first pass, in which it compiles, or refuses, what it has to."""
    with measured("roaf"):
        work.forward_backward()
    return work


def prepare() -> None:
    """One thread, so that a neighbour on the machine costs little; the same numbers each time."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)


def _body(name: str, hidden: int, time: int, filter: str) -> nn.Module:
    if name in PEERS:
        return getattr(nn, name.removeprefix("nn."))(1, hidden, batch_first=True)
    from roaf import RoaRNN

    return RoaRNN(1, hidden, alpha=1 - 1 / time, filter=filter, backend=name)


def _work(model: nn.Module, x: Tensor) -> Work:
    device = next(model.parameters()).device
    waits = {"cuda": torch.cuda.synchronize}
    return Work(model, x.to(device), waits.get(device.type, lambda: None))
