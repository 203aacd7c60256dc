"""Bodies of the first suite against their papers' equations, written out in NumPy."""

import numpy as np
import pytest
import torch
from scipy.linalg import expm

import baselines

BODIES = {
    "cornn": baselines.CoRNN,
    "exprnn": baselines.ExpRNN,
    "antisymmetric": baselines.AntisymmetricRNN,
    "urnn": baselines.UnitaryRNN,
}


def arrays(body):
    return {name: value.detach().numpy() for name, value in body.state_dict().items()}


def cornn_in_numpy(body, x):
    p, dt = arrays(body), body.time_step
    y = z = np.zeros((len(x), body.hidden_size))
    for t in range(x.shape[1]):
        a = y @ p["weight_position"].T + z @ p["weight_velocity"].T
        a = np.tanh(a + x[:, t] @ p["weight_ih"].T + p["bias"])
        z = z + dt * (a - body.gamma * y - body.epsilon * z)
        y = y + dt * z
        yield y


def exprnn_in_numpy(body, x):
    p, n = arrays(body), len(body.bias)
    a, h = np.zeros((n, n)), np.zeros((len(x), n))
    a[np.tril_indices(n, -1)] = p["parametrizations.weight_hh.original"]
    w = expm(a - a.T)
    for t in range(x.shape[1]):
        z = h @ w.T + x[:, t] @ p["weight_ih"].T
        h = np.sign(z) * np.maximum(np.abs(z) + p["bias"], 0)
        yield h


def antisymmetric_in_numpy(body, x):
    p, n = arrays(body), body.hidden_size
    m, h = np.zeros((n, n)), np.zeros((len(x), n))
    m[np.triu_indices(n, 1)] = p["weight_hh"]
    a = m - m.T - body.gamma * np.eye(n)
    for t in range(x.shape[1]):
        h = h + body.epsilon * np.tanh(h @ a.T + x[:, t] @ p["weight_ih"].T + p["bias"])
        yield h


def urnn_in_numpy(body, x):
    p, n = arrays(body), body.hidden_size
    d1, d2, d3 = (np.diag(np.exp(1j * theta)) for theta in p["angles"])
    columns = p["reflections"][:, 0] + 1j * p["reflections"][:, 1]
    r1, r2 = (np.eye(n) - 2 * np.outer(v, v.conj()) / np.vdot(v, v) for v in columns)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n)
    shuffle = np.eye(n)[p["permutation"]]
    w = d3 @ r2 @ fourier.conj().T @ d2 @ shuffle @ r1 @ fourier @ d1
    v = p["weight_ih"][:n] + 1j * p["weight_ih"][n:]
    h = np.tile(p["first_state"][:n] + 1j * p["first_state"][n:], (len(x), 1))
    for t in range(x.shape[1]):
        z = h @ w.T + x[:, t] @ v.T
        h = z * np.maximum(np.abs(z) + p["bias"], 0) / (np.abs(z) + 1e-5)
        yield np.concatenate([h.real, h.imag], axis=1)


TRANSCRIPTIONS = {
    "cornn": cornn_in_numpy,
    "exprnn": exprnn_in_numpy,
    "antisymmetric": antisymmetric_in_numpy,
    "urnn": urnn_in_numpy,
}


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
def test_body_equals_the_equations_of_its_paper(name):
    body = BODIES[name](3, 10).double()
    x = torch.randn(4, 50, 3, dtype=torch.float64)
    expected = np.stack(list(TRANSCRIPTIONS[name](body, x.numpy())), axis=1)
    np.testing.assert_allclose(body(x).detach(), expected, rtol=0, atol=1e-6)
