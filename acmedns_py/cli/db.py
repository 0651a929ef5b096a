"""`acmedns db upgrade` and `acmedns db check`: the database without the server."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from acmedns_py.config.load import load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.errors import AcmednsError
from acmedns_py.store import maintenance

app = typer.Typer(no_args_is_help=True, help="Look after the database.")

T = TypeVar("T")

ConfigPath = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="PATH", help="The configuration file, else the first found.")
]


@app.command()
def upgrade(path: ConfigPath = None) -> None:
    """Bring the database to this program's schema, after a copy of SQLite's; the server must not be running."""
    for line in _run(maintenance.upgrade(_database_url(path))):
        typer.echo(line)


@app.command()
def check(path: ConfigPath = None) -> None:
    """Say what the database is and whether it is whole and up to date; exit 1 where it is not. Changes nothing."""
    report = _run(maintenance.check(_database_url(path)))
    for line in report.lines:
        typer.echo(line)
    if not report.good:
        raise typer.Exit(1)


def _database_url(path: Path | None) -> str:
    try:
        return load(path, os.environ).settings.database.connection_url
    except ConfigProblems as problems:
        where = f"{problems.path}: " if problems.path is not None else ""
        for problem in problems.problems:
            typer.echo(one_line(f"{where}{problem}"), err=True)
        raise typer.Exit(1) from None


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except AcmednsError as error:
        typer.echo(one_line(f"acmedns: {error}"), err=True)
        raise typer.Exit(1) from None
