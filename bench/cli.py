"""The command line. What weighs is imported inside the commands, so that --help is quick."""

import json
from pathlib import Path
from typing import Any

import click

from bench.command import (
    REPORTS,
    RESULTS,
    Group,
    device_option,
    folder,
    mistake,
    plugin_option,
    results_option,
    timeout_option,
)
from bench.perf.commands import perf


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="roaf-bench")
def main() -> None:
    """Which architectures let a gradient survive, at what accuracy, and at what cost?"""


@main.command()
@click.option("--suite", required=True, help="Which question; see `ls suites`.")
@click.option("--models", help="Names and globs, comma-separated: 'roaf*,lstm'.")
@click.option("--tasks", help="Names and globs, comma-separated: 'copy*'.")
@click.option("--seeds", help="0-9 or 0,2,5; by default the suite's own.")
@device_option
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at once: one a core, or a GPU.")
@click.option("--engine", type=click.Choice(["local", "slurm"]), default="local", show_default=True)
@click.option("--slurm", help="For the engine slurm: partition=gpu,gres=gpu:1,time=4:00:00.")
@timeout_option
@click.option("--dry-run", is_flag=True, help="Say what would be run, and run nothing.")
@click.option("--retry", default="", help="Statuses to run again: timeout,error,oom_gpu...")
@click.option("--force", is_flag=True, help="Run what is recorded, too.")
@click.option(
    "--rerun-stale", is_flag=True, help="Run what another commit or torch has recorded, too."
)
@results_option
@plugin_option
def run(
    suite: str, models: str | None, tasks: str | None, seeds: str | None, **options: Any
) -> int:
    """Run a suite. What is recorded in the results folder is not run again."""
    from bench.execution import session

    try:
        return session.run_suite(suite, models, tasks, seeds, **options)
    except session.MISTAKES as error:
        mistake(error)


@main.command()
@click.option("--suite", help="Without one: the page over all suites and their claims.")
@results_option
@click.option("--out", type=folder, default=REPORTS, show_default=True)
@click.option("--format", "formats", default="html,md,latex,csv", show_default=True)
@click.option("--into", type=folder, help="Without --suite: a file that gets the paper's claims.")
@plugin_option
def report(
    suite: str | None,
    results: Path,
    out: Path,
    formats: str,
    into: Path | None,
    plugins: tuple[Path, ...],
) -> None:
    """Render the report of a suite from its records, or the page over all suites."""
    from bench.plugins import PluginError
    from bench.report import claims_page, render
    from bench.suites import all_suites

    if suite is not None and into is not None:
        mistake(f"--into {into} is for the page over all suites; allowed with --suite: nothing")
    try:
        suites = all_suites(plugins).entries
        if suite is None:
            click.echo(claims_page(suites, results, out, into))
            return
        names = [name.strip() for name in formats.split(",")]
        click.echo(render(suite, results, out, definition=suites.get(suite), formats=names))
    except (ValueError, PluginError) as error:
        mistake(error)
    except OSError as error:
        mistake(f"the report cannot be written below {out}: {error}")


