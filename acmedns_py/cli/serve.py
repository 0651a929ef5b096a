"""`acmedns serve`: run the server until it is told to stop."""

import os
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.config.load import load
from acmedns_py.config.problems import ConfigProblems
from acmedns_py.errors import AcmednsError
from acmedns_py.service.lifetime import run


def serve(
    config: Annotated[Path | None, typer.Option("-c", "--config", help="The configuration file.")] = None,
) -> None:
    """Serve DNS and the API. Exit code 1 and one line for each reason where it can't start."""
    try:
        loaded = load(config, os.environ)
        run(loaded, path=config, environ=os.environ)
    except ConfigProblems as problems:
        for problem in problems.problems:
            typer.echo(f"acmedns: {problem}", err=True)
        raise typer.Exit(1) from None
    except AcmednsError as error:
        typer.echo(f"acmedns: {error}", err=True)
        raise typer.Exit(1) from None
