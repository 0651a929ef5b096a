"""`acmedns config check`: read the configuration as `serve` would, and print everything that is wrong with it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.config.load import Loaded, load
from acmedns_py.config.problems import ConfigProblems, one_line

app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")


@app.callback()
def config() -> None:
    """Look at the configuration."""


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="PATH", help="The file to check, else the first one found.")
    ] = None,
) -> None:
    """Print every problem of the configuration, one a line, and exit 1; without any, say what would be served."""
    try:
        loaded = load(path, os.environ)
    except ConfigProblems as problems:
        tell_problems(problems)
        raise typer.Exit(1) from None
    _tell("warning: ", loaded.warnings)
    typer.echo(one_line(summary(loaded)))


def tell_problems(problems: ConfigProblems) -> None:
    """Print warnings and problems, one a line, on standard error."""
    where = f"{problems.path}: " if problems.path is not None else ""
    _tell("warning: ", problems.warnings)
    _tell(where, [str(problem) for problem in problems.problems])


def summary(loaded: Loaded) -> str:
    """Give one line that names the file, the zone and the records that follow from it."""
    where = loaded.path if loaded.path is not None else "environment"
    return f"{where}: no problems; zone {loaded.settings.zone.name}, derived records: {'; '.join(loaded.derived)}"


def _tell(before: str, lines: list[str] | tuple[str, ...]) -> None:
    for line in lines:
        typer.echo(one_line(before + line), err=True)
