"""Imported once by the fork server, so that no run pays for it; CUDA stays untouched.

Three are what torch's optimisers and scikit-learn would otherwise import in every run; the CPU
kernels are compiled here if they are not yet, and the sources read. The server ends with its
drivers and by nothing else: a signal to all processes of a job is for the runs, which have asked
for it.
"""

import signal

import sklearn.datasets as datasets
import torch._dynamo as dynamo
import torch.utils.flop_counter as flop_counter

import bench.execution.child as child
from bench.models import load_kernels

for number in (signal.SIGTERM, signal.SIGUSR2):
    signal.signal(number, signal.SIG_IGN)

load_kernels()
child.sources(child.ROOT)

__all__ = ["child", "datasets", "dynamo", "flop_counter"]
