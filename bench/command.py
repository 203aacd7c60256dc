"""What the commands share: how a mistake ends one, and the options that several have."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from bench.path_option import PathOption

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


folder = PathOption()
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
