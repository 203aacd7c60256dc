"""Peak bytes of a first forward and backward pass, beyond what was there before it.

asv's own `peakmem` counts torch itself, half a gigabyte.
"""

from dataclasses import replace

from .bodies import Work, deep, recurrent, warm
from .measured import measured


class Recurrent:
    """32 sequences of 784 steps, hidden 128."""

    version, unit = "1", "bytes"
    params = (("auto", "nn.LSTM"),)
    param_names = ("model",)

    def setup(self, model: str) -> None:
        self.work = ready(recurrent(model, 128, batch=32, time=784, filter="haar"))

    def track_peak(self, model: str) -> int:
        return peak(self.work)


class Depth:
    """RoaMLP of 4,000 layers of 16 units, 256 rows."""

    version, unit = "1", "bytes"
    params = (("full", "sqrt"),)
    param_names = ("activation_memory",)

    def setup(self, memory: str) -> None:
        self.work = ready(deep(width=16, depth=4000, batch=256, memory=memory))

    def track_peak(self, memory: str) -> int:
        return peak(self.work)


def ready(work: Work) -> Work:
    """The work after a pass of its first row, in which what is compiled is compiled."""
    with measured("bench"):
        import bench.timing  # noqa: F401
    warm(replace(work, x=work.x[:1]))
    return work


def peak(work: Work) -> int:
    """How far the memory rises in a first pass over all rows, above what is held before it."""
    from bench.timing import MemoryMeter

    meter = MemoryMeter(work.x.device)
    before = meter.read()  # on a GPU all that is held already
    work.forward_backward()
    return meter.read() - before
