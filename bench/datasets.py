"""The data that is not generated: digits from scikit-learn, the rest by pooch and sha256.

`BENCH_DATA` names the data folder (default `.data` in the current one); the published files lie in
it unchanged, as `mnist/train-images-idx3-ubyte.gz`, `fashion-mnist/...` with the same four names,
and `cifar-10/cifar-10-binary.tar.gz`. A run only reads; `prepare` downloads.
"""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

Images = Float[Tensor, "images height width"]
Labels = Int[Tensor, "images"]
CIFAR_RECORD = 1 + 3 * 32 * 32
CIFAR_BATCHES = {"train": [f"data_batch_{k}" for k in range(1, 6)], "test": ["test_batch"]}


class DataMissing(Exception):
    """Data that is not there, or not the data it should be; the message says what to type."""


@dataclass(frozen=True, eq=False)
class Source:
    """Published files: their folder below the data folder, their mirrors, their sha256 by name."""

    title: str
    folder: str
    urls: tuple[str, ...]
    sha256: Mapping[str, str]
    command: str = "`python -m bench prepare --suite NAME`, NAME being the suite of the run"


MNIST = Source(
    title="MNIST",
    folder="mnist",
    urls=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    command="`python -m bench prepare --suite long-memory`",
)
# The sha256 that TensorFlow Datasets checks (url_checksums/fashion_mnist.txt). Those of the label
# files were computed from the files of the data's own repository, too.
FASHION_MNIST = Source(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    urls=(
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)
# The sha256 that TensorFlow Datasets checks (url_checksums/cifar10.txt). The binary archive, not
# the Python one: reading a pickle may execute it.
CIFAR10 = Source(
    title="CIFAR-10",
    folder="cifar-10",
    urls=("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
    sha256={
        "cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    },
)


def data_folder() -> Path:
    """The folder that holds the data."""
    return Path(os.environ.get("BENCH_DATA") or ".data")


@cache
def digits() -> tuple[Images, Labels]:
    """All 1,797 handwritten digits of scikit-learn, 8x8, scaled to [0, 1], with their labels."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.asarray(pixels).reshape(-1, 8, 8) / 16.0
    return torch.tensor(images, dtype=torch.float32), torch.tensor(np.asarray(labels))


def mnist(part: str, source: Source) -> tuple[Images, Labels]:
    """The 60,000 "train" or 10,000 "t10k" images, 28x28, scaled to [0, 1], with their labels; of
    MNIST or of a source with files of the same names and format."""
    return _mnist(source, data_folder(), part)


@cache
def _mnist(source: Source, data: Path, part: str) -> tuple[Images, Labels]:
    images = _idx(source, data, f"{part}-images-idx3-ubyte.gz", offset=16)
    labels = _idx(source, data, f"{part}-labels-idx1-ubyte.gz", offset=8)
    pixels = torch.from_numpy(images.reshape(-1, 28, 28).astype(np.float32) / 255)
    return pixels, torch.from_numpy(labels.astype(np.int64))


def _idx(source: Source, data: Path, name: str, offset: int) -> np.ndarray:
    content = gzip.decompress(_content(source, data, name))
    return np.frombuffer(content, dtype=np.uint8, offset=offset)


def cifar10(part: str) -> tuple[UInt8[Tensor, "images 3 32 32"], Labels]:
    """The 50,000 "train" or 10,000 "test" images, bytes from 0 to 255, with their labels."""
    return _cifar10(CIFAR10, data_folder(), part)


@cache
def _cifar10(
    source: Source, data: Path, part: str
) -> tuple[UInt8[Tensor, "images 3 32 32"], Labels]:
    names = [f"{batch}.bin" for batch in CIFAR_BATCHES[part]]
    batches = _members(_content(source, data, "cifar-10-binary.tar.gz"), names)
    records = np.frombuffer(b"".join(batches), dtype=np.uint8).reshape(-1, CIFAR_RECORD)
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return images, torch.from_numpy(records[:, 0].astype(np.int64))


def _members(archive: bytes, names: list[str]) -> list[bytes]:
    """The files of those names, wherever they lie in the archive, in the order of the names."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and Path(member.name).name in names:
                found[Path(member.name).name] = file.read()
    return [found[name] for name in names]


def _content(source: Source, data: Path, name: str) -> bytes:
    path = data / source.folder / name
    try:
        content = path.read_bytes()
    except OSError:
        raise DataMissing(
            f"{source.title} is not at {path}; type {source.command}, "
            f"or set BENCH_DATA to the folder that holds {source.folder}/"
        ) from None
    if hashlib.sha256(content).hexdigest() != source.sha256[name]:
        raise DataMissing(
            f"{path} is not the {source.title} file of that name (its sha256 differs); "
            f"delete it and type {source.command}"
        )
    return content


def prepare(source: Source) -> Path:
    """The folder with all files of the source, downloaded where missing; needs the network."""
    folder = data_folder() / source.folder
    for name in source.sha256:
        _download(source, name, folder)
    return folder


def _download(source: Source, name: str, folder: Path) -> None:
    import pooch

    errors = []
    for url in source.urls:
        try:
            pooch.retrieve(url + name, f"sha256:{source.sha256[name]}", fname=name, path=folder)
            return
        except Exception as error:  # any mirror may fail in its own way; the next is tried
            errors.append(f"{url}: {error}")
    raise DataMissing(f"{name} could not be downloaded: " + "; ".join(errors))
