"""`acmedns backup`, `acmedns restore` and `acmedns export`: all that a database holds, in a file, and back."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.api.local import user_name
from acmedns_py.cli.asking import ConfigPath, fail, run, settings_of
from acmedns_py.cli.printing import Json, print_json
from acmedns_py.config.problems import one_line
from acmedns_py.dns import name
from acmedns_py.errors import OutputClosed
from acmedns_py.service.privileges import server_owner
from acmedns_py.store.backup import back_up
from acmedns_py.store.backup_file import Header, file_name, passed_on, written
from acmedns_py.store.restore import DELETED, DISABLED, REVOKED, Restored
from acmedns_py.store.restore import restore as restore_file

STANDARD_OUTPUT = Path("-")

Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, or - for standard output.")],
    *,
    force: Force = False,
    config: ConfigPath = None,
    json: Json = False,
) -> None:
    """Write all that the database holds to one compressed file; the server may be running."""
    _write(file, config, compressed=True, force=force, with_audit=True, json=json)


def export(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="The file to write; standard output without one.")
    ] = STANDARD_OUTPUT,
    *,
    audit: Annotated[bool, typer.Option(help="Whether the audit log comes too.")] = True,
    force: Force = False,
    config: ConfigPath = None,
    json: Json = False,
) -> None:
    """Write the same as JSON lines, uncompressed, for people and programs; the server may be running."""
    _write(file, config, compressed=False, force=force, with_audit=audit, json=json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of acmedns backup or acmedns export.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what is there, after a backup of it was written.")
    ] = False,
    config: ConfigPath = None,
    json: Json = False,
) -> None:
    """Make an empty database what a backup says, all of it or nothing; the server must not be running."""
    settings = settings_of(config)
    zone = settings.zone.name
    with _ending_in_order():
        restored = run(
            restore_file(
                settings.database.connection_url,
                file,
                apex=name.from_text(zone),
                zone_name=zone,
                replace=replace,
                actor=user_name(os.getuid()),
                owner=server_owner(settings.process.user, settings.process.group),
            )
        )
    if json:
        print_json(_document(restored, file))
        return
    for line in _restored(restored, file):
        typer.echo(one_line(line))


def _write(file: Path, config: Path | None, *, compressed: bool, force: bool, with_audit: bool, json: bool) -> None:
    settings = settings_of(config)
    to_stream = file == STANDARD_OUTPUT
    if to_stream and json:
        fail("--json tells of a file, and standard output is where this one would go; name a file")
    if to_stream and compressed and sys.stdout.isatty():
        fail("a compressed backup is nothing for a terminal; name a file, or use acmedns export")
    out = (
        partial(passed_on, sys.stdout.buffer, compressed=compressed)
        if to_stream
        else partial(written, file, compressed=compressed, force=force)
    )
    called = "standard output" if to_stream else str(file)
    url, zone = settings.database.connection_url, settings.zone.name

    async def work() -> Header:
        try:
            return await back_up(url, zone_name=zone, out=out, name=called, with_audit=with_audit)
        except OutputClosed:
            # Whoever read it has seen enough.
            raise typer.Exit(1) from None

    with _ending_in_order():
        header = run(work())
    if to_stream:
        return
    size = file.stat().st_size
    if json:
        facts = {"file": file_name(file), "octets": size, "revision": header.revision, "zone": header.zone}
        print_json({**facts, **_counts(header)})
    else:
        typer.echo(one_line(f"{file}: {counted(header)}; {size:,} octets, revision {header.revision}"))


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the block as an exception, as asyncio lets SIGINT: an unfinished file is taken away."""
    former = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


_GOOD_AGAIN = {
    REVOKED: "tokens that had been revoked",
    DISABLED: "accounts that had been disabled",
    DELETED: "accounts that had been deleted",
}


def _restored(restored: Restored, file: Path) -> list[str]:
    lines = [] if restored.kept is None else [f"what was there: {restored.kept}"]
    serial = restored.cursor & 0xFFFF_FFFF
    for what, told in _GOOD_AGAIN.items():
        if count := restored.again.counts[what]:
            names = restored.again.names[what]
            more = f" and {count - len(names)} more" if count > len(names) else ""
            lines.append(f"good again: {count} {told}: {', '.join(names)}{more}")
    return [*lines, f"{restored.place.name}: {counted(restored.header)} from {file}; serial {serial}"]


def _document(restored: Restored, file: Path) -> dict[str, object]:
    again = restored.again
    return {
        "database": restored.place.name,
        "file": file_name(file),
        **_counts(restored.header),
        "serial": restored.cursor & 0xFFFF_FFFF,
        "kept": None if restored.kept is None else file_name(restored.kept),
        "good_again": {what: {"count": again.counts[what], "first": again.names.get(what, [])} for what in _GOOD_AGAIN},
    }


def _counts(header: Header) -> dict[str, int]:
    return {"accounts": header.counts.get("account", 0), "rows": sum(header.counts.values())}


def counted(header: Header) -> str:
    """What a backup holds, for people."""
    found = _counts(header)
    return f"{found['accounts']} accounts of {header.zone}, {found['rows']} rows in all"
