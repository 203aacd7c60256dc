"""The command line. What weighs is imported inside the commands, so that --help is quick."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

RESULTS = Path("results/local")
REPORTS = Path("reports/local")


class Group(click.Group):
    """Prints one sentence for a user's mistake and exits with 1, where click would exit with 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.ClickException as error:
            error.show()
            code = 1
        except (click.Abort, KeyboardInterrupt):
            click.echo("stopped; the same command goes on where this one ended", err=True)
            code = 130
        sys.exit(code if isinstance(code, int) else 0)


def mistake(sentence: object) -> NoReturn:
    """Ends the command with the sentence and exit code 1."""
    raise click.ClickException(str(sentence))


folder = click.Path(path_type=Path)
plugin_option = click.option(
    "--plugin", "plugins", multiple=True, type=folder, help="A file with a table MODELS, TASKS..."
)
results_option = click.option("--results", type=folder, default=RESULTS, show_default=True)
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
timeout_option = click.option(
    "--timeout", default="2h", show_default=True, help="For one run: 90, 90s, 30m or 2h."
)


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
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at once; by default one a core.")
@timeout_option
@click.option("--dry-run", is_flag=True, help="Say what would be run, and run nothing.")
@click.option("--retry", default="", help="Statuses to run again: timeout,error,oom_gpu...")
@click.option("--force", is_flag=True, help="Run what is recorded, too.")
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
@click.option("--suite", required=True)
@results_option
@click.option("--out", type=folder, default=REPORTS, show_default=True)
@click.option("--format", "formats", default="html,md,csv", show_default=True)
@plugin_option
def report(suite: str, results: Path, out: Path, formats: str, plugins: tuple[Path, ...]) -> None:
    """Render the report of a suite from its records."""
    from bench.plugins import PluginError
    from bench.report import render
    from bench.suites import all_suites

    try:
        known = all_suites(plugins).entries
        question = known[suite].question if suite in known else ""
        names = [name.strip() for name in formats.split(",")]
        click.echo(render(suite, results, out, question=question, formats=names))
    except (ValueError, PluginError) as error:
        mistake(error)
    except OSError as error:
        mistake(f"the report cannot be written below {out}: {error}")


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
def prepare(suite: str) -> None:
    """Download what a suite's tasks need, checked by sha256. `run` never downloads."""
    from bench.execution import session

    try:
        session.prepare_suite(suite)
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
    from bench.execution import session

    try:
        return session.run_file(file, device, timeout, results, plugins)
    except session.MISTAKES as error:
        mistake(error)


@main.command()
@click.argument("sources", nargs=-1, required=True, type=folder)
@click.option("--out", type=folder, required=True)
def merge(sources: tuple[Path, ...], out: Path) -> None:
    """Copy the records of several results folders into one; different records are refused."""
    from bench.store import Conflict
    from bench.store import merge as merge_folders

    try:
        copied, present = merge_folders(sources, out)
    except (Conflict, OSError) as error:
        mistake(error)
    click.echo(f"{copied} records copied to {out}, {present} were there")


benchmarks_option = click.option(
    "--benchmarks", "select", default=".", help="Only points whose name this expression finds."
)


@main.group()
def perf() -> None:
    """Speed and memory by commit: asv's benchmarks, measured in turns."""


@perf.command(name="run")
@click.argument("commits", nargs=-1)
@benchmarks_option
@click.option("--rounds", type=click.IntRange(min=1), default=2, show_default=True)
def perf_run(commits: tuple[str, ...], select: str, rounds: int) -> None:
    """Measure COMMITS, by default HEAD, and keep the samples in results/asv."""
    from bench.perf.history import record
    from bench.perf.project import PROJECT, Unusable

    try:
        click.echo(record(PROJECT, commits or ("HEAD",), select, rounds))
    except Unusable as error:
        mistake(error)


@perf.command(name="compare")
@click.argument("before")
@click.argument("after")
@benchmarks_option
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--margin", type=click.FloatRange(min=0), default=0.05, show_default=True)
def perf_compare(before: str, after: str, select: str, rounds: int, margin: float) -> int:
    """Measure BEFORE and AFTER now, in turns; exit with 3 where AFTER is slower.

    Slower is more than BEFORE differs from itself, and more than the margin, in the median of the
    rounds. Points that a first round does not speak against are measured once.
    """
    from bench.perf.compare import compare, report
    from bench.perf.project import PROJECT, Unusable

    try:
        found = compare(PROJECT, before, after, select=select, rounds=rounds, least=margin)
    except Unusable as error:
        mistake(error)
    click.echo(report(found))
    return 3 if found.worse else 0


@perf.command(name="publish")
def perf_publish() -> None:
    """Render results/asv as one page in reports/asv that needs no network."""
    from bench.perf.project import PROJECT, Unusable
    from bench.perf.publish import publish

    try:
        click.echo(publish(PROJECT))
    except Unusable as error:
        mistake(error)
