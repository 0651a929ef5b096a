"""`acmedns serve`: run the server until it is told to stop."""

import os
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.cli.problems import tell_problems
from acmedns_py.config.load import load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.errors import AcmednsError
from acmedns_py.service.lifetime import run


def serve(
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", metavar="PATH", help="The configuration file, else the first one found."),
    ] = None,
) -> None:
    """Serve DNS and the API; where that can't be begun, print one line for each reason and exit 1."""
    try:
        loaded = load(config, os.environ)
        run(loaded, path=config, environ=os.environ)
    except ConfigProblems as problems:
        tell_problems(problems)
        raise typer.Exit(1) from None
    except AcmednsError as error:
        typer.echo(one_line(f"acmedns: {error}"), err=True)
        raise typer.Exit(1) from None
