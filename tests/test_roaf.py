"""The method itself: the equation, its special cases, its backends."""

import copy
from typing import Any

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from roaf import Learned, RoaMLP, RoaRNN
from roaf.kernels import RECURRENT
from roaf.nonlinearity import NONLINEARITIES
from roaf.orthogonal import FILTERS

DOUBLE = torch.float64
EXACT = ("fused", "reference")
"""The backends that also compute in float64; each of the others has a test file of its own."""
HERE = sorted(set(RECURRENT) - {"cuda"})


# above the size up to which the matrix is used, so that each filter is applied in its own form
LARGE = dict.fromkeys(FILTERS, 200) | {"hadamard": 640}
ALL_FORMS = [(kind, "per unit") for kind in LARGE] + [("rotations", "numbers"), ("haar", "learned")]


def mixings(size: int) -> dict[str, dict[str, Any]]:
    """alpha and beta in all the ways there are."""
    learned = Learned(0.5, 0.95, per_unit=True)
    return {
        "numbers": {"alpha": 0.8, "beta": 0.3},
        "per unit": {"alpha": torch.linspace(0.2, 0.9, size)},
        "learned": {"alpha": learned, "beta": Learned(0.0, 1.0, initial=0.3)},
        "one a layer": {"alpha": torch.tensor([[0.5], [0.7], [0.9]]), "beta": 0.2},
    }


def same_value_and_gradients(found, expected, inputs) -> None:
    """Both agree, and so do the gradients of a random projection of both."""
    close = {"atol": 1e-11, "rtol": 1e-9}
    torch.testing.assert_close(found, expected, **close)
    direction = torch.randn(found.shape, dtype=DOUBLE, generator=generator(9))
    pairs = (torch.autograd.grad((y * direction).sum(), inputs) for y in (found, expected))
    for mine, other in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, other, **close)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("kind", FILTERS)
def test_forward_is_the_iterated_step(backend, kind):
    model = RoaRNN(3, 8, alpha=0.7, filter=kind, backend=backend, generator=generator()).double()
    x, h = torch.randn(2, 9, 3, dtype=DOUBLE), torch.randn(2, 8, dtype=DOUBLE)
    output, last = model(x, h.unsqueeze(0))
    for t in range(9):
        h = model.step(x[:, t], h)
        torch.testing.assert_close(output[:, t], h, atol=1e-14, rtol=0)
    assert torch.equal(last[0], output[:, -1])


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("shared", [True, False])
def test_the_deep_network_is_the_composition_of_its_steps(backend, shared):
    model = RoaMLP(5, 8, alpha=0.7, shared_filter=shared, backend=backend).double()
    x = torch.randn(3, 5, dtype=DOUBLE)
    output = model(x)
    for layer in range(8):
        x = model.step(x, layer)
    torch.testing.assert_close(output, x, atol=1e-14, rtol=0)


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_gradients_of_the_recurrence_are_right(name):
    model = RoaRNN(2, 3, alpha=0.8, nonlinearity=name, generator=generator(3)).double()
    names, values = zip(*model.named_parameters(), strict=True)
    x = torch.randn(2, 4, 2, dtype=DOUBLE, generator=generator(4), requires_grad=True)
    h = torch.randn(1, 2, 3, dtype=DOUBLE, generator=generator(5), requires_grad=True)

    def run(x, h, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, parameters, (x, h))

    assert gradcheck(run, (x, h, *values))


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_gradients_of_the_deep_network_are_right(name):
    model = RoaMLP(3, 4, alpha=0.8, nonlinearity=name, generator=generator(3)).double()
    names, values = zip(*model.named_parameters(), strict=True)
    x = torch.randn(2, 3, dtype=DOUBLE, generator=generator(4), requires_grad=True)

    def run(x, *values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (x,))

    assert gradcheck(run, (x, *values))


@pytest.mark.parametrize("model", [RoaRNN(2, 2, alpha=0.8), RoaMLP(2, 3, alpha=0.8)])
def test_a_second_derivative_of_the_fused_kernels_is_refused(model):
    # a loss linear in the output: a gradient without its graph would pass for one with it
    x = torch.randn(4, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="no second derivative; use backend='reference'"):
        torch.autograd.grad(parts(model(x)).sum(), x, create_graph=True)


@pytest.mark.parametrize("model", [RoaRNN, RoaMLP])
def test_the_reference_has_a_second_derivative(model):
    x = torch.randn(2, 2, dtype=DOUBLE, requires_grad=True)
    own = model(2, 3, alpha=0.8, backend="reference").double()
    assert gradgradcheck(lambda x: parts(own(x)), (x,))


def parts(output):
    """The output alone, without the last state."""
    return output[0] if isinstance(output, tuple) else output


