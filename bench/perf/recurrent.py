"""What a pass over a sequence costs: RoaRNN's backends against torch's own networks.

    python -m bench.perf.recurrent [HIDDEN,BATCH,TIME ...]

Prints a line a case and filter: forward and backward of a loss of every output, input size 1, as
medians of rounds in which all take turns in one process, and how many times as long each other
network of the same hidden size takes. A backend that cannot compute the case is left out.
"""

import sys
from statistics import median

import torch
from torch import Tensor, nn

from bench.perf.depth import seconds
from roaf import RoaRNN, depth_schedule
from roaf.kernels import RECURRENT

THREADS = 2
ROUNDS = 9
LONGEST = 40.0  # seconds of one case; a slow one has fewer rounds
CASES = ((64, 32, 784), (128, 32, 784), (256, 32, 784), (128, 1, 784), (1024, 1, 784))
FILTERS = ("haar", "rotations")
PEERS = {"nn.RNN": nn.RNN, "nn.LSTM": nn.LSTM, "nn.GRU": nn.GRU}


def networks(hidden: int, time: int, x: Tensor) -> dict[str, nn.Module]:
    """Each filter by each backend that can, and torch's own."""
    alpha, beta = depth_schedule(1.0, time)
    found: dict[str, nn.Module] = {}
    for filter in FILTERS:
        for backend in RECURRENT:
            network = RoaRNN(1, hidden, alpha=alpha, beta=beta, filter=filter, backend=backend)
            if can(network, x):
                found[f"{filter}/{backend}"] = network
    peers = {name: peer(1, hidden, batch_first=True) for name, peer in PEERS.items()}
    return found | peers


def can(network: nn.Module, x: Tensor) -> bool:
    """Whether its backend computes the case."""
    try:
        network(x[:, :1])
    except ValueError:
        return False
    return True


def update(network: nn.Module, x: Tensor) -> None:
    """Forward and backward."""
    network.zero_grad(set_to_none=True)
    network(x)[0].square().sum().backward()


def measure(hidden: int, batch: int, time: int) -> dict[str, float]:
    """Median seconds of each network, all taking turns; a first round is not counted."""
    x = torch.randn(batch, time, 1)
    found = networks(hidden, time, x)
    once = {name: seconds(lambda n=n: update(n, x)) for name, n in found.items()}
    rounds = max(1, min(ROUNDS, int(LONGEST / sum(once.values()))))
    times = [
        {name: seconds(lambda n=n: update(n, x)) for name, n in found.items()}
        for _ in range(rounds)
    ]
    return {name: median(own[name] for own in times) for name in found}


def lines(hidden: int, batch: int, time: int) -> list[str]:
    """What was measured, a line a filter and backend."""
    found = measure(hidden, batch, time)
    head = f"{hidden} units, batch {batch}, {time} steps"
    return [
        f"{head}, {name}: {found[name] * 1e3:.2f} ms, "
        + ", ".join(f"{peer} {found[peer] / found[name]:.1f}x" for peer in PEERS)
        for name in found
        if name not in PEERS
    ]


def main() -> None:
    """Prints the cases given, or the table's."""
    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    given = [tuple(map(int, case.split(","))) for case in sys.argv[1:]]
    for hidden, batch, time in given or CASES:
        print(*lines(hidden, batch, time), sep="\n", flush=True)


if __name__ == "__main__":
    main()
