"""A long recurrence in segments: the numbers of the whole one, in a fraction of its memory."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from roaf import RoaRNN, random_orthogonal
from roaf.forms import Dense
from roaf.kernels import RECURRENT, Problem, fused, reference
from roaf.kernels.layers import SHORTEST
from roaf.kernels.segments import read_in_segments, segments
from roaf.nonlinearity import NONLINEARITIES

DOUBLE = torch.float64
BATCH, HIDDEN = 3, 5


def inputs(time: int, phi: str, learned: bool) -> tuple[Tensor, ...]:
    """drive, state, W, alpha, beta, and the bias of phi if it has one; all want a gradient.

    beta is small, lest modrelu's states explode and blow rounding up with them.
    """
    drawn = [torch.randn(time, BATCH, HIDDEN), torch.randn(BATCH, HIDDEN)]
    drawn += [torch.randn(HIDDEN, HIDDEN) / HIDDEN**0.5]
    drawn += [torch.full((HIDDEN,), 0.99), torch.full((HIDDEN,), 0.02)] if learned else []
    drawn += [0.1 * torch.randn(HIDDEN)] if phi == "modrelu" else []
    return tuple(tensor.to(DOUBLE).requires_grad_() for tensor in drawn)


def passes(recur, leaves: tuple[Tensor, ...], phi: str, learned: bool) -> list[Tensor]:
    """The states, and the gradients of some loss of all of them."""
    drive, state, weight, *more = leaves
    mixing = [more.pop(0), more.pop(0)] if learned else [0.99, 0.02]
    matrix = random_orthogonal(HIDDEN, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    form = Dense(matrix, matrix.T)
    states = recur(drive, state, form, weight, *mixing, NONLINEARITIES[phi], *more)
    return [states, *torch.autograd.grad(states.sin().sum(), leaves)]


def recur_in_segments(kernel, drive: Tensor, state: Tensor, *layer) -> Tensor:
    """What the kernel gives of the drive, which is the input times the identity."""
    return read_in_segments(kernel, drive, state, torch.eye(HIDDEN).to(drive), None, *layer)


@pytest.mark.parametrize("kernel", [reference.recur, fused.recur])
@pytest.mark.parametrize("phi, learned", [("tanh", False), ("modrelu", True)])
@pytest.mark.parametrize("time", [1, SHORTEST, SHORTEST + 1, 3 * SHORTEST + 7])
def test_states_and_all_gradients_are_those_of_the_whole_sequence(kernel, phi, learned, time):
    leaves = inputs(time, phi, learned)
    whole = passes(kernel, leaves, phi, learned)
    cut = passes(lambda *args: recur_in_segments(kernel, *args), leaves, phi, learned)
    torch.testing.assert_close(cut, whole, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("name", RECURRENT)
def test_every_backend_gives_in_segments_what_it_gives_whole(name):
    leaves = tuple(leaf.detach().float().requires_grad_() for leaf in inputs(200, "tanh", False))
    matrix = random_orthogonal(HIDDEN, generator=torch.Generator().manual_seed(1))
    form, phi = Dense(matrix, matrix.T), NONLINEARITIES["tanh"]
    drive, state, weight = leaves
    sizes = (*drive.shape, drive.device, drive.dtype)
    if reason := RECURRENT[name].refuses(Problem(*sizes, form, 0.99, 0.01, phi)):
        pytest.skip(f"{name} {reason}")
    kernel, rest = RECURRENT[name].kernel, (form, weight, 0.99, 0.01, phi)
    whole, cut = kernel(drive, state, *rest), recur_in_segments(kernel, drive, state, *rest)
    wanted, found = (torch.autograd.grad(y.sin().sum(), leaves) for y in (whole, cut))
    torch.testing.assert_close((cut, *found), (whole, *wanted), atol=2e-4, rtol=2e-4)


def test_segments_cover_the_time_once_and_are_about_its_root():
    assert segments(100) == [slice(0, 64), slice(64, 100)]
    places = segments(100_000)
    assert [place.start for place in places[1:]] == [place.stop for place in places[:-1]]
    assert (places[0].start, places[-1].stop) == (0, 100_000)
    assert max(place.stop - place.start for place in places) == math.isqrt(100_000) + 1


@pytest.mark.parametrize("has_offset", [True, False])
def test_the_drive_is_made_of_the_inputs_of_each_part_alone(has_offset):
    _, state, weight = inputs(200, "tanh", learned=False)
    x, v = torch.randn(200, BATCH, 2, dtype=DOUBLE), torch.randn(HIDDEN, 2, dtype=DOUBLE)
    offset = torch.randn(HIDDEN, dtype=DOUBLE, requires_grad=True) if has_offset else None
    eye, lengths = torch.eye(HIDDEN, dtype=DOUBLE), []
    rest = (Dense(eye, eye), weight, 0.99, 0.3, NONLINEARITIES["tanh"])

    def kernel(drive, *others):
        lengths.append(len(drive))
        return fused.recur(drive, *others)

    leaves = [state, weight, x.requires_grad_(), v.requires_grad_(), *[offset][: int(has_offset)]]
    found = read_in_segments(kernel, x, state, v, offset, *rest)
    assert lengths == [SHORTEST, SHORTEST, SHORTEST, 200 - 3 * SHORTEST]
    wanted = fused.recur(linear(x, v, offset), state, *rest)
    mine, whole = (torch.autograd.grad(y.square().sum(), leaves) for y in (found, wanted))
    torch.testing.assert_close((found, *mine), (wanted, *whole), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("both_ways", [False, True])
def test_a_network_that_keeps_little_has_the_numbers_of_one_that_keeps_all(both_ways):
    settings = {"alpha": 0.99, "beta": 0.1, "num_layers": 2, "bidirectional": both_ways}
    full = RoaRNN(2, HIDDEN, **settings).double()
    little = RoaRNN(2, HIDDEN, activation_memory="sqrt", **settings).double()
    little.load_state_dict(full.state_dict())
    x = torch.randn(BATCH, 3 * SHORTEST + 7, 2, dtype=DOUBLE, requires_grad=True)
    found = []
    for network in (full, little):
        output, last = network(x)
        loss = output.sin().sum() + last.square().sum()
        gradients = torch.autograd.grad(loss, (x, *network.parameters()))
        found.append((output, last, *gradients))
    torch.testing.assert_close(found[1], found[0], atol=1e-10, rtol=1e-10)


def test_no_more_is_kept_than_the_states_between_segments_and_what_was_given():
    drive, state, weight = inputs(1000, "tanh", learned=False)
    kept: list[Tensor] = []
    eye = torch.eye(HIDDEN, dtype=DOUBLE)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        phi = NONLINEARITIES["tanh"]
        recur_in_segments(fused.recur, drive, state, Dense(eye, eye), weight, 0.99, 0.3, phi)
    between = len(segments(1000))
    assert sorted(x.shape for x in kept) == [
        (HIDDEN, HIDDEN),
        (HIDDEN, HIDDEN),
        (between, BATCH, HIDDEN),
        (1000, BATCH, HIDDEN),
    ]
    assert any(x.data_ptr() == drive.data_ptr() for x in kept)


def test_no_gradient_of_a_gradient():
    leaves = inputs(70, "tanh", learned=False)
    eye = torch.eye(HIDDEN, dtype=DOUBLE)
    states = recur_in_segments(
        reference.recur, *leaves[:2], Dense(eye, eye), leaves[2], 0.9, 0.1, NONLINEARITIES["tanh"]
    )
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(states.sum(), leaves, create_graph=True)
