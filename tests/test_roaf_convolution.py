"""RoaCNN: on one pixel it is RoaMLP; on more, its filter is an isometry and its bounds hold."""

import math

import pytest
import torch
from torch.autograd.functional import jacobian
from torch.func import functional_call

from roaf import Learned, Nonlinearity, RoaCNN, RoaMLP, singular_value_bounds
from roaf.nonlinearity import NONLINEARITIES
from roaf.orthogonal import FILTERS

DOUBLE = torch.float64
MIXINGS = {
    "numbers": {"alpha": 0.9, "beta": 0.2},
    "per channel": {"alpha": torch.linspace(0.6, 1.0, 4), "beta": torch.linspace(0.3, 0.1, 4)},
    "one a layer": {"alpha": torch.tensor([[0.5], [0.7], [0.9]]), "beta": 0.2},
    "learned": {"alpha": Learned(0.8, 1.0, per_unit=True), "beta": Learned(0.0, 0.2)},
}
STEEP = Nonlinearity(lambda z: torch.sin(2 * z), lipschitz=2.0)
# above the size up to which the matrix is used, so that each filter is applied in its own form
LARGE = dict.fromkeys(FILTERS, 130) | {"hadamard": 640}


def on_one_pixel(width, kernel_size=3, **settings):
    """A RoaMLP and a RoaCNN whose centre tap it is."""
    flat, deep = RoaMLP(width, 3, **settings), RoaCNN(width, 3, kernel_size=kernel_size, **settings)
    for parameter in flat.parameters():
        torch.nn.init.uniform_(parameter, -0.1, 0.1)
    weight = torch.randn_like(deep.weight)
    weight[..., kernel_size // 2, kernel_size // 2] = flat.weight.detach()
    deep.load_state_dict(flat.state_dict() | {"weight": weight})
    return flat.double(), deep.double()


def same_on_one_pixel(flat, deep):
    x = torch.randn(2, flat.width, dtype=DOUBLE)
    output = deep(x[..., None, None])
    torch.testing.assert_close(output[..., 0, 0], flat(x), rtol=1e-12, atol=1e-13)
    stepped = deep.step(x[..., None, None], 1)
    torch.testing.assert_close(stepped[..., 0, 0], flat.step(x, 1), rtol=1e-12, atol=1e-13)
    assert torch.equal(deep.orthogonal_matrix(), flat.orthogonal_matrix())


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kind", FILTERS)
def test_on_one_pixel_every_filter_is_that_of_the_deep_network(kind, shared):
    settings = {"alpha": 0.8, "filter": kind, "shared_filter": shared}
    same_on_one_pixel(*on_one_pixel(8, **settings))
    same_on_one_pixel(*on_one_pixel(LARGE[kind], kernel_size=1, **settings))


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("settings", [{"nonlinearity": "modrelu"}, {"bias": False}], ids=str)
def test_on_one_pixel_every_setting_is_that_of_the_deep_network(mixing, settings):
    same_on_one_pixel(*on_one_pixel(4, kernel_size=5, **MIXINGS[mixing], **settings))


@pytest.mark.parametrize("kind", FILTERS)
def test_a_filter_alone_keeps_the_norm_of_an_image(kind):
    model = RoaCNN(8, 50, alpha=1.0, filter=kind).double()
    x = torch.randn(3, 8, 4, 5, dtype=DOUBLE)
    torch.testing.assert_close(model(x).flatten(1).norm(dim=1), x.flatten(1).norm(dim=1))


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_gradients_of_learned_weights_of_both_branches_are_right(name):
    mixing = {"alpha": Learned(0.5, 1.0), "beta": Learned(0.1, 0.9, per_unit=True)}
    model = RoaCNN(2, 2, **mixing, nonlinearity=name).double()
    names, values = zip(*model.named_parameters(), strict=True)
    for key, value in zip(names, values, strict=True):
        if "phi_bias" in key:
            torch.nn.init.uniform_(value, -0.3, 0.3)
    x = torch.randn(2, 2, 3, 2, dtype=DOUBLE, requires_grad=True)

    def run(x, *values):
        return functional_call(model, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *values), fast_mode=True)


