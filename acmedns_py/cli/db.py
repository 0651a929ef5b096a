"""`acmedns db upgrade` and `acmedns db check`: the database without the server."""

import typer

from acmedns_py.cli.asking import ConfigPath, run, settings_of
from acmedns_py.service.privileges import server_owner
from acmedns_py.store import maintenance

app = typer.Typer(no_args_is_help=True, help="Look after the database.")


@app.command()
def upgrade(config: ConfigPath = None) -> None:
    """Bring the database to this program's schema, after a copy of SQLite's; the server must not be running."""
    settings = settings_of(config)
    owner = server_owner(settings.process.user, settings.process.group)
    for line in run(maintenance.upgrade(settings.database.connection_url, owner=owner)):
        typer.echo(line)


@app.command()
def check(config: ConfigPath = None) -> None:
    """Say what the database is and whether it is whole and up to date; exit 1 where it is not. Changes nothing."""
    report = run(maintenance.check(settings_of(config).database.connection_url))
    for line in report.lines:
        typer.echo(line)
    if not report.good:
        raise typer.Exit(1)
