"""`acmedns import acme-dns` and `acmedns import json`: accounts of another server into the database, without ours."""

import os
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.api.local import user_name
from acmedns_py.cli.asking import ConfigPath, fail, run, settings_of
from acmedns_py.cli.printing import Json, print_json
from acmedns_py.cli.problems import tell_problems
from acmedns_py.config import acme_dns_source
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError
from acmedns_py.service.privileges import server_owner
from acmedns_py.store.merge import DIFFERING, NEW, PRESENT, merge
from acmedns_py.store.takeover import Taken, import_acme_dns

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be imported; change nothing.")]

app = typer.Typer(no_args_is_help=True, help="Take over accounts of another server.")


@app.callback()
def imports() -> None:
    """Take over accounts of another server."""


@app.command("acme-dns")
def acme_dns(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG_OR_DATABASE_URL", help="acme-dns's config.cfg, its SQLite file, or its database's URL."
        ),
    ],
    *,
    dry_run: DryRun = False,
    config: ConfigPath = None,
    json: Json = False,
) -> None:
    """Import all accounts that are not here yet; the source is only read, and the server must not be running."""
    settings = settings_of(config)
    try:
        found = acme_dns_source.find(source)
        zone = settings.zone.name
        for warning in found.warnings:
            _warn(warning)
        if found.zone and found.zone != zone:
            _warn(f"acme-dns serves {found.zone}, this configuration {zone}: CNAMEs lead to the former")
        taken = run(
            import_acme_dns(
                settings.database.connection_url,
                found.url,
                apex=name.from_text(zone),
                dry_run=dry_run,
                actor=user_name(os.getuid()),
                owner=server_owner(settings.process.user, settings.process.group),
            )
        )
    except ConfigProblems as problems:
        tell_problems(problems)
        raise typer.Exit(1) from None
    except AcmednsError as error:
        fail(str(error))
    if json:
        print_json(_document(taken, dry_run=dry_run))
        return
    for line in summary(taken, dry_run=dry_run):
        typer.echo(one_line(line))


@app.command("json")
def json_lines(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of acmedns export or acmedns backup.")],
    *,
    dry_run: DryRun = False,
    config: ConfigPath = None,
    json: Json = False,
) -> None:
    """Import all that is not here yet; what is here stays as it is, and the server must not be running."""
    settings = settings_of(config)
    zone, url = settings.zone.name, settings.database.connection_url
    actor = user_name(os.getuid())
    merged = run(merge(url, file, apex=name.from_text(zone), zone_name=zone, dry_run=dry_run, actor=actor))
    if json:
        others = {table: {_WORDS[what]: counts[what] for what in _WORDS} for table, counts in merged.others.items()}
        print_json({**_document(merged.accounts, dry_run=dry_run), "others": others})
        return
    *lines, last = summary(merged.accounts, dry_run=dry_run, noun="")
    for table, counts in merged.others.items():
        told = ", ".join(f"{counts[what]} {what}" for what in (NEW, PRESENT, DIFFERING))
        lines.append(f"{table.replace('_', ' ')}: {told}")
    for line in (*lines, last):
        typer.echo(one_line(line))


def summary(taken: Taken, *, dry_run: bool, noun: str = "account ") -> list[str]:
    """Give what came of it, line by line; `noun` is what all those are that something is told of."""
    lines = [f"from: {taken.source} ({taken.form})", f"into: {taken.kept_in}"]
    for kind, told in taken.told.items():
        lines += [f"{kind}: {noun}{who}: {what}" for who, what in told]
        if taken.untold[kind]:
            lines.append(f"{kind}: and {taken.untold[kind]} more")
    would = "dry run, nothing was changed: " if dry_run else ""
    lines.append(
        f"{would}{taken.new} new, {taken.present} already there, {taken.differing} differ, "
        f"{taken.unreadable} can't be read"
    )
    return lines


_WORDS = {NEW: "new", PRESENT: "present", DIFFERING: "differing"}


def _document(taken: Taken, *, dry_run: bool) -> dict[str, object]:
    """The same for programs."""
    return {
        "from": taken.source,
        "form": taken.form,
        "into": taken.kept_in,
        "dry_run": dry_run,
        "new": taken.new,
        "present": taken.present,
        "differing": taken.differing,
        "unreadable": taken.unreadable,
        "told": [{"kind": kind, "who": who, "what": what} for kind, told in taken.told.items() for who, what in told],
        "untold": taken.untold,
    }


def _warn(text: str) -> None:
    typer.echo(one_line(f"warning: {text}"), err=True)
