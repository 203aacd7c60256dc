"""RoaRNN and RoaMLP where torch's own modules would stand: sequences, saving, compiling, DDP."""

import copy
import io
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from roaf import Learned, RoaMLP, RoaRNN, random_orthogonal
from roaf.orthogonal import FILTERS

DOUBLE = torch.float64
KINDS = sorted(FILTERS)
README = Path(__file__).parent.parent / "README.md"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(layers: int, both_ways: bool):
    """(RoaRNN without its filter, torch.nn.RNN), of equal weights."""
    settings = {"num_layers": layers, "bidirectional": both_ways}
    ours = RoaRNN(3, 4, alpha=0.0, beta=1.0, **settings).double()
    theirs = torch.nn.RNN(3, 4, batch_first=True, **settings).double()
    for name, value in theirs.named_parameters():
        kind, layer, *reverse = name.replace("_l", " l").replace("_reverse", " _reverse").split()
        suffix = ("" if layer == "l0" else f"_{layer}") + "".join(reverse)
        source = getattr(ours, ("bias" if kind == "bias_ih" else kind) + suffix, None)
        value.data = torch.zeros_like(value) if source is None else source.data
    return ours, theirs


@pytest.mark.parametrize("layers, both_ways", [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_without_the_filter_it_is_torch_rnn(layers, both_ways, batch):
    ours, theirs = pair(layers, both_ways)
    x = torch.randn(*batch, 6, 3, dtype=DOUBLE)
    h = torch.randn(layers * (1 + both_ways), *batch, 4, dtype=DOUBLE)
    for given in ((x, h), (x,)):
        for mine, expected in zip(ours(*given), theirs(*given), strict=True):
            torch.testing.assert_close(mine, expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("layers, both_ways", [(1, False), (2, True)])
@pytest.mark.parametrize("lengths", [[6, 4, 4, 1], [2, 6, 1, 5]])
def test_packed_sequences_are_read_as_torch_rnn_reads_them(layers, both_ways, lengths):
    ours, theirs = pair(layers, both_ways)
    x = torch.randn(4, 6, 3, dtype=DOUBLE, requires_grad=True)
    h = torch.randn(layers * (1 + both_ways), 4, 4, dtype=DOUBLE, requires_grad=True)
    is_sorted = lengths == sorted(lengths, reverse=True)
    packed = pack_padded_sequence(x, torch.tensor(lengths), True, enforce_sorted=is_sorted)
    (mine, my_last), (other, other_last) = ours(packed, h), theirs(packed, h)
    assert isinstance(mine, PackedSequence)
    for found, expected in zip(mine, other, strict=True):
        if expected is None:
            assert found is None
        else:
            torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)
    torch.testing.assert_close(my_last, other_last, atol=1e-14, rtol=0)
    losses = (
        (y.data.sin().sum() + h_n.square().sum())
        for y, h_n in ((mine, my_last), (other, other_last))
    )
    gradients = [torch.autograd.grad(loss, (x, h), retain_graph=True) for loss in losses]
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_filter_is_saved_exactly(kind):
    first, other = (RoaRNN(1, 16, alpha=0.9, filter=kind, generator=generator(s)) for s in (1, 2))
    other.load_state_dict(first.state_dict())
    x = torch.randn(2, 5, 1)
    assert torch.equal(first(x)[0], other(x)[0])
    assert torch.equal(first.orthogonal_matrix(), copy.deepcopy(first).orthogonal_matrix())
    exact = first.bfloat16().double().orthogonal_matrix()
    torch.testing.assert_close(exact.T @ exact, torch.eye(16, dtype=DOUBLE), atol=1e-14, rtol=0)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "modrelu"])
def test_a_whole_model_goes_through_torch_save(nonlinearity):
    settings = {"alpha": Learned(0.9, 1.0), "nonlinearity": nonlinearity, "filter": "rotations"}
    for model, x in (
        (RoaRNN(4, 4, **settings), torch.randn(2, 3, 4)),
        (RoaMLP(4, 3, **settings), torch.randn(2, 4)),
    ):
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        again = torch.load(file, weights_only=False)
        for mine, same in zip(model(x), again(x), strict=True):
            assert torch.equal(mine, same)


def test_the_names_in_the_state_dict_are_kept():
    # files of trained models hold them
    names = {"orthogonal", "weight_ih", "weight_hh", "bias"}
    assert set(RoaRNN(1, 4, alpha=0.9).state_dict()) == names
    settings = {"alpha": torch.ones(4), "beta": Learned(0.0, 1.0), "nonlinearity": "modrelu"}
    more = {"mixing.alpha_per_unit", "mixing.beta_logit", "phi_bias"}
    assert set(RoaRNN(1, 4, **settings).state_dict()) == names | more
    assert set(RoaMLP(4, 2, **settings).state_dict()) == {"orthogonal", "weight", "bias"} | more


