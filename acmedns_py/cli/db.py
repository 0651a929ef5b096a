"""`acmedns db upgrade` and `acmedns db check`: the database without the server."""

from dataclasses import asdict

import typer

from acmedns_py.cli.asking import ConfigPath, run, settings_of
from acmedns_py.cli.printing import Json, print_json
from acmedns_py.service.privileges import server_owner
from acmedns_py.store import maintenance

app = typer.Typer(no_args_is_help=True, help="Look after the database.")


@app.command()
def upgrade(config: ConfigPath = None, *, json: Json = False) -> None:
    """Bring the database to this program's schema, after a copy of SQLite's; the server must not be running."""
    settings = settings_of(config)
    owner = server_owner(settings.process.user, settings.process.group)
    place, done = run(maintenance.upgrade(settings.database.connection_url, owner=owner))
    if json:
        copy = None if done.backup is None else str(done.backup)
        print_json({"database": place.name, "revision": done.revision, "upgraded": done.migrated, "copy": copy})
        return
    if done.backup is not None:
        typer.echo(f"copied before to {done.backup}")
    typer.echo(
        f"{place.name}: brought to revision {done.revision}"
        if done.migrated
        else f"{place.name}: revision {done.revision}, nothing to do"
    )


@app.command()
def check(config: ConfigPath = None, *, json: Json = False) -> None:
    """Say what the database is and whether it is whole and up to date; exit 1 where it is not. Changes nothing."""
    report = run(maintenance.check(settings_of(config).database.connection_url))
    if json:
        print_json({"good": report.good, **asdict(report)})
    else:
        for line in _lines(report):
            typer.echo(line)
    if not report.good:
        raise typer.Exit(1)


def _lines(report: maintenance.Report) -> list[str]:
    if report.revision is None:
        return [f"{report.database}: empty; acmedns serve or acmedns db upgrade makes the tables"]
    current = (
        "up to date"
        if report.waiting is None
        else f"not up to date: revision {report.waiting} waits, run acmedns db upgrade"
    )
    return [
        f"engine: {report.database}",
        f"revision: {report.revision} ({current})",
        f"integrity: {report.damage or maintenance.WHOLE}",
        f"accounts: {report.accounts}",
    ]
