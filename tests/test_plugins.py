"""A model from a user's own package, installed or in a file."""

import sys

import pytest

from bench.models import MODELS
from bench.plugins import PluginError, extended
from bench.runner import Registry, resolve
from tests.specs import TOYS, tiny


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path whose entry point offers a model under the name it is given."""

    def install(name: str, more: str = "") -> None:
        (tmp_path / "stranger.py").write_text(TOYS + "\nmine = MODELS['toy']\n" + more)
        info = tmp_path / "stranger-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[bench.models]\n{name} = stranger:mine\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "stranger", raising=False)

    return install


def test_an_installed_package_adds_a_model_and_the_spec_carries_its_source(installed):
    installed("mine")
    table = Registry().models
    assert table.origins["mine"] == "stranger:mine"
    assert set(MODELS) < set(table.entries)
    spec = resolve(tiny(model="mine"), Registry())
    assert spec.plugin == table.digests["mine"]
    assert len(spec.plugin) == 64


def test_a_name_taken_twice_names_both(installed):
    installed("lstm")
    with pytest.raises(
        PluginError, match=r"'lstm' is defined twice, by bench\.models and by stran"
    ):
        Registry()


def test_a_plug_in_that_leaves_does_not_take_the_driver_along(installed, tmp_path):
    leaving = "import sys; sys.exit('not today')"
    installed("mine", leaving)
    with pytest.raises(PluginError, match=r"stranger:mine cannot be loaded: SystemExit: not today"):
        Registry()
    (tmp_path / "leaving.py").write_text(leaving)
    with pytest.raises(PluginError, match=r"leaving\.py cannot be loaded: SystemExit: not today"):
        extended("suites", {}, [tmp_path / "leaving.py"])


def test_an_interrupt_while_a_plug_in_is_loaded_stays_an_interrupt(tmp_path):
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        extended("suites", {}, [tmp_path / "slow.py"])


def test_another_source_is_another_experiment(tmp_path):
    file = tmp_path / "toys.py"
    ids = []
    for source in (TOYS, TOYS + "\n# changed\n"):
        file.write_text(source)
        ids.append(resolve(tiny(model="toy"), Registry([file])).run_id)
    assert ids[0] != ids[1]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PluginError, match=r"nowhere\.py is not a Python file that can be read"):
        extended("models", {}, [tmp_path / "nowhere.py"])
