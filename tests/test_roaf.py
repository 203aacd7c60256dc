"""The method itself: the equation, its special cases, its backends."""

import copy
import math

import pytest
import torch
from torch.autograd import gradcheck

from roaf import RoaMLP, RoaRNN, random_orthogonal
from roaf.kernels import RECURRENT
from roaf.nonlinearity import NONLINEARITIES
from roaf.orthogonal import FILTERS

DOUBLE = torch.float64
BACKENDS = sorted(RECURRENT)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_every_filter_is_orthogonal_and_drawn_by_its_generator(kind, size):
    first = random_orthogonal(size, kind, generator=generator(), dtype=DOUBLE)
    again = random_orthogonal(size, kind, generator=generator(), dtype=DOUBLE)
    assert torch.equal(first, again)
    torch.testing.assert_close(first.T @ first, torch.eye(size, dtype=DOUBLE), atol=1e-12, rtol=0)


def test_a_filter_rounded_to_bfloat16_is_no_isometry_over_ten_thousand_steps():
    exact = random_orthogonal(128, generator=generator(), dtype=DOUBLE)
    gains = [
        torch.linalg.svdvals(torch.linalg.matrix_power(o.double(), 10_000))
        for o in (exact.float(), exact.bfloat16())
    ]
    torch.testing.assert_close(gains[0], torch.ones(128, dtype=DOUBLE), atol=1e-2, rtol=0)
    assert gains[1].max() > 5
    assert gains[1].min() < 1 / 5


def test_haar_has_the_trace_moments_of_the_orthogonal_group():
    # E tr O = 0 and E (tr O)^2 = 1 under the Haar law, whatever the size (Diaconis & Shahshahani)
    draw = generator(1)
    traces = torch.stack([random_orthogonal(6, generator=draw).trace() for _ in range(4000)])
    assert abs(traces.mean()) < 0.08
    assert abs(traces.var() - 1) < 0.12


def test_bad_settings_get_a_sentence_that_names_what_is_allowed():
    with pytest.raises(ValueError, match=r"'haa' is unknown; allowed: haar, uniform_qr"):
        random_orthogonal(4, "haa")
    with pytest.raises(ValueError, match=r"float32 or float64, not torch\.bfloat16"):
        random_orthogonal(4, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="hidden_size must be at least 1, not 0"):
        RoaRNN(1, 0, alpha=0.9)
    with pytest.raises(ValueError, match="depth must be at least 1"):
        RoaMLP(4, 0, alpha=0.9)
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        RoaRNN(1, 2, alpha=math.nan)
    with pytest.raises(ValueError, match="beta must be a finite number of at least 0"):
        RoaRNN(1, 2, alpha=1.5)
    with pytest.raises(ValueError, match="'cuda' is unknown; allowed: auto, reference, fused"):
        RoaRNN(1, 2, alpha=0.9, backend="cuda")
    with pytest.raises(ValueError, match="'gelu' is unknown; allowed: tanh, relu"):
        RoaRNN(1, 2, alpha=0.9, nonlinearity="gelu")
    with pytest.raises(ValueError, match="allowed: full"):
        RoaMLP(4, 2, alpha=0.9, activation_memory="none")
    with pytest.raises(ValueError, match="h0 has 2 states, but layers times directions is 1"):
        RoaRNN(1, 2, alpha=0.9)(torch.zeros(3, 4, 1), torch.zeros(2, 3, 2))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", FILTERS)
def test_forward_is_the_iterated_step(backend, kind):
    model = RoaRNN(3, 5, alpha=0.7, filter=kind, backend=backend, generator=generator()).double()
    x, h = torch.randn(2, 9, 3, dtype=DOUBLE), torch.randn(2, 5, dtype=DOUBLE)
    output, last = model(x, h.unsqueeze(0))
    for t in range(9):
        h = model.step(x[:, t], h)
        torch.testing.assert_close(output[:, t], h, atol=1e-14, rtol=0)
    assert torch.equal(last[0], output[:, -1])


@pytest.mark.parametrize("backend", BACKENDS)
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


@pytest.mark.parametrize("layers, both_ways", [(1, False), (2, False), (2, True)])
def test_without_the_filter_it_is_torch_rnn(layers, both_ways):
    settings = {"num_layers": layers, "bidirectional": both_ways}
    ours = RoaRNN(3, 4, alpha=0.0, beta=1.0, **settings).double()
    theirs = torch.nn.RNN(3, 4, batch_first=True, **settings).double()
    for name, value in theirs.named_parameters():
        kind, layer, *reverse = name.replace("_l", " l").replace("_reverse", " _reverse").split()
        suffix = ("" if layer == "l0" else f"_{layer}") + "".join(reverse)
        source = getattr(ours, ("bias" if kind == "bias_ih" else kind) + suffix, None)
        value.data = torch.zeros_like(value) if source is None else source.data
    x = torch.randn(2, 6, 3, dtype=DOUBLE)
    h = torch.randn(layers * (1 + both_ways), 2, 4, dtype=DOUBLE)
    for mine, expected in zip(ours(x, h), theirs(x, h), strict=True):
        torch.testing.assert_close(mine, expected, atol=1e-14, rtol=0)


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


def test_the_filter_is_saved_restored_and_never_rounded():
    model = RoaRNN(1, 16, alpha=0.9, generator=generator(1))
    other = RoaRNN(1, 16, alpha=0.9, generator=generator(2))
    other.load_state_dict(model.state_dict())
    x = torch.randn(2, 5, 1)
    assert torch.equal(model(x)[0], other(x)[0])
    exact = model.bfloat16().double().orthogonal_matrix()
    torch.testing.assert_close(exact.T @ exact, torch.eye(16, dtype=DOUBLE), atol=1e-14, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
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


def test_one_generator_gives_one_model():
    first, again = (RoaRNN(2, 4, alpha=0.9, generator=generator(7)) for _ in range(2))
    for mine, same in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, same)


def test_the_written_out_backward_agrees_with_autograd_over_a_thousand_steps():
    models = [RoaRNN(1, 32, alpha=0.999, backend=b, generator=generator(0)) for b in BACKENDS]
    x = torch.randn(4, 1000, 1, generator=generator(1))
    for model in models:
        model(x)[0][:, -1].square().sum().backward()
    for mine, other in zip(*(m.parameters() for m in models), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=2e-3, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", FILTERS)
def test_a_gpu_gives_the_numbers_of_the_cpu(kind):
    model = RoaRNN(2, 32, alpha=0.99, filter=kind, generator=generator(1))
    x = torch.randn(4, 200, 2, generator=generator(2))
    here = model(x)[0]
    there = model.cuda()(x.cuda())[0].cpu()
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)
