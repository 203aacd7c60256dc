"""Bodies of whole sequences, without a state: the convolutional network and the Transformer."""

import inspect

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from baselines import tcn, transformer
from tests.baselines import checks

BODIES = {
    "tcn": lambda *sizes: tcn.TCN(*sizes, num_layers=2, kernel_size=3),
    "transformer": lambda *sizes: transformer.Transformer(*sizes, num_layers=2, num_heads=2),
}
every_body = pytest.mark.parametrize("factory", BODIES.values(), ids=BODIES)


@every_body
def test_an_input_changes_no_earlier_output_but_those_from_it_on(factory):
    body = factory(3, 6)
    checks.assert_causal(body)
    x = torch.randn(1, 12, 3, dtype=checks.DOUBLE)
    changed = x.clone()
    changed[:, 6] += 1
    assert (body(x)[0, 6:9] != body(changed)[0, 6:9]).any(dim=-1).all()


@every_body
def test_sequences_of_a_batch_do_not_meet(factory):
    body, x = factory(3, 6).double(), torch.randn(4, 9, 3, dtype=checks.DOUBLE)
    torch.testing.assert_close(body(x)[1:3], body(x[1:3]))


@every_body
def test_gradients_are_right(factory):
    checks.assert_gradients_are_right(factory(2, 2))


@pytest.mark.parametrize("factory", [tcn.TCN, transformer.Transformer])
def test_gradients_are_finite_over_784_steps(factory):
    checks.assert_finite_gradients(factory(2, 8))


def flops(body, time):
    x = torch.zeros(1, time, 3)
    # The fused attention of a CPU is not counted, the products that it stands for are.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        body(x)
    return counter.get_total_flops()


def assert_costs(body, costs, time):
    assert costs.parameters == sum(parameter.numel() for parameter in body.parameters())
    assert costs.state_size == 0
    assert (costs.flops + costs.pair_flops * time) * time == flops(body, time)


@pytest.mark.parametrize("hidden_size", [3, 8])
def test_costs_of_the_convolutions_are_those_of_the_body(hidden_size):
    sizes = {"num_layers": 3, "kernel_size": 2}
    assert_costs(tcn.TCN(3, hidden_size, **sizes), tcn.costs(3, hidden_size, **sizes), 20)
    assert inspect.signature(tcn.costs).parameters == inspect.signature(tcn.TCN).parameters


def test_costs_of_the_transformer_are_those_of_the_body():
    body = transformer.Transformer(3, 8, num_layers=3, num_heads=2)
    costs = transformer.costs(3, 8, num_layers=3, num_heads=2)
    assert_costs(body, costs, 20)


def test_tcn_equals_the_code_of_its_authors():
    checks.assert_equals_the_authors_code(tcn.TCN(3, 4, num_layers=3, kernel_size=3), "tcn")


def test_tcn_sees_exactly_as_far_as_its_dilations_reach():
    body = tcn.TCN(1, 16, num_layers=3, kernel_size=3)
    reach = 1 + 2 * 2 * (2**3 - 1)
    x = torch.randn(8, 40, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(body(x)[:, -1].sum(), x)
    seen = gradient.abs().sum((0, 2)) > 0
    assert seen[-reach:].all() and not seen[:-reach].any()


def test_tcn_starts_its_convolutions_as_torch_does_and_its_shortcut_small():
    torch.manual_seed(0)
    block = tcn.TCN(3, 64).blocks[0]
    bound = (64 * 7) ** -0.5
    assert 0.9 * bound < block.upper.weight.abs().max() <= bound
    assert block.shortcut.weight.std().item() == pytest.approx(0.01, rel=0.2)


def copied(layer, size, num_heads):
    """torch's own layer with the same weights."""
    twin = nn.TransformerEncoderLayer(
        size, num_heads, 4 * size, dropout=0.0, batch_first=True, norm_first=True
    )
    pairs = {
        "self_attn.in_proj_": layer.project,
        "self_attn.out_proj.": layer.merge,
        "linear1.": layer.lift,
        "linear2.": layer.lower,
        "norm1.": layer.attention_norm,
        "norm2.": layer.inner_norm,
    }
    twin.load_state_dict(
        {
            name + part: value
            for name, module in pairs.items()
            for part, value in module.state_dict().items()
        }
    )
    return twin.double()


def test_transformer_is_torchs_own_layers_on_an_encoder_with_positions():
    body, x = transformer.Transformer(3, 8, 2, 2), torch.randn(2, 50, 3, dtype=checks.DOUBLE)
    for parameter in body.parameters():
        nn.init.normal_(parameter, std=0.5)
    body = body.double()
    mask = nn.Transformer.generate_square_subsequent_mask(50, dtype=checks.DOUBLE)
    z = body.encoder(x) + transformer.positions(50, 8)
    for layer in body.layers:
        z = copied(layer, 8, 2)(z, src_mask=mask)
    torch.testing.assert_close(body(x), body.norm(z), rtol=1e-10, atol=1e-11)


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    p = transformer.positions(9_000, 6)
    frequency = 10_000.0 ** (-torch.arange(0, 6, 2, dtype=checks.DOUBLE) / 6)
    expected = torch.cos(7 * frequency).sum().expand(8_993)
    torch.testing.assert_close((p[7:] * p[:-7]).sum(1), expected)
    torch.testing.assert_close(p[1], torch.stack([frequency.sin(), frequency.cos()], 1).flatten())


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="num_heads must divide hidden_size, got 4 for 6"):
        transformer.Transformer(1, 6)
    with pytest.raises(ValueError, match=r"num_layers must be >= 1 .* got 0 and 7"):
        tcn.TCN(1, 6, num_layers=0)