def dense_jacobian(function, image):
    """The Jacobian of a function of one image as a matrix."""
    size = image.numel()
    return jacobian(lambda image: function(image[None])[0], image).reshape(size, size)


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("nonlinearity", ["modrelu", STEEP], ids=["modrelu", "own"])
def test_a_measured_layer_lies_within_its_bounds(mixing, nonlinearity):
    model = RoaCNN(4, 3, **MIXINGS[mixing], nonlinearity=nonlinearity).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    image = torch.randn(4, 3, 4, dtype=DOUBLE)
    for layer, (lower, upper) in enumerate(model.step_bounds()):
        step = dense_jacobian(lambda x, layer=layer: model.step(x, layer), image)
        measured = torch.linalg.svdvals(step)
        assert lower - 1e-12 <= measured.min()
        assert measured.max() <= upper * (1 + 1e-12)
        assert upper < 4


def test_the_jacobian_of_the_whole_network_lies_within_the_product_of_its_bounds():
    model = RoaCNN(3, 20, alpha=0.99, beta=0.01, shared_filter=False).double()
    image = torch.randn(3, 4, 4, dtype=DOUBLE)
    measured = torch.linalg.svdvals(dense_jacobian(model, image))
    lower, upper = map(math.prod, zip(*model.step_bounds(), strict=True))
    assert 0.3 < lower <= measured.min()
    assert measured.max() <= upper < 2


@pytest.mark.parametrize("sign, side", [(1.0, 1), (-1.0, 0)])
def test_the_bounds_of_a_layer_are_attained_where_its_centre_points_along_the_filter(sign, side):
    # at x = 0 the slope is 1, so a layer's Jacobian is (alpha +- 2 beta) O at every pixel
    model = RoaCNN(5, 1, alpha=0.9, bias=False).double()
    torch.nn.init.zeros_(model.weight)
    model.weight.data[0, :, :, 1, 1] = sign * 2 * model.orthogonal_matrix()
    measured = torch.linalg.svdvals(dense_jacobian(model, torch.zeros(5, 3, 3, dtype=DOUBLE)))
    torch.testing.assert_close(measured, torch.full_like(measured, 0.9 + sign * 0.2))
    assert model.step_bounds()[0][side] == pytest.approx(0.9 + sign * 0.2, rel=1e-3)


def test_a_bound_adds_the_norms_of_the_taps():
    model = RoaCNN(2, 1, alpha=0.5, beta=0.1, nonlinearity=STEEP)
    taps = torch.randn(2, 2, 3, 3, dtype=DOUBLE)
    model.double().weight.data[0] = taps
    sigma = sum(torch.linalg.matrix_norm(tap, 2) for tap in taps.flatten(2).unbind(-1))
    expected = singular_value_bounds(0.5, 0.1, 2 * sigma)
    assert model.step_bounds()[0] == pytest.approx(expected, rel=1e-3)


def test_half_precision_and_autocast_keep_the_filter_in_float32():
    model, x = RoaCNN(16, 200, alpha=1.0, beta=0.0), torch.randn(2, 16, 2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(model(x).norm(), x.norm())
    half, x = model.bfloat16(), x.bfloat16()
    assert half(x).dtype == torch.bfloat16
    assert half.orthogonal_matrix().dtype == torch.float32
    torch.testing.assert_close(half(x).float().norm(), x.float().norm(), rtol=5e-3, atol=0)


def test_one_generator_gives_one_model():
    first, again = (
        RoaCNN(4, 2, alpha=0.9, generator=torch.Generator().manual_seed(7)) for _ in range(2)
    )
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_a_filter_of_another_kind_is_not_loaded():
    saved = RoaCNN(4, 2, alpha=0.9).state_dict()
    with pytest.raises(ValueError, match="but this model's filter is 'rotations'"):
        RoaCNN(4, 2, alpha=0.9, filter="rotations").load_state_dict(saved)


def test_bad_settings_and_images_are_named():
    with pytest.raises(ValueError, match="width must be at least 1, not 0"):
        RoaCNN(0, 2, alpha=0.9)
    with pytest.raises(ValueError, match="kernel_size must be at least 1, not -1"):
        RoaCNN(2, 2, alpha=0.9, kernel_size=-1)
    with pytest.raises(ValueError, match="kernel_size must be an odd number, not 2"):
        RoaCNN(2, 2, alpha=0.9, kernel_size=2)
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\), which must be \(batch, 2, rows, col"):
        RoaCNN(2, 2, alpha=0.9)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="at least one pixel"):
        RoaCNN(2, 2, alpha=0.9)(torch.zeros(1, 2, 0, 4))
