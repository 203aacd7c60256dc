"""The history as one page that opens without a network; asv's own loads three others' scripts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.perf.figure import draw
from bench.perf.project import Project, Unusable
from bench.perf.results import Result, benchmark_of, fastest, read_results

SHOWN = 8
"""The table has a column for each of so many commits, the last ones; the figure has all."""
FACTS = ("cpu", "num_cpu", "ram", "arch", "os")
SCALES = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


@dataclass(frozen=True)
class Commit:
    """A commit as the page names it."""

    hash: str
    date: str
    subject: str


@dataclass(frozen=True)
class Section:
    """All that is shown of one machine."""

    name: str
    facts: str
    figure: Markup
    table: pd.DataFrame
    commits: list[Commit]


def publish(project: Project) -> Path:
    """The file of the page, rendered from the history; the same results, the same bytes."""
    machines = sorted(file.parent for file in project.results.glob("*/machine.json"))
    if not machines:
        raise Unusable(f"no history in {project.results}; `python -m bench perf run` makes one")
    benchmarks = json.loads((project.results / "benchmarks.json").read_text())
    sections = [_section(project, machine, benchmarks) for machine in machines]
    file = project.page / "index.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("history.html.jinja")
    file.write_text(page.render(project=project.settings["project"], machines=sections))
    return file


def values(results: Sequence[Result], benchmarks: Mapping[str, Any]) -> pd.DataFrame:
    """A row a point, a column a commit, oldest first: the fastest sample, or nothing.

    Values of a benchmark in another version than the present one are left out.
    """
    columns = {result.commit[:8]: _of_this_version(result, benchmarks) for result in results}
    return pd.DataFrame(columns).sort_index()


def value_text(value: float, unit: str) -> str:
    """Three digits with a unit that suits it, `n/a` for nothing."""
    if pd.isna(value):
        return "n/a"
    if unit == "bytes":
        return f"{value / 1e6:.3g} MB"
    if unit != "seconds":
        return f"{value:.3g}"
    name, scale = next((pair for pair in SCALES if value >= pair[1]), SCALES[-1])
    return f"{value / scale:.3g} {name}"


def _section(project: Project, machine: Path, benchmarks: Mapping[str, Any]) -> Section:
    results = read_results(machine)
    facts = json.loads((machine / "machine.json").read_text())
    table = values(results, benchmarks)
    units = {point: benchmarks[benchmark_of(point)]["unit"] for point in table.index}
    return Section(
        name=machine.name,
        facts=", ".join(f"{name} {facts[name]}" for name in FACTS),
        figure=Markup(draw(table, units, machine.name)),
        table=_displayed(table, units),
        commits=[_commit(project, result) for result in reversed(results)],
    )


def _displayed(table: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """The last commits as text, and how the last one relates to the one before."""
    shown = table.iloc[:, -SHOWN:]
    texts = shown.apply(lambda row: [value_text(v, units[str(row.name)]) for v in row], axis=1)
    texts = pd.DataFrame(texts.tolist(), columns=shown.columns, index=shown.index)
    ratios = (table / table.shift(axis="columns")).iloc[:, -1]
    texts["last / before"] = ["" if pd.isna(ratio) else f"{ratio:.2f}" for ratio in ratios]
    return texts.reset_index(names="point")


def _of_this_version(result: Result, benchmarks: Mapping[str, Any]) -> dict[str, float]:
    found = fastest(result)
    return {
        point: found.get(point, float("nan"))
        for point, version in result.versions.items()
        if benchmarks.get(benchmark_of(point), {}).get("version") == version
    }


def _commit(project: Project, result: Result) -> Commit:
    day = datetime.fromtimestamp(result.date / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    return Commit(result.commit[:8], day, project.subject(result.commit))
