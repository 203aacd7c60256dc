"""Imported once by the fork server, so that no run pays for it; CUDA stays untouched.

Three are what torch's optimisers and scikit-learn would otherwise import in every run; the CPU
kernels are compiled here if they are not yet.
"""

import sklearn.datasets as datasets
import torch._dynamo as dynamo
import torch.utils.flop_counter as flop_counter

import bench.runner as runner
from bench.models import load_kernels

load_kernels()

__all__ = ["datasets", "dynamo", "flop_counter", "runner"]