@main.command()
@click.argument("a")
@click.argument("b")
@click.option("--margin", type=click.FloatRange(min=0), default=0.05, show_default=True)
@click.option("--suite", help="Only the runs of this suite.")
@click.option(
    "--results",
    type=folder,
    default=Path("results/recorded"),
    show_default=True,
    help="The folder in which a stack or a commit is looked up.",
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
def compare(a: str, b: str, margin: float, suite: str | None, results: Path, style: str) -> int:
    """Compare the runs of B with those of A; exit with 3 where B is worse.

    Each is a results folder, a stack, or a commit, and SIDE@STACK is one stack of a folder or a
    commit. Worse is a mean score by more than the margin (of accuracy, or of the way from chance to
    the target) with an interval that excludes 0, a run that no longer ends well, and on one stack
    and processor 1 + margin times the seconds with an interval above 1.
    """
    from bench.report import comparison

    try:
        before, after = (comparison.find_side(text, results, suite) for text in (a, b))
        found = comparison.compare(before, after, margin)
    except (comparison.Unusable, OSError) as error:
        mistake(error)
    click.echo(comparison.as_json(found) if style == "json" else comparison.as_text(found))
    return 3 if found.regressions else 0


@main.command()
@click.option("--suite", help="By default every suite of the results folder.")
@results_option
@device_option
@click.option("--watch", is_flag=True, help="Go on until no run is missing or under way.")
@plugin_option
def status(
    suite: str | None, results: Path, device: str, watch: bool, plugins: tuple[Path, ...]
) -> int:
    """Say how far a suite is: what is recorded, running, lost and missing, and the time left.

    By default on every stack that the results folder has anything of; with --device cpu or cuda on
    this machine's.
    """
    from bench.execution import session, status_text

    try:
        return status_text.status(suite, results, device, plugins, watch)
    except session.MISTAKES as error:
        mistake(error)


@main.command(name="ls")
@click.argument("kind", type=click.Choice(["models", "tasks", "suites", "published"]))
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
@plugin_option
def list_(kind: str, style: str, plugins: tuple[Path, ...]) -> None:
    """List what there is, the plug-ins' too, and where each came from; or the published numbers."""
    from bench.execution.listing import listing
    from bench.plugins import PluginError

    try:
        table = listing(kind, plugins)
    except PluginError as error:
        mistake(error)
    if style == "json":
        click.echo(json.dumps(table.to_dict("records"), indent=1))
    else:
        click.echo(table.to_string(index=False, justify="left"))


@main.command()
@click.option("--suite", required=True)
@plugin_option
def prepare(suite: str, plugins: tuple[Path, ...]) -> None:
    """Download what a suite's tasks need, checked by sha256. `run` never downloads."""
    from bench.execution import session

    try:
        session.prepare_suite(suite, plugins)
    except session.MISTAKES as error:
        mistake(error)


@main.command()
def env() -> None:
    """Print what a record says of this machine."""
    from bench.environment import environment, versions
    from bench.execution.session import device_name

    device = device_name("auto")
    click.echo(json.dumps({**environment(device), "versions": versions()}, indent=1))


@main.command(name="exec-run")
@click.argument("file", type=folder)
@device_option
@timeout_option
@results_option
@plugin_option
def exec_run(
    file: Path, device: str, timeout: str, results: Path, plugins: tuple[Path, ...]
) -> int:
    """Run one spec: a JSON file, or a record whose run is to be done again."""
    from bench.execution import from_file, session

    try:
        return from_file.run_file(file, device, timeout, results, plugins)
    except session.MISTAKES as error:
        mistake(error)


@main.command()
@click.argument("sources", nargs=-1, required=True, type=folder)
@click.option("--out", type=folder, required=True)
@click.option(
    "--keep",
    type=click.Choice(["newest", "first", "both"]),
    help="Which of two different records of one run; by default nothing is copied then.",
)
def merge(sources: tuple[Path, ...], out: Path, keep: Any) -> int:
    """Copy the records of several results folders into one; exit with 2 where a file is none."""
    from bench.merging import merge as merge_folders
    from bench.store import shown

    try:
        merged = merge_folders(sources, out, keep)
    except (ValueError, OSError) as error:
        mistake(error)
    for sentence in merged.different:
        click.echo(f"kept {keep}: {sentence}")
    for problem in merged.problems:
        click.echo(f"not copied: {problem}")
    click.echo(f"{merged.copied} records copied to {shown(out)}, {merged.present} were there")
    return 2 if merged.problems else 0


@main.command()
@click.argument("where", type=folder, default=RESULTS)
def validate(where: Path) -> int:
    """Name every bad file and line in a results folder; exit with 2 where there are any."""
    from bench.store import shown
    from bench.validation import validate as validate_folder

    if not where.is_dir():
        mistake(f"{shown(where)} is not a folder")
    found = validate_folder(where)
    for problem in found.problems:
        click.echo(problem)
    click.echo(f"{shown(where)}: {found.summary}")
    return 2 if found.problems else 0


@main.command()
@click.option("--slice", "small", is_flag=True, help="Two minutes of it.")
@click.option(
    "--results", type=folder, help="Where the runs are made and kept; by default nowhere."
)
@click.option("--out", type=folder, default=REPORTS, show_default=True)
def selftest(small: bool, results: Path | None, out: Path) -> int:
    """Plant faults in real runs and count what is lost; exit with 2 where anything is.

    Kills, full disks, hangs, models that crash, clocks that jump, many drivers on one folder. The
    table is in OUT/reliability.md, and what it is made from in reliability.json.
    """
    from bench.selftest.course import FULL, SLICE, Impossible, selftest

    try:
        well = selftest(SLICE if small else FULL, results, out, click.echo)
    except Impossible as error:
        mistake(error)
    except OSError as error:
        mistake(f"--results or --out cannot be used: {error}")
    click.echo(out / "reliability.md")
    return 0 if well else 2


main.add_command(perf)
