"""Imported once by the fork server, so that no run pays for it; CUDA stays untouched.

The last three are what torch's optimisers and scikit-learn would otherwise import in every run.
"""

import sklearn.datasets as datasets
import torch._dynamo as dynamo
import torch.utils.flop_counter as flop_counter

import bench.runner as runner

__all__ = ["datasets", "dynamo", "flop_counter", "runner"]