# (this model's filter, another one that is visibly none of it)
OTHERS = {
    "haar": "rotations",
    "uniform_qr": "signed_permutation",
    "rotations": "haar",
    "mixed_rotations": "rotations",
    "haar_rotations": "reflections",
    "reflections": "rotations",
    "permutation": "hadamard",
    "signed_permutation": "permutation",
    "cycle": "permutation",
    "identity": "haar",
    "hadamard": "permutation",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_of_another_kind_is_not_loaded(kind):
    message = f"'orthogonal' in the state is of a filter .*{OTHERS[kind]}.* filter is '{kind}'"
    for model in (partial(RoaRNN, 1, 4), partial(RoaMLP, 4, 2, shared_filter=False)):
        other = model(alpha=0.9, filter=OTHERS[kind]).state_dict()
        with pytest.raises(ValueError, match=message):
            model(alpha=0.9, filter=kind).load_state_dict(other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_made_without_numbers_gets_those_of_another(kind):
    settings = {"alpha": Learned(0.8, 1.0), "beta": torch.full((4,), 0.1), "filter": kind}
    for model, x in (
        (partial(RoaRNN, 4, 4, nonlinearity="modrelu"), torch.randn(2, 3, 4)),
        (partial(RoaMLP, 4, 2, shared_filter=False), torch.randn(2, 4)),
    ):
        source = model(**settings, generator=generator(1))
        with torch.device("meta"):
            empty = model(**settings)
        assert {t.device.type for t in empty.state_dict().values()} == {"meta"}
        loaded = empty.to_empty(device="cpu")
        loaded.load_state_dict(source.state_dict())
        for mine, same in zip(loaded(x), source(x), strict=True):
            assert torch.equal(mine, same)


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_device_does_not_move_the_draw(kind):
    expected = RoaRNN(2, 4, alpha=0.9, filter=kind, generator=generator(1))
    o = random_orthogonal(4, kind, generator=generator(2))
    with torch.device("meta"):
        found = RoaRNN(2, 4, alpha=0.9, filter=kind, generator=generator(1), device="cpu")
        assert torch.equal(random_orthogonal(4, kind, generator=generator(2)), o)
    for name, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)


MISTAKES = """
import torch
from roaf import RoaMLP, RoaRNN
model, deep = RoaRNN(1, 2, alpha=0.9), RoaMLP(2, 3, alpha=0.9)
for call, start in (
    (lambda: model(torch.ones(3, 4, 1, dtype=torch.int64)), "x is of torch.int64; allowed"),
    (lambda: deep(torch.ones(3, 2, dtype=torch.int64)), "x is of torch.int64; allowed"),
    (lambda: deep(torch.ones(3, 4, 2)), "x has the shape (3, 4, 2), which must be (batch, 2)"),
    (lambda: model(torch.ones(3, 4, 1), torch.ones(1, 1, 2)), "h0 has the shape (1, 1, 2), which"),
    (lambda: model(torch.ones(3, 4, 1), torch.ones(1, 3, 1)), "h0 has the shape (1, 3, 1), which"),
    (lambda: model(torch.ones(4, 1), torch.ones(1, 3, 2)), "h0 has the shape (1, 3, 2), which"),
):
    try:
        call()
    except ValueError as error:
        assert str(error).startswith(start), error
    else:
        raise AssertionError(start)
"""


def test_what_the_type_checks_of_the_tests_would_catch_gets_a_sentence_too():
    run_by_a_user(MISTAKES)


COMPILE = """
import torch
from roaf import RoaMLP, RoaRNN
for kind in ("haar", "rotations"):
    model, deep = RoaRNN(2, 16, alpha=0.9, filter=kind), RoaMLP(16, 3, alpha=0.9, filter=kind)
    x, y = torch.randn(3, 7, 2), torch.randn(3, 16)
    found, depth = (torch.compile(m, backend="aot_eager")(z) for m, z in ((model, x), (deep, y)))
    torch.testing.assert_close(found[0], model(x)[0])
    torch.testing.assert_close(depth, deep(y))
    first, second = (torch.autograd.grad(z.sum(), model.weight_hh) for z in (found[0], model(x)[0]))
    torch.testing.assert_close(first, second)
"""


def run_by_a_user(script: str) -> None:
    """Runs it in a process of its own, without the type checks that the tests put into roaf."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=README.parent)
    assert done.returncode == 0, done.stderr


def test_a_compiled_model_agrees():
    run_by_a_user(COMPILE)


@pytest.fixture
def one_process(tmp_path):
    """A group of one process."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("kind", KINDS)
def test_data_parallel_training_is_training(one_process, kind):
    settings = {"alpha": Learned(0.8, 1.0), "filter": kind, "nonlinearity": "modrelu"}
    alone = RoaRNN(2, 8, **settings, num_layers=2, generator=generator())
    wrapped = DistributedDataParallel(copy.deepcopy(alone))
    x = torch.randn(3, 5, 2)
    for model in (alone, wrapped):
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            model(x)[0].square().sum().backward()
            optimiser.step()
    for mine, same in zip(alone.parameters(), wrapped.parameters(), strict=True):
        torch.testing.assert_close(mine, same)
    assert torch.equal(alone.orthogonal, wrapped.module.orthogonal)


def test_the_examples_of_the_readme_run_as_they_stand():
    section = README.read_text().split("## ROAF as a library")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert len(blocks) == 4
    run_by_a_user("import warnings; warnings.simplefilter('error')\n" + "\n".join(blocks))
