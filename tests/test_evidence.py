"""Two checks that the harness is not broken, on the runs recorded: what is known must come out."""

from pathlib import Path

import pytest

from bench.records import Status
from bench.store import load, read_folder

RECORDED = Path(__file__).parent.parent / "results" / "recorded"


@pytest.fixture(scope="module")
def final():
    """The last test loss and score of each run of the recorded long-memory suite."""
    rows = load(RECORDED / "long-memory")
    tested = rows[rows["quantity"].isin(["test_loss", "test_score"])].sort_values("step")
    return tested.groupby(["task", "model", "seed", "quantity"])["value"].last().unstack()


def test_every_recorded_file_is_a_record():
    records, problems = read_folder(RECORDED)
    assert records
    assert not problems
    assert {record.status for record in records} <= {Status.ok, Status.diverged}
    assert not any(record.environment["changed"] for record in records)


def test_an_orthogonal_network_beats_the_memoryless_answer_on_copying(final):
    losses = final.loc[("copy/urnn", "exprnn"), "test_loss"]
    assert len(losses) == 3
    assert losses.max() < 0.0945


def test_roaf_passes_93_percent_on_psmnist_after_one_epoch(final):
    scores = final.loc[("psmnist-92916", "roaf-rotations"), "test_score"]
    assert len(scores) == 1
    assert scores.min() > 0.93


def test_what_is_trained_at_ten_thousand_layers_has_a_gradient_there_at_the_start():
    rows = load(RECORDED / "extreme-depth").query("depth == 10_000 and step == 0")
    distances = rows[rows["quantity"] == "gradient_by_distance"]
    ends = distances.assign(distance=distances["where"].astype(int)).sort_values("distance")
    norms = ends.groupby("model")["value"].agg(["first", "last"])
    assert {"roaf-mlp-sqrt", "rezero", "highway-depth", "deepnorm"} <= set(norms.index)
    assert (norms["last"] / norms["first"]).between(1e-2, 1e2).all()
