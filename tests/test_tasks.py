"""Every task keeps the contract; each has the property its definition promises."""

import gzip
import hashlib
import math
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch

from bench import datasets
from bench.datasets import DataMissing
from bench.tasks import TASKS
from bench.tasks.permutations import SHA256, permutation

GENERATED = ["adding", "copy/urnn"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    """A data folder with files of the true format: 60,000 and 10,000 blank or noisy images."""
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    digests, draw = {}, np.random.default_rng(0)
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        pixels = draw.integers(0, 256, (count, 28), dtype=np.uint8).repeat(28, axis=1)
        labels = draw.integers(0, 10, count, dtype=np.uint8)
        files = {
            f"{part}-images-idx3-ubyte.gz": bytes(16) + pixels.tobytes(),
            f"{part}-labels-idx1-ubyte.gz": bytes(8) + labels.tobytes(),
        }
        for name, content in files.items():
            packed = gzip.compress(content, compresslevel=1)
            (folder / name).write_bytes(packed)
            digests[name] = hashlib.sha256(packed).hexdigest()
    return folder, digests


@pytest.fixture
def with_mnist(small_mnist, monkeypatch):
    folder, digests = small_mnist
    monkeypatch.setenv("BENCH_DATA", str(folder.parent))
    monkeypatch.setattr(datasets, "MNIST_SHA256", digests)
    return folder


@pytest.mark.parametrize("name", TASKS)
def test_a_task_gives_what_its_fields_say(name, with_mnist):
    task = TASKS[name]()
    shape = (task.features,) if task.axis == "depth" else (task.length, task.features)
    if name == "copy/urnn":
        shape = (task.length + 20, task.features)
    batch = next(task.train_batches(3, generator()))
    assert batch.inputs.shape == (3, *shape)
    assert batch.inputs.dtype == torch.float32
    outputs = torch.zeros(3, task.outputs)
    if task.readout == "every":
        outputs = torch.zeros(*batch.targets.shape, task.outputs)
    assert task.loss(outputs, batch.targets).shape == ()
    assert task.score(outputs, batch.targets).shape == ()
    assert {"question", "chance", "chance_loss", "solved", "direction"} <= set(task.facts())
    assert task.held_out("test", generator()).inputs.shape[1:] == shape


@pytest.mark.parametrize("name", TASKS)
def test_one_generator_gives_one_stream_of_data(name, with_mnist):
    first, again, other = (TASKS[name]().train_batches(3, generator(s)) for s in (0, 0, 1))
    for _ in range(2):
        mine, same, different = next(first), next(again), next(other)
        assert torch.equal(mine.inputs, same.inputs)
        assert torch.equal(mine.targets, same.targets)
        assert not torch.equal(mine.inputs, different.inputs)


def test_adding_marks_one_value_in_each_half_and_asks_for_their_sum():
    inputs, targets = TASKS["adding"](length=10).sample(500, generator())
    values, markers = inputs.unbind(-1)
    assert torch.equal(markers[:, :5].sum(1), torch.ones(500))
    assert torch.equal(markers[:, 5:].sum(1), torch.ones(500))
    torch.testing.assert_close((values * markers).sum(1, keepdim=True), targets)


def test_saying_one_scores_chance_on_adding():
    task = TASKS["adding"]()
    _, targets = task.sample(200_000, generator())
    assert task.score(torch.ones_like(targets), targets).item() == pytest.approx(1 / 6, rel=0.01)


def test_copying_shows_ten_symbols_waits_and_asks_for_them_after_the_delimiter():
    inputs, targets = TASKS["copy/urnn"](length=7).sample(50, generator())
    tokens = inputs.argmax(-1)
    assert torch.equal(tokens[:, :10], targets[:, -10:])
    assert ((tokens[:, :10] >= 1) & (tokens[:, :10] <= 8)).all()
    assert (tokens[:, 16] == 9).all()
    assert (tokens[:, 10:16] == 0).all()
    assert (tokens[:, 17:] == 0).all()
    assert (targets[:, :-10] == 0).all()


def test_the_best_memoryless_answer_scores_chance_on_copying():
    task = TASKS["copy/urnn"](length=200)
    _, targets = task.sample(20, generator())
    outputs = torch.full((*targets.shape, 9), -math.inf)
    outputs[:, :-10, 0] = 0.0
    outputs[:, -10:, 1:] = 0.0
    assert task.loss(outputs, targets).item() == pytest.approx(task.chance_loss, rel=1e-5)
    assert task.chance_loss == pytest.approx(0.0945, abs=5e-5)
    always_one = torch.nn.functional.one_hot(torch.ones_like(targets), 9).float()
    _, many = task.sample(2000, generator())
    always_one = always_one[:1].expand(2000, -1, -1)
    assert task.score(always_one, many).item() == pytest.approx(task.chance, abs=0.01)


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


def test_mnist_is_split_55_5_10_thousand_and_read_in_the_order_named(with_mnist):
    flat = TASKS["mnist-depth"]().split("validation").inputs
    assert flat.shape == (5000, 784)
    in_order = TASKS["smnist"]().split("validation").inputs.squeeze(-1)
    assert torch.equal(in_order, flat)
    for name in ("psmnist-92916", "psmnist-bitrev"):
        permuted = TASKS[name]().split("validation").inputs.squeeze(-1)
        assert torch.equal(permuted, flat[:, permutation(name)])
    assert len(TASKS["smnist"]().split("train").targets) == 55_000


@pytest.mark.parametrize("name", SHA256)
def test_a_permutation_is_a_permutation(name):
    order = permutation(name)
    assert torch.equal(order.sort().values, torch.arange(len(order)))


def test_the_published_pixel_orders_are_the_published_ones():
    assert permutation("psmnist-92916")[:6].tolist() == [319, 576, 323, 107, 355, 716]
    assert permutation("psmnist-bitrev")[:6].tolist() == [0, 512, 256, 768, 128, 640]
    assert SHA256["psmnist-92916"].startswith("96240fe27409981c")
    assert SHA256["psmnist-bitrev"].startswith("30d91dc29f161321")


def test_missing_data_gets_the_sentence_that_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match="python -m bench prepare --suite long-memory"):
        TASKS["psmnist-92916"]().split("test")


@pytest.fixture
def mirror(small_mnist, monkeypatch):
    """A server on this machine that has the small files; MNIST is looked for there."""
    folder, digests = small_mnist
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(datasets, "MNIST_URLS", (url + "gone/", url))
        monkeypatch.setattr(datasets, "MNIST_SHA256", digests)
        yield
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def test_prepare_downloads_from_the_next_mirror_when_one_fails(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    TASKS["psmnist-92916"]().prepare()
    assert TASKS["psmnist-92916"]().split("test").inputs.shape == (10_000, 784, 1)


def test_a_download_that_is_not_what_was_published_is_refused(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    wrong = dict.fromkeys(datasets.MNIST_SHA256, "0" * 64)
    monkeypatch.setattr(datasets, "MNIST_SHA256", wrong)
    with pytest.raises(DataMissing, match="could not be downloaded"):
        TASKS["smnist"]().prepare()


def test_a_file_that_is_not_mnist_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"a mirror page"))
    with pytest.raises(DataMissing, match="its sha256 differs"):
        TASKS["smnist"]().split("test")
