"""Pictures as sequences: splits, orders, colours, noise."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench import datasets
from bench.tasks import TASKS
from bench.tasks.cifar import luma
from bench.tasks.permutations import SHA256, permutation
from tests.tasks.conftest import cifar_batch
from tests.tasks.draws import generator

PERMUTED = [name for name in TASKS if name.startswith("psmnist")]
FIRST_SIX = {
    "psmnist-92916": [319, 576, 323, 107, 355, 716],
    "psmnist-1234": [529, 511, 328, 133, 532, 378],
    "psmnist-12008": [91, 97, 471, 426, 157, 451],
    "psmnist-5544": [327, 72, 48, 129, 109, 101],
    "psmnist-lmu": [693, 85, 647, 392, 765, 14],
    "psmnist-nru": [46, 466, 537, 44, 515, 589],
    "psmnist-bitrev": [0, 512, 256, 768, 128, 640],
}


@pytest.mark.parametrize("name", ["psdigits", "digits-depth"])
def test_digits_are_split_without_overlap_and_chance_is_the_commonest_class(name):
    task = TASKS[name]()
    parts = [task.split(part) for part in ("train", "validation", "test")]
    assert [len(part.targets) for part in parts] == [1197, 300, 300]
    assert len(permutation("digits-split").unique()) == 1797
    commonest = parts[2].targets.bincount().max().item()
    assert task.chance == pytest.approx(commonest / 300)


def test_permuted_digits_are_the_digits_in_another_order():
    shuffled = TASKS["psdigits"]().split("test").inputs.squeeze(-1)
    plain = TASKS["digits-depth"]().split("test").inputs
    assert torch.equal(shuffled, plain[:, permutation("psdigits")])


@pytest.mark.parametrize("name", SHA256)
def test_a_permutation_is_a_permutation(name):
    order = permutation(name)
    assert torch.equal(order.sort().values, torch.arange(len(order)))


def test_the_published_pixel_orders_are_the_published_ones():
    assert {name: permutation(name)[:6].tolist() for name in PERMUTED} == FIRST_SIX


@pytest.mark.parametrize(
    "flat, name, rows",
    [("mnist-depth", "smnist", "row-mnist"), ("sfashion", "sfashion", "row-fashion")],
)
def test_pixels_are_read_in_order_or_row_by_row(flat, name, rows, small_data):
    plain = TASKS[flat]().split("validation").inputs.flatten(1)
    assert plain.shape == (10, 784)
    assert torch.equal(TASKS[name]().split("validation").inputs.squeeze(-1), plain)
    assert torch.equal(TASKS[rows]().split("validation").inputs[:, 3], plain[:, 84:112])


@pytest.mark.parametrize("name", [*PERMUTED, "psfashion-92916"])
def test_permuted_pixels_are_read_in_the_order_named(name, small_data):
    task = TASKS[name]()
    plain = TASKS["sfashion" if "fashion" in name else "smnist"]().split("test").inputs
    assert task.permutation == name.replace("psfashion", "psmnist")
    assert torch.equal(task.split("test").inputs, plain[:, permutation(task.permutation)])


@pytest.mark.parametrize(
    "name, sizes", [("mnist-depth", [55_000, 5_000, 10_000]), ("scifar10", [45_000, 5_000, 10_000])]
)
def test_the_published_training_sets_are_split_in_order(name, sizes, full_data):
    parts = [TASKS[name]().split(part) for part in ("train", "validation", "test")]
    assert [len(part.targets) for part in parts] == sizes
    mnist = name == "mnist-depth"
    labels = (datasets.mnist("train", datasets.MNIST) if mnist else datasets.cifar10("train"))[1]
    assert torch.equal(torch.cat([parts[0].targets, parts[1].targets]), labels)


def test_cifar_is_read_batch_by_batch_and_colour_by_colour(small_data):
    images, labels = datasets.cifar10("train")
    records = np.concatenate([cifar_batch(number, 20) for number in range(1, 6)])
    assert labels.tolist() == records[:, 0].tolist()
    assert images[57, 2, 3, 4] == records[57, 1 + 2 * 1024 + 3 * 32 + 4]
    assert datasets.cifar10("test")[1].tolist() == cifar_batch(0, 20)[:, 0].tolist()


def test_coloured_pixels_are_normalised_channel_by_channel(small_data):
    task = TASKS["scifar10"]()
    images, _ = task.split("test")
    pixels = task.held_out("test", generator()).inputs
    green = (images[7, 1, 2, 5].item() / 255 - 0.4822) / 0.243
    assert pixels.shape == (20, 1024, 3)
    assert pixels[7, 2 * 32 + 5, 1].item() == pytest.approx(green, abs=1e-6)


def test_grey_is_exactly_pillows(small_data):
    images = torch.randint(256, (5, 3, 32, 32), generator=generator(), dtype=torch.uint8)
    for picture, grey in zip(images, luma(images), strict=True):
        theirs = Image.fromarray(picture.permute(1, 2, 0).numpy(), "RGB").convert("L")
        assert np.array_equal(np.asarray(theirs), grey.numpy())
    task = TASKS["scifar10-gray"]()
    stored, _ = task.split("test")
    shade = (luma(stored)[7, 2, 5].item() / 255 - 122.6 / 255) / (61 / 255)
    pixels = task.held_out("test", generator()).inputs
    assert pixels[7, 2 * 32 + 5, 0].item() == pytest.approx(shade, abs=1e-6)


@pytest.mark.parametrize("name", ["ncifar10-fixed", "ncifar10-fresh"])
def test_noise_padded_cifar_shows_32_rows_and_then_noise(name, small_data):
    task = TASKS[name]()
    images, _ = task.split("test")
    inputs = task.held_out("test", generator()).inputs
    assert inputs.shape == (20, 1000, 96)
    row = torch.cat([images[7, colour, 3] for colour in range(3)]) / 255
    torch.testing.assert_close(inputs[7, 3], row)
    noise = inputs[:, 32:]
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)


def test_fixed_noise_is_the_same_for_all_and_fresh_noise_for_none(small_data):
    fixed, fresh = (
        next(TASKS[name](length=40).train_batches(3, generator())).inputs[:, 32:]
        for name in ("ncifar10-fixed", "ncifar10-fresh")
    )
    other = TASKS["ncifar10-fixed"](length=40).held_out("test", generator(1)).inputs[:, 32:]
    assert torch.equal(fixed[0], fixed[1])
    assert torch.equal(fixed[0], other[-1])
    assert fixed[0, 0, 0].item() == pytest.approx(1.764052, abs=1e-6)  # the generator's first
    assert not torch.equal(fresh[0], fresh[1])


def test_every_class_of_fashion_and_cifar_is_as_common_and_so_chance_is_a_tenth():
    names = ["sfashion", "psfashion-92916", "row-fashion", "scifar10", "ncifar10-fresh"]
    assert {TASKS[name]().chance for name in names} == {0.1}
