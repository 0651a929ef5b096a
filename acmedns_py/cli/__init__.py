"""The command `acmedns`: parses, calls, prints, exits; no rule lives here."""

from importlib.metadata import version

import typer

from acmedns_py.cli import config, db, health, serve

app = typer.Typer(
    name="acmedns",
    help="Authoritative DNS for ACME dns-01: hosts renew certificates without a DNS API key.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("health")(health.health)
app.add_typer(config.app, name="config", help="Look at the configuration.")
app.add_typer(db.app, name="db", help="Look after the database.")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"acmedns {version('acmedns-py')}")
        raise typer.Exit


@app.callback()
def options(
    *, show_version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Say which.")
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command line."""
    app()
