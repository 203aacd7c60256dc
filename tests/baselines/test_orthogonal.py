"""The orthogonal and unitary networks: the contract, and equality with what was published.

The files in tests/golden hold outputs of the authors' code in float64, their parameters under our
names, and in `source` the repository and commit. Where theirs multiplies row vectors by W, ours
holds the parameters of the transpose. scoRNN and EUNN ran with a NumPy stand-in for TensorFlow.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from baselines import asrnn, dtriv, eunn, exprnn, full_urnn, nnrnn, ornn, scornn, shuffling
from tests.baselines.checks import (
    assert_causal,
    assert_finite_gradients,
    assert_forward_is_the_iterated_step,
    assert_gradients_are_right,
    matrix_flops,
)

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS = {
    "full-urnn": (full_urnn.FullCapacityURNN, full_urnn.costs, {}),
    "eunn": (eunn.EUNN, eunn.costs, {}),
    "eunn-4": (eunn.EUNN, eunn.costs, {"capacity": 4}),
    "eunn-fft": (eunn.EUNN, eunn.costs, {"layout": "fft"}),
    "scornn": (scornn.ScoRNN, scornn.costs, {}),
    "exprnn": (exprnn.ExpRNN, exprnn.costs, {}),
    "dtriv": (dtriv.DTriv, dtriv.costs, {}),
    "ornn": (ornn.ORNN, ornn.costs, {}),
    "ornn-2": (ornn.ORNN, ornn.costs, {"reflections": 2}),
    "nnrnn": (nnrnn.NonNormalRNN, nnrnn.costs, {}),
    "asrnn": (asrnn.AdaptiveSaturatedRNN, asrnn.costs, {}),
    "shuffling": (shuffling.ShufflingRNN, shuffling.costs, {"inner_size": 5, "layers": 2}),
}
every_model = pytest.mark.parametrize("name", MODELS)


def make(name, input_size, hidden_size):
    """The model with every parameter away from the zeros and ones at which some of them start."""
    factory, _, args = MODELS[name]
    body = factory(input_size, hidden_size, **args).double()
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return body


@every_model
@pytest.mark.parametrize("hidden_size", [4, 7])
def test_forward_is_the_iterated_step(name, hidden_size):
    assert_forward_is_the_iterated_step(make(name, 3, 8 if name == "eunn-fft" else hidden_size))


@every_model
def test_no_output_sees_a_later_input(name):
    assert_causal(make(name, 3, 8))


@every_model
def test_gradients_are_finite_over_784_steps_with_the_defaults(name):
    factory, _, args = MODELS[name]
    assert_finite_gradients(factory(2, 16, **args))


@every_model
def test_gradients_are_finite_where_the_first_inputs_are_blank(name):
    factory, _, args = MODELS[name]
    body, x = factory(2, 8, **args), torch.cat([torch.zeros(2, 3, 2), torch.rand(2, 3, 2)], dim=1)
    body(x).square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in body.parameters())


@every_model
def test_gradients_are_those_of_finite_differences(name):
    assert_gradients_are_right(make(name, 2, 4))


@every_model
@pytest.mark.parametrize("hidden_size", [8, 9])
def test_costs_are_those_of_a_step(name, hidden_size):
    hidden_size = 8 if name == "eunn-fft" else hidden_size
    factory, costs, args = MODELS[name]
    body, found = factory(3, hidden_size, **args), costs(3, hidden_size, **args)
    assert found.parameters == sum(p.numel() for p in body.parameters() if p.requires_grad)
    assert found.state_size == body.initial_state(1).shape[1]
    assert found.flops == products_of_a_step(body)


def products_of_a_step(body):
    """What the counter sees once the matrices are made, and 32 for each complex 2 x 2 product."""
    by_hand = 32 * body.rotations.shape[1] if isinstance(body, eunn.EUNN) else 0
    with parametrize.cached():
        body.step(torch.zeros(1, 3), body.initial_state(1))
        if isinstance(body, nnrnn.NonNormalRNN):  # W is made of P in the step
            by_hand = -2 * 2 * body.hidden_size**3
        return matrix_flops(body, 3) + by_hand


@pytest.mark.parametrize(
    ("file", "make_body"),
    [
        ("eunn_tunable", lambda: eunn.EUNN(3, 6, capacity=4)),
        ("eunn_fft", lambda: eunn.EUNN(3, 8, layout="fft")),
        ("scornn", lambda: scornn.ScoRNN(3, 6, negative_fraction=0.5)),
        ("nnrnn", lambda: nnrnn.NonNormalRNN(3, 6)),
        ("asrnn", lambda: asrnn.AdaptiveSaturatedRNN(3, 5)),
        ("shuffling", lambda: shuffling.ShufflingRNN(3, 6, inner_size=4, layers=2)),
    ],
)
def test_outputs_are_those_of_the_authors_code(file, make_body):
    body, golden = make_body().double(), np.load(GOLDEN / f"{file}.npz")
    load(body, golden, dict(body.named_parameters()))
    outputs = body(torch.from_numpy(golden["x"])).detach()
    np.testing.assert_allclose(outputs, golden["outputs"], rtol=1e-8, atol=1e-8)


def test_dtriv_trains_as_the_authors_code_up_to_a_move_of_the_base():
    # Theirs applies the gradient of the old A after a move, so that the paths part there.
    golden = np.load(GOLDEN / "dtriv.npz")
    body = dtriv.DTriv(3, 5, base_updates=7).double()
    load(body, golden, {"weight_ih": body.weight_ih, "bias": body.bias})
    load(body, golden, {"base": body.parametrizations.weight_hh[-1].base})
    x, targets = torch.from_numpy(golden["x"]), torch.from_numpy(golden["targets"])
    descent = torch.optim.SGD(body.parameters(), lr=float(golden["rate"]))
    for _ in range(7):
        descent.zero_grad()
        (body(x) - targets).square().mean().backward()
        descent.step()
    np.testing.assert_allclose(body(x).detach(), golden["outputs"], rtol=1e-8, atol=1e-8)
    assert not body.parametrizations.weight_hh.original.any()


@torch.no_grad()
def load(body, golden, tensors):
    for name, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(golden[name]))


def full_urnn_in_numpy(body, x):
    p, n = arrays(body), body.hidden_size
    numbers, base = p["parametrizations.weight_hh.original"], p["parametrizations.weight_hh.0.base"]
    a = np.zeros((n, n), complex)
    for row in range(n):
        a[row, row] = 1j * np.sqrt(2) * numbers[row, row]
        for column in range(row):
            a[row, column] = numbers[row, column] + 1j * numbers[column, row]
            a[column, row] = -a[row, column].conj()
    values, vectors = np.linalg.eigh(a / 1j)
    w = vectors * np.exp(1j * values) @ vectors.conj().T @ (base[0] + 1j * base[1])
    v, first = (p[name][:n] + 1j * p[name][n:] for name in ("weight_ih", "first_state"))
    h = np.tile(first, (len(x), 1))
    for t in range(x.shape[1]):
        z = h @ w.T + x[:, t] @ v.T
        modulus = np.sqrt(np.abs(z) ** 2 + 1e-5)
        h = z * np.maximum(modulus + p["bias"], 0) / (modulus + 1e-5)
        yield np.concatenate([h.real, h.imag], axis=1)


def ornn_in_numpy(body, x):
    p = arrays(body)
    n = len(p["bias"])
    product = body.parametrizations.weight_hh[0]
    u = np.zeros((n, product.columns))
    u[np.tril_indices(n, 0, product.columns)] = p["parametrizations.weight_hh.original"]
    w = np.diag(p["parametrizations.weight_hh.0.signs"])
    for vector in reversed(u.T):
        w = w - 2 * np.outer(vector, vector @ w) / (vector @ vector)
    h = np.tile(p["first_state"], (len(x), 1))
    for t in range(x.shape[1]):
        z = h @ w.T + x[:, t] @ p["weight_ih"].T + p["bias"]
        h = np.where(z < 0, z / 10, z)
        yield h


TRANSCRIPTIONS = {
    "full-urnn": full_urnn_in_numpy,
    "ornn": ornn_in_numpy,
    "ornn-2": ornn_in_numpy,
}


def arrays(body):
    return {name: value.detach().numpy() for name, value in body.state_dict().items()}


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
def test_body_equals_the_equations_of_its_paper(name):
    body, x = make(name, 3, 6), torch.randn(2, 50, 3, dtype=torch.float64)
    expected = np.stack(list(TRANSCRIPTIONS[name](body, x.numpy())), axis=1)
    np.testing.assert_allclose(body(x).detach(), expected, rtol=1e-9, atol=1e-9)
