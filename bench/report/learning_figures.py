"""Loss and score while training, a panel a group."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from bench.report.averages import averages, band_words
from bench.report.panel_pages import sheets
from bench.report.panels import Drawing, score_axis
from bench.report.references import known_references, reference_entries, reference_lines
from bench.report.scene import Scene, hug, hug_log, labels_of, lines, ranked_labels, shown_groups
from bench.report.sentences import left_out_sentence
from bench.report.statistics import finite_rows
from bench.report.styles import Look

BY = ["group", "label", "step"]


def learning_curves(scene: Scene, name: str) -> Iterator[Drawing]:
    """Training loss against updates, on a logarithmic axis where every loss is positive."""
    rows, left_out = finite_rows(scene.rows, "train_loss")
    groups = _with_curves(scene, rows)
    if not groups:
        return
    least = rows.groupby("group")["value"].min()
    positive = set(least.index[least > 0])
    logarithmic = rows["group"].isin(positive)
    parts = [rows[logarithmic], rows[~logarithmic]]
    table = pd.concat([averages(parts[0], BY, logarithmic=True), averages(parts[1], BY)])
    caption = (
        "Training loss: the mean over seeds (of the loss's logarithm where the axis is "
        f"logarithmic), of failed runs too as far as they came; {band_words(table)}."
        + left_out_sentence(left_out)
    )
    own = dict(iter(table.groupby("group")))
    for sheet in sheets(labels_of(rows, groups), ranked_labels(scene, rows), scene.look):
        for cell in sheet.cells:
            shown = own[cell.key]
            lines(cell.ax, shown, "step", cell.labels, scene.look)
            if cell.key in positive:
                cell.ax.set_yscale("log")
                hug_log(cell.ax, shown["value"])
            else:
                hug(cell.ax, shown["value"])
            cell.name(cell.key, "updates", "training loss")
        yield sheet.finish(name, caption)


def score_curves(scene: Scene, name: str) -> Iterator[Drawing]:
    """Validation score against updates as lines, test score as points."""
    rows, left_out = finite_rows(scene.rows, "validation_score")
    tests, tests_left_out = finite_rows(scene.rows, "test_score")
    groups = _with_curves(scene, rows)
    if not groups:
        return
    table = averages(rows, BY)
    caption = f"Score while training. Lines: validation, the mean over seeds; {band_words(table)}."
    if len(tests):
        caption += " Points: test, the mean over seeds."
    caption += left_out_sentence(left_out + tests_left_out)
    own, points = (dict(iter(of.groupby("group"))) for of in (table, averages(tests, BY)))
    seeds = dict(iter(pd.concat([rows, tests]).groupby("group")["value"]))
    panels, marker = labels_of(rows, groups), bool(len(tests))
    for sheet in sheets(panels, ranked_labels(scene, rows), scene.look, marker=marker):
        for cell in sheet.cells:
            facts = scene.facts[cell.key]
            lines(cell.ax, own[cell.key], "step", cell.labels, scene.look)
            if cell.key in points:
                _marks(cell.ax, points[cell.key], cell.labels, scene.look)
            hug(cell.ax, seeds[cell.key], *known_references(facts))
            reference_lines(cell.ax.axhline, facts)
            score_axis(cell.ax.yaxis, facts["metric"])
            cell.name(cell.key, "updates", facts["metric"] or "score")
        yield sheet.finish(name, caption, *reference_entries(scene, groups))


def _with_curves(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The groups that were looked at more than once."""
    looks = rows.groupby("group")["step"].transform("nunique")
    return shown_groups(scene, rows[looks > 1])


def _marks(ax: Axes, table: pd.DataFrame, labels: Sequence[str], look: Mapping[str, Look]) -> None:
    """A point for the mean over seeds at every step."""
    for label, points in table[table["label"].isin(labels)].groupby("label"):
        colour, _, marker = look[str(label)]
        style = {"color": colour, "marker": marker, "linestyle": "", "markersize": 4}
        ax.plot(points["step"], points["value"], zorder=3.5, clip_on=False, **style)
