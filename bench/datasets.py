"""The data that is not generated: scikit-learn's digits, embedded, and MNIST, by pooch and sha256.

`BENCH_DATA` names the data folder (default `.data` in the current one); MNIST lies in it as
`mnist/train-images-idx3-ubyte.gz` and so on. A run only reads; `prepare` downloads.
"""

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# fmt: off
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
# fmt: on

Images = Float[Tensor, "images height width"]
Labels = Int[Tensor, "images"]


class DataMissing(Exception):
    """Data that is not there, or not the data it should be; the message says what to type."""


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


def mnist(part: str) -> tuple[Images, Labels]:
    """The 60,000 "train" or 10,000 "t10k" images, 28x28, scaled to [0, 1], with their labels."""
    folder = data_folder() / "mnist"
    images, labels = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
    return _mnist(folder / images, MNIST_SHA256[images], folder / labels, MNIST_SHA256[labels])


@cache
def _mnist(
    image_file: Path, image_digest: str, label_file: Path, label_digest: str
) -> tuple[Images, Labels]:
    images = _idx(image_file, image_digest, offset=16)
    labels = _idx(label_file, label_digest, offset=8)
    pixels = torch.from_numpy(images.reshape(-1, 28, 28).astype(np.float32) / 255)
    return pixels, torch.from_numpy(labels.astype(np.int64))


def _idx(path: Path, digest: str, offset: int) -> np.ndarray:
    try:
        content = path.read_bytes()
    except OSError:
        raise DataMissing(
            f"MNIST is not at {path}; type `python -m bench prepare --suite long-memory`, "
            "or set BENCH_DATA to the folder that holds mnist/"
        ) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataMissing(
            f"{path} is not the MNIST file of that name (its sha256 differs); "
            "delete it and type `python -m bench prepare --suite long-memory`"
        )
    return np.frombuffer(gzip.decompress(content), dtype=np.uint8, offset=offset)


def prepare_mnist() -> Path:
    """The folder with all four files, downloaded where they were missing; needs the network."""
    import pooch

    folder = data_folder() / "mnist"
    for name, digest in MNIST_SHA256.items():
        errors = []
        for url in MNIST_URLS:
            try:
                pooch.retrieve(url + name, f"sha256:{digest}", fname=name, path=folder)
                break
            except Exception as error:  # any mirror may fail in its own way; the next is tried
                errors.append(f"{url}: {error}")
        else:
            raise DataMissing(f"{name} could not be downloaded: " + "; ".join(errors))
    return folder
