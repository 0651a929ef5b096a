"""`acmedns db upgrade` and `acmedns db check`: the database without the server."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import typer

from acmedns_py.cli.asking import ConfigPath, fail, settings_of
from acmedns_py.errors import AcmednsError
from acmedns_py.service.privileges import server_owner
from acmedns_py.store import maintenance

app = typer.Typer(no_args_is_help=True, help="Look after the database.")

T = TypeVar("T")


@app.command()
def upgrade(config: ConfigPath = None) -> None:
    """Bring the database to this program's schema, after a copy of SQLite's; the server must not be running."""
    process = settings_of(config).process
    for line in _run(config, partial(maintenance.upgrade, owner=server_owner(process.user, process.group))):
        typer.echo(line)


@app.command()
def check(config: ConfigPath = None) -> None:
    """Say what the database is and whether it is whole and up to date; exit 1 where it is not. Changes nothing."""
    report = _run(config, maintenance.check)
    for line in report.lines:
        typer.echo(line)
    if not report.good:
        raise typer.Exit(1)


def _run(config: Path | None, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    url = settings_of(config).database.connection_url
    try:
        return asyncio.run(work(url))
    except AcmednsError as error:
        fail(str(error))
