"""Tasks for networks along depth, recomputed from their equations."""

import math

import numpy as np
import pytest
import torch

from bench.tasks import TASKS
from bench.tasks.iterated_map import iterate
from bench.tasks.teacher import WIDTH, forward, haar, teacher
from tests.tasks.draws import generator

PICTURES = [name for name, task in TASKS.items() if task().image is not None]


def test_depth_copy_asks_for_its_inputs():
    inputs, targets = TASKS["depth-copy"]().sample(50, generator())
    assert torch.equal(inputs, targets)


def test_every_run_has_the_same_teacher():
    inputs = torch.randn(12, 2, generator=generator(), dtype=torch.float64)
    assert teacher(20, 1.5)(inputs).tolist() == [7, 9, 7, 8, 3, 9, 8, 3, 6, 9, 7, 4]


def test_a_teacher_applies_its_rotations_in_order():
    rotations = [haar(generator(seed)) for seed in range(3)]
    rows = torch.randn(5, WIDTH, generator=generator(), dtype=torch.float64)
    for x, last in zip(rows.numpy(), forward(rows, rotations, 1.5).numpy(), strict=True):
        for rotation in rotations:
            x = np.tanh(1.5 * rotation.numpy() @ x)
        assert last == pytest.approx(x)


def test_a_teacher_with_more_layers_or_gain_has_finer_regions():
    place = torch.randn(2000, 2, generator=generator(), dtype=torch.float64)
    moves = 0.01 * torch.randn(2000, 2, generator=generator(1), dtype=torch.float64)
    flips = [
        (teacher(layers, gain)(place) != teacher(layers, gain)(place + moves)).sum().item()
        for layers, gain in [(1, 1.5), (20, 1.5), (20, 2.0)]
    ]
    assert flips[2] > 2 * flips[1] > 2 * flips[0]


def test_the_rotations_of_the_teacher_are_orthogonal():
    rotation = haar(generator())
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(WIDTH, dtype=torch.float64))


@pytest.mark.parametrize("args", [{}, {"layers": 1}, {"layers": 40, "gain": 2.0}])
def test_the_classes_of_a_teacher_are_equally_common(args):
    _, classes = TASKS["teacher"](**args).sample(20_000, generator())
    shares = classes.bincount(minlength=10) / 20_000
    assert shares.min() > 0.08
    assert shares.max() < 0.12


def test_the_iterated_tent_map_is_a_triangle_wave():
    start = torch.rand(1000, generator=generator(), dtype=torch.float64)
    for folds in (1, 3, 10):
        wave = (2**folds * math.pi * start).cos().acos() / math.pi
        torch.testing.assert_close(iterate(start, folds), wave, rtol=0, atol=1e-8)


def test_the_class_of_an_iterated_map_is_that_of_its_input():
    inputs, classes = TASKS["iterated-map"](folds=3).sample(1000, generator())
    start = (inputs.squeeze(1) / math.sqrt(3) + 1) / 2
    pieces = (start * 8 - 1 / 2).floor()  # the class changes at 1/16, 3/16, ...
    assert torch.equal(classes, (pieces % 2 == 0).long())


@pytest.mark.parametrize("turns", [1.5, 5])
def test_a_point_lies_on_the_spiral_of_its_class(turns):
    points, classes = TASKS["spirals"](turns=turns).sample(1000, generator())
    radii = points.norm(dim=1) / 2
    angles = torch.atan2(points[:, 1], points[:, 0])
    left = angles - 2 * math.pi * turns * radii - math.pi * classes
    torch.testing.assert_close(left.cos(), torch.ones(1000), rtol=0, atol=1e-4)
    assert points.var(dim=0).tolist() == pytest.approx([1, 1], abs=0.1)


def test_pictures_are_the_four_that_a_convolution_can_read():
    assert PICTURES == ["digits-depth", "mnist-depth", "fashion-depth", "cifar10-depth"]
    for name in PICTURES:
        task = TASKS[name]()
        assert math.prod(task.image) == task.features


def test_the_flat_pictures_are_laid_out_channel_by_channel(small_data):
    task = TASKS["cifar10-depth"]()
    flat = task.held_out("test", generator()).inputs
    pixels = TASKS["scifar10"]().held_out("test", generator()).inputs
    assert torch.equal(flat.view(-1, *task.image)[7, 1, 2, 5], pixels[7, 2 * 32 + 5, 1])
    fashion = TASKS["fashion-depth"]().split("test").inputs
    assert torch.equal(fashion, TASKS["sfashion"]().split("test").inputs.squeeze(-1))


def test_the_depth_needed_is_a_fact_along_depth_alone():
    facts = {name: task().facts() for name, task in TASKS.items()}
    along_depth = {name for name, task in TASKS.items() if task().axis == "depth"}
    assert {name for name in facts if "depth_needed" in facts[name]} == along_depth
    assert TASKS["teacher"](layers=7).facts()["depth_needed"] == 7
    assert TASKS["iterated-map"](folds=5).facts()["depth_needed"] == 5
    assert facts["spirals"]["depth_needed"] is None
