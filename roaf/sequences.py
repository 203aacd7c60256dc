"""Sequences of unequal length, padded to one: read backwards from their own ends, and packed again.

What a causal network computes beyond a sequence's end reaches neither its outputs nor its last
state, so padding costs time and nothing else.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

Padded = Float[Tensor, "batch time features"]
Lengths = Int[Tensor, "batch"] | None


def reverse(padded: Padded, lengths: Lengths) -> Padded:
    """Each sequence backwards within its own length, the padding still behind; its own inverse."""
    if lengths is None:
        return padded.flip(1)
    time = torch.arange(padded.shape[1], device=padded.device)
    ends = lengths.to(padded.device)[:, None]
    index = torch.where(time < ends, ends - 1 - time, time)
    return padded.gather(1, index[..., None].expand_as(padded))


def last_of_each(padded: Padded, lengths: Lengths) -> Float[Tensor, "batch features"]:
    """The values at the end of each sequence."""
    if lengths is None:
        return padded[:, -1]
    rows = torch.arange(len(padded), device=padded.device)
    return padded[rows, lengths.to(padded.device) - 1]


def pack_like(
    padded: Padded, lengths: Int[Tensor, "batch"], like: PackedSequence
) -> PackedSequence:
    """The sequences packed in the order of another."""
    order = like.sorted_indices
    if order is not None:
        padded, lengths = padded.index_select(0, order), lengths[order.cpu()]
    data = pack_padded_sequence(padded, lengths, batch_first=True).data
    return PackedSequence(data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)
