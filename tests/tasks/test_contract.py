"""Every task keeps the contract: shapes, streams, chance, and a run from start to end."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bench.records import Status
from bench.runner import Registry, resolve, run
from bench.tasks import TASKS
from bench.tasks.base import GeneratedTask
from bench.tasks.tokens import NOT_ASKED
from tests.specs import tiny
from tests.tasks.draws import SHORT, generator

GENERATED = [name for name, task in TASKS.items() if isinstance(task(), GeneratedTask)]
LOOKS = dict.fromkeys(["gradient", "input-gradient", "signal-to-noise", "states"], (0,))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_gives_what_its_fields_say(name, small_data):
    task = TASKS[name]()
    shape = (task.features,) if task.axis == "depth" else (task.steps, task.features)
    batch = next(task.train_batches(3, generator()))
    assert batch.inputs.shape == (3, *shape)
    assert batch.inputs.dtype == torch.float32
    outputs = torch.zeros(3, task.outputs)
    if task.readout == "every":
        assert batch.targets.shape[:2] == (3, task.steps)
        outputs = torch.zeros(3, task.steps, task.outputs)
    assert task.loss(outputs, batch.targets).isfinite()
    assert task.score(outputs, batch.targets).isfinite()
    assert {"question", "chance", "chance_loss", "solved", "direction"} <= set(task.facts())
    assert task.question.endswith("?")


@pytest.mark.parametrize("name", TASKS)
def test_one_generator_gives_one_stream_of_data(name, small_data):
    first, again, other = (TASKS[name]().train_batches(3, generator(s)) for s in (0, 0, 1))
    for _ in range(2):
        mine, same, different = next(first), next(again), next(other)
        assert torch.equal(mine.inputs, same.inputs)
        assert torch.equal(mine.targets, same.targets)
        assert not torch.equal(mine.inputs, different.inputs)


@pytest.mark.parametrize("name", TASKS)
def test_one_update_and_its_diagnostics_give_finite_numbers(name, small_data):
    task = TASKS[name](**SHORT.get(name, {}))
    model = "elman" if task.axis == "time" else "mlp"
    spec = tiny(
        task=name,
        task_args=SHORT.get(name, {}),
        model=model,
        depth=None if task.axis == "time" else 2,
        updates=1,
        validate_at=(),
        test_at=(1,),
        gradients_at=(0,),
        diagnostics={k: v for k, v in LOOKS.items() if task.axis == "time" or k == "gradient"},
    )
    registry = Registry()
    record = run(resolve(spec, registry), registry)
    assert record.status == Status.ok, record.error
    values = [m.value for m in record.measurements if m.quantity != "state_cosine"]
    assert all(value is None or math.isfinite(value) for value in values)
    norms = [m for m in record.measurements if m.quantity == "gradient_by_distance"]
    assert str(task.steps if task.axis == "time" else 2) in {m.where for m in norms}
    assert max(m.value for m in norms if m.where == "0") > 0


@pytest.mark.parametrize("name", [name for name in GENERATED if TASKS[name]().readout == "every"])
def test_the_last_step_always_asks_for_something(name):
    targets = TASKS[name]().sample(100, generator()).targets
    assert (targets[:, -1] != NOT_ASKED).all()


@pytest.mark.parametrize("name", GENERATED)
def test_the_best_answer_without_memory_scores_chance(name):
    task = TASKS[name](**SHORT.get(name, {}))
    size = 3000 if name in ("listops", "mqar") else 20_000  # slow to draw, or large
    seen, new = (task.sample(size, generator(seed)).targets for seed in (1, 0))
    outputs = memoryless(seen, task.outputs)
    loss, score = task.loss(outputs, new).item(), task.score(outputs, new).item()
    assert loss == pytest.approx(task.chance_loss, rel=0.02)
    assert score == pytest.approx(task.chance, abs=0.015)


def memoryless(targets: Tensor, outputs: int) -> Tensor:
    """What a model would say that knows the clock and how often each answer is due, no input."""
    if targets.is_floating_point():
        return targets.mean(dim=0).expand_as(targets)
    if (targets == NOT_ASKED).any() or targets.ndim == 1:  # the answers are alike at all steps
        counts = targets[targets != NOT_ASKED].bincount(minlength=outputs)
    else:
        counts = one_hot(targets, outputs).sum(dim=0)
    return (counts.double() + 1e-9).log().expand(*targets.shape, -1)


@pytest.mark.parametrize(
    "name, args, said",
    [
        ("recall", {"lag": 104}, "lag is 104; it must be from 1 to length - 1"),
        ("delay", {"lag": 0}, "lag is 0; it must be from 1 to length - 1"),
        ("reconstruction", {"length": 49}, "length is 49; it must be at least 50"),
        ("temporal-order-6a", {"length": 10}, "length is 10; it must be at least 11"),
        ("mqar", {"pairs": 17}, "length and pairs are 64 and 17; the length must be even"),
        ("mqar", {"pairs": 1}, "length and pairs are 64 and 1; the length must be even"),
        ("adding", {"length": 1}, "length is 1; it must be at least 2"),
        ("copy/urnn", {"length": 0}, "length is 0; it must be at least 1"),
        ("mqar", {"length": 63}, "length and pairs are 63 and 4; the length must be even"),
        ("mqar", {"length": 1024, "pairs": 128}, "pairs is 128; there are 127 keys"),
        ("listops", {"length": 3}, "length is 3; the shortest expression has 4 tokens"),
        ("modular-arithmetic", {"length": 40}, "length is 40; it must be odd"),
        ("ncifar10-fixed", {"length": 32}, "length is 32; it must be above 32"),
        ("ncifar10-fresh", {"length": 32}, "length is 32; it must be above 32"),
        ("teacher", {"layers": 0}, "layers is 0; it must be at least 1"),
        ("teacher", {"gain": 1.0}, "gain is 1.0; it must be above 1, or the signal dies out"),
        ("iterated-map", {"folds": 17}, "folds is 17; it must be from 1 to 16"),
        ("noise", {"length": 0}, "length is 0; it must be at least 1"),
        ("spirals", {"turns": -3}, "turns is -3; it must be above 0"),
    ],
)
def test_a_bad_value_gets_a_sentence(name, args, said):
    with pytest.raises(ValueError, match=said):
        TASKS[name](**args)
