"""What depth buys: each network of the ladder beside its controls, and what a layer costs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import interval_text, is_accuracy, number_text, score_text
from bench.report.ladder import Ladder, Rung, best_shallow, controls

HEADS = {
    "frozen_core": "frozen core",
    "best_shallow": "best shallow",
    "equal_parameters": "shallow, equal parameters",
    "identity": "O = identity",
    "signed_permutation": "O = signed permutation",
    "resnet_same_beta": "ResNet, same β",
}
COPIED = ("label", "model", "depth", "score_mean", "score_low", "score_high", "ok", "runs")
METHOD = (
    "Depth gain: the mean test score less that of the best of the network's controls, of opposite "
    "sign where a low score is good, so that more is better. Controls, at the same depth, width "
    "and updates: the same network with a body that keeps its initial weights (frozen core); one "
    "hidden layer with as many parameters as a plain stack of that depth; for ROAF the same with "
    "O = identity, with O a signed permutation, and a residual network with the same β. "
    "Best shallow: the network with the best mean validation score at the ladder's first depth, "
    "if that is 10 or less; none for the networks of that depth. A control of which no run ended "
    "well shows how many did and is not counted.",
    "A layer's seconds and bytes: seconds an update and peak memory, as in the other tables, over "
    "the depth; with what does not grow with it, so that deep networks alone say what one costs.",
)


def depth_rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row a depth and trained network, at full precision; None where nothing is known."""
    return [_row(ladder, rung) for rung in ladder.climbers]


def depth_text(ladder: Ladder, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as text, without the columns that would be empty throughout."""
    metric = ladder.facts["metric"]
    table = pd.DataFrame([_texts(row, metric) for row in rows], dtype=object)
    return table.loc[:, (table != "").any()]


def depth_sentence(ladder: Ladder) -> str:
    """What is scored, and which network is the best shallow one."""
    better = "lower" if ladder.sign < 0 else "higher"
    score = ladder.facts["metric"] or "score"
    shallow = best_shallow(ladder)
    text = f"Test {score}, {better} is better: the mean over the seeds that ended well."
    if shallow is None:
        return text
    return f"{text} Best shallow network: {shallow['label']} with {shallow['depth']} layers."


def _row(ladder: Ladder, rung: Rung) -> dict[str, Any]:
    found = controls(ladder, rung)
    shallow = found["best_shallow"]
    best = _best(ladder, found)
    return {
        "stack": ladder.stack,
        "task": ladder.task,
        **{name: rung[name] for name in COPIED},
        "failures": rung["failures"],
        **{name: None if row is None else row["score_mean"] for name, row in found.items()},
        **{f"{name}_ok": _count(row) for name, row in found.items()},
        "best_shallow_model": None if shallow is None else shallow["label"],
        "best_shallow_depth": None if shallow is None else shallow["depth"],
        "best_control": best,
        "depth_gain": _gain(ladder, rung["score_mean"], None if best is None else found[best]),
        "seconds_per_layer": _over(rung["seconds_per_update"], rung["depth"]),
        "bytes_per_layer": _over(rung["peak_megabytes"], rung["depth"], 1e6),
        "updates": rung["updates"],
    }


def _best(ladder: Ladder, found: Mapping[str, Rung | None]) -> str | None:
    """The name of the control with the best mean test score."""
    scores = {
        name: ladder.sign * row["score_mean"]
        for name, row in found.items()
        if row is not None and row["score_mean"] is not None and not math.isnan(row["score_mean"])
    }
    return max(scores, key=lambda name: scores[name]) if scores else None


def _gain(ladder: Ladder, score: float | None, control: Rung | None) -> float | None:
    if score is None or control is None:
        return None
    return ladder.sign * (score - control["score_mean"])


def _over(value: float | None, depth: int, unit: float = 1.0) -> float | None:
    return None if value is None else value * unit / depth


def _count(rung: Rung | None) -> str:
    return "" if rung is None else f"{rung['ok']}/{rung['runs']}"


def _texts(row: Mapping[str, Any], metric: str) -> dict[str, str]:
    return {
        "depth": number_text(row["depth"]),
        "model": row["label"],
        "test score": score_text(row["score_mean"], metric),
        "95 % interval": interval_text(row["score_low"], row["score_high"], metric),
        "ok": f"{row['ok']}/{row['runs']}",
        "failures": row["failures"],
        **{head: _control_text(row, name, metric) for name, head in HEADS.items()},
        "depth gain": gain_text(row["depth_gain"], metric),
        "over": HEADS.get(row["best_control"], ""),
        "seconds a layer": number_text(row["seconds_per_layer"]),
        "bytes a layer": number_text(_rounded(row["bytes_per_layer"])),
        "updates": number_text(row["updates"]),
    }


def _control_text(row: Mapping[str, Any], name: str, metric: str) -> str:
    """The control's score, or how many of its runs ended well where none did."""
    if row[name] is not None:
        return score_text(row[name], metric)
    return row[f"{name}_ok"] and f"{row[f'{name}_ok']} ok"


def gain_text(gain: float | None, metric: str) -> str:
    """The gain with its sign; of accuracies in percentage points."""
    if gain is None or not math.isfinite(gain):
        return number_text(gain)
    return f"{100 * gain:+.2f}" if is_accuracy(metric) else f"{gain:+.4g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
