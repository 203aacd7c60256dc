"""The published files: missing, wrong, downloaded from a mirror."""

from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench import datasets
from bench.datasets import DataMissing
from bench.tasks import TASKS
from tests.tasks.conftest import use
from tests.tasks.draws import generator

FILES = {
    "psmnist-92916": ("MNIST", "mnist", "t10k-images-idx3-ubyte.gz"),
    "sfashion": ("FASHION_MNIST", "fashion-mnist", "t10k-images-idx3-ubyte.gz"),
    "scifar10": ("CIFAR10", "cifar-10", "cifar-10-binary.tar.gz"),
}


def test_missing_mnist_gets_the_sentence_that_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match="type `python -m bench prepare --suite long-memory`"):
        TASKS["psmnist-92916"]().split("test")


@pytest.mark.parametrize("name", FILES)
def test_missing_data_gets_the_sentence_that_names_them(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    folder = FILES[name][1]
    with pytest.raises(DataMissing, match=f"bench prepare --suite .* that holds {folder}/"):
        TASKS[name]().held_out("test", generator())


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_the_published_one_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    _, folder, file = FILES[name]
    (tmp_path / folder).mkdir()
    (tmp_path / folder / file).write_bytes(b"a mirror's page of excuses")
    with pytest.raises(DataMissing, match="its sha256 differs"):
        TASKS[name]().held_out("test", generator())


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def mirror(small_data, small_files, tmp_path, monkeypatch):
    """A server on this machine that has the small files; all sources are looked for there."""
    folder, digests = small_files
    use(monkeypatch, tmp_path, digests)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for constant, where, _ in FILES.values():
            url = f"http://127.0.0.1:{server.server_port}/"
            urls = (f"{url}gone/", f"{url}{where}/")
            monkeypatch.setattr(datasets, constant, replace(getattr(datasets, constant), urls=urls))
        yield
        server.shutdown()


@pytest.mark.parametrize("name", FILES)
def test_prepare_downloads_from_the_next_mirror_when_one_fails(name, mirror):
    TASKS[name]().prepare()
    inputs, targets = TASKS[name]().split("train")
    assert len(inputs) == len(targets) == 50


@pytest.mark.parametrize("name", FILES)
def test_a_download_that_is_not_what_was_published_is_refused(name, mirror, monkeypatch):
    constant = FILES[name][0]
    source = getattr(datasets, constant)
    wrong = replace(source, sha256=dict.fromkeys(source.sha256, "0" * 64))
    monkeypatch.setattr(datasets, constant, wrong)
    with pytest.raises(DataMissing, match="could not be downloaded"):
        TASKS[name]().prepare()
