"""Data folders with files of the true formats, which the tests write."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import datasets
from bench.tasks import cifar, mnist


def write_mnist(folder: Path, train: int, test: int) -> dict[str, str]:
    """The sha256 of four files of so many images; the rows of an image hold its own number."""
    folder.mkdir(parents=True)
    digests, draw = {}, np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
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
    return digests


def cifar_batch(number: int, count: int) -> np.ndarray:
    """Records of 1 + 3,072 bytes: the label, then red, green and blue; all different."""
    places = number * count + np.arange(count)
    pixels = (17 * places[:, None] + np.arange(3072)) % 251
    return np.concatenate([places[:, None] % 10, pixels], axis=1).astype(np.uint8)


def write_cifar(folder: Path, count: int) -> dict[str, str]:
    """The sha256 of an archive of six batches of so many images, in no order."""
    folder.mkdir(parents=True)
    path = folder / "cifar-10-binary.tar.gz"
    names = ["data_batch_1", "data_batch_3", "data_batch_2", "test_batch"]
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name in (*names, "data_batch_5", "data_batch_4"):
            number = 0 if name == "test_batch" else int(name[-1])
            content = cifar_batch(number, count).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}


def write_all(folder: Path, train: int, test: int, batch: int) -> dict[str, dict[str, str]]:
    """The sha256 of the files of all sources, by the name of the source's constant."""
    return {
        "MNIST": write_mnist(folder / "mnist", train, test),
        "FASHION_MNIST": write_mnist(folder / "fashion-mnist", train, test),
        "CIFAR10": write_cifar(folder / "cifar-10", batch),
    }


def use(monkeypatch, folder: Path, digests: dict[str, dict[str, str]]) -> None:
    """Makes the folder the data folder, and its files the published ones."""
    monkeypatch.setenv("BENCH_DATA", str(folder))
    for constant, sha256 in digests.items():
        source = replace(getattr(datasets, constant), sha256=sha256)
        monkeypatch.setattr(datasets, constant, source)


@pytest.fixture(scope="session")
def small_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return folder, write_all(folder, train=60, test=20, batch=20)


@pytest.fixture(scope="session")
def full_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    return folder, write_all(folder, train=60_000, test=10_000, batch=10_000)


@pytest.fixture
def small_data(small_files, monkeypatch):
    """All data sets with a few images and splits as small."""
    use(monkeypatch, *small_files)
    few = {"train": slice(0, 50), "validation": slice(50, 60), "test": slice(0, 20)}
    for module in (mnist, cifar):
        splits = {name: (part, few[name]) for name, (part, _) in module.SPLITS.items()}
        monkeypatch.setattr(module, "SPLITS", splits)


@pytest.fixture
def full_data(full_files, monkeypatch):
    """All data sets with as many images as the published ones."""
    use(monkeypatch, *full_files)
