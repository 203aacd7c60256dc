"""`python -m bench perf`: asv, wrapped."""

import click

from bench.command import mistake

benchmarks_option = click.option(
    "--benchmarks", "select", default=".", help="Only points whose name this expression finds."
)


@click.group()
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