def test_a_user_may_write_to_the_output_but_not_where_backward_needs_it():
    model, x = RoaRNN(2, 3, alpha=0.8), torch.randn(2, 4, 2)
    expected = model(x)[0] + 1
    assert torch.equal(model(x)[0].add_(1), expected)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        model(x)[0].add_(1).sum().backward()


def test_with_the_identity_as_filter_it_is_the_leaky_rnn():
    model = RoaRNN(2, 4, alpha=0.9, filter="identity").double()
    x, h = torch.randn(3, 12, 2, dtype=DOUBLE), torch.zeros(3, 4, dtype=DOUBLE)
    output, _ = model(x)
    for t in range(12):
        drive = x[:, t] @ model.weight_ih.T + model.bias
        h = h + 0.1 * (torch.tanh(h @ model.weight_hh.T + drive) - h)
        torch.testing.assert_close(output[:, t], h, atol=1e-14, rtol=0)


def test_training_moves_the_weights_and_never_the_filter():
    model = RoaRNN(1, 6, alpha=0.9)
    before = copy.deepcopy(model.state_dict())
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(10):
        optimiser.zero_grad()
        model(torch.randn(2, 5, 1))[0].square().sum().backward()
        optimiser.step()
    after = model.state_dict()
    assert torch.equal(before["orthogonal"], after["orthogonal"])
    assert not torch.equal(before["weight_hh"], after["weight_hh"])


@pytest.mark.parametrize("backend", HERE)
def test_half_precision_and_autocast_keep_filter_and_state_in_float32(backend):
    model = RoaRNN(1, 32, alpha=1.0, beta=0.0, backend=backend, generator=generator(1))
    h = torch.randn(1, 4, 32)
    x = torch.zeros(4, 2000, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = model(x, h)
    norms = output[:, -1].norm(dim=-1) / h[0].norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones(4), atol=1e-4, rtol=0)
    half = model.bfloat16()
    assert half.orthogonal_matrix().dtype == torch.float32
    output, _ = half(x.bfloat16(), h.bfloat16())
    assert output.dtype == torch.bfloat16
    norms = output[:, -1].float().norm(dim=-1) / h[0].bfloat16().float().norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones(4), atol=1e-2, rtol=0)


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("kind, mixing", ALL_FORMS)
def test_the_recurrence_and_its_gradients_are_those_of_the_matrix(kind, mixing, backend):
    size = LARGE[kind]
    model = RoaRNN(2, size, **mixings(size)[mixing], filter=kind, backend=backend).double()
    x, h = torch.randn(2, 3, 2, dtype=DOUBLE), torch.randn(1, 2, size, dtype=DOUBLE)
    h.requires_grad_()
    state, o = h[0], model.orthogonal_matrix()
    for x_t in x.unbind(1):
        inner = state @ model.weight_hh.T + x_t @ model.weight_ih.T + model.bias
        state = model.alpha * (state @ o.T) + model.beta * torch.tanh(inner)
    same_value_and_gradients(model(x, h)[1][0], state, [h, *model.parameters()])


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kind, mixing", [*ALL_FORMS, ("haar", "one a layer")])
def test_the_deep_network_and_its_gradients_are_those_of_the_matrix(kind, mixing, shared, backend):
    size = LARGE[kind]
    settings = mixings(size)[mixing] | {"filter": kind, "shared_filter": shared}
    model = RoaMLP(size, 3, **settings, backend=backend).double()
    x = torch.randn(2, size, dtype=DOUBLE, requires_grad=True)
    ones, y = torch.ones(3, size, dtype=DOUBLE), x
    filters = model.orthogonal_matrix().expand(3, size, size)
    parts = (filters, model.weight, model.bias, model.alpha * ones, model.beta * ones)
    for o, weight, bias, alpha, beta in zip(*parts, strict=True):
        y = alpha * (y @ o.T) + beta * torch.tanh(y @ weight.T + bias)
    same_value_and_gradients(model(x), y, [x, *model.parameters()])


def test_one_generator_gives_one_model():
    first, again = (RoaRNN(2, 4, alpha=0.9, generator=generator(7)) for _ in range(2))
    for mine, same in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, same)


def test_the_written_out_backward_agrees_with_autograd_over_a_thousand_steps():
    models = [RoaRNN(1, 32, alpha=0.999, backend=b, generator=generator(0)) for b in HERE]
    x = torch.randn(4, 1000, 1, generator=generator(1))
    for model in models:
        model(x)[0][:, -1].square().sum().backward()
    for found in zip(*(m.parameters() for m in models), strict=True):
        for other in found[1:]:
            torch.testing.assert_close(found[0].grad, other.grad, rtol=2e-3, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", LARGE)
def test_a_gpu_gives_the_numbers_of_the_cpu(kind):
    model = RoaRNN(2, LARGE[kind], alpha=0.99, filter=kind, generator=generator(1))
    x = torch.randn(4, 200, 2, generator=generator(2))
    here = model(x)[0]
    there = model.cuda()(x.cuda())[0].cpu()
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)
