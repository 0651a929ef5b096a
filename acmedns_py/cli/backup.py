"""`acmedns backup`, `acmedns restore` and `acmedns export`: all that a database holds, in a file, and back."""

import asyncio
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

from acmedns_py.cli.asking import ConfigPath, fail, settings_of
from acmedns_py.config.problems import one_line
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError
from acmedns_py.service.privileges import server_owner
from acmedns_py.store.backup import back_up
from acmedns_py.store.backup_file import Header, passed_on, written
from acmedns_py.store.restore import Restored
from acmedns_py.store.restore import restore as restore_file

STANDARD_OUTPUT = Path("-")

T = TypeVar("T")

Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, or - for standard output.")],
    *,
    force: Force = False,
    config: ConfigPath = None,
) -> None:
    """Write all that the database holds to one compressed file; the server may be running."""
    _write(file, config, compressed=True, force=force, with_audit=True)


def export(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="The file to write; standard output without one.")
    ] = STANDARD_OUTPUT,
    *,
    audit: Annotated[bool, typer.Option(help="Whether the audit log comes too.")] = True,
    force: Force = False,
    config: ConfigPath = None,
) -> None:
    """Write the same as JSON lines, uncompressed, for people and programs; the server may be running."""
    _write(file, config, compressed=False, force=force, with_audit=audit)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of acmedns backup or acmedns export.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what is there, after a backup of it was written.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Make an empty database what a backup says, all of it or nothing; the server must not be running."""
    settings = settings_of(config)
    zone = settings.zone.name
    restored = run(
        restore_file(
            settings.database.connection_url,
            file,
            apex=name.from_text(zone),
            zone_name=zone,
            replace=replace,
            owner=server_owner(settings.process.user, settings.process.group),
        )
    )
    for line in _restored(restored, file):
        typer.echo(one_line(line))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it with what is logged on standard error; what fails is told in one line, and ends the command with 1."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        return asyncio.run(work)
    except AcmednsError as error:
        fail(str(error))


def _write(file: Path, config: Path | None, *, compressed: bool, force: bool, with_audit: bool) -> None:
    settings = settings_of(config)
    to_stream = file == STANDARD_OUTPUT
    if to_stream and compressed and sys.stdout.isatty():
        fail("a compressed backup is nothing for a terminal; name a file, or use acmedns export")
    out = (
        partial(passed_on, sys.stdout.buffer, compressed=compressed)
        if to_stream
        else partial(written, file, compressed=compressed, force=force)
    )
    called = "standard output" if to_stream else str(file)
    header = run(
        back_up(
            settings.database.connection_url,
            zone_name=settings.zone.name,
            out=out,
            name=called,
            with_audit=with_audit,
        )
    )
    if not to_stream:
        size = file.stat().st_size
        typer.echo(one_line(f"{file}: {counted(header)}; {size:,} octets, revision {header.revision}"))


def _restored(restored: Restored, file: Path) -> list[str]:
    lines = [] if restored.kept is None else [f"what was there: {restored.kept}"]
    serial = restored.cursor & 0xFFFF_FFFF
    return [*lines, f"{restored.place.name}: {counted(restored.header)} from {file}; serial {serial}"]


def counted(header: Header) -> str:
    """What a backup holds, for people."""
    return f"{header.counts['account']} accounts of {header.zone}, {sum(header.counts.values())} rows in all"
