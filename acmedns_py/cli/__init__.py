"""The command `acmedns`: parses, calls, prints, exits; no rule lives here."""

from importlib.metadata import version

import typer

from acmedns_py.cli import (
    account,
    audit,
    backup,
    certificate,
    challenge_name,
    check,
    config,
    db,
    health,
    imports,
    output,
    records,
    serve,
    setup,
    stats,
    token,
    top,
)

app = typer.Typer(
    name="acmedns",
    help="Authoritative DNS for ACME dns-01: hosts renew certificates without a DNS API key.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("setup")(setup.setup)
app.command("records")(records.records)
app.command("health")(health.health)
app.command("audit")(audit.audit)
app.command("stats")(stats.stats)
app.command("top")(top.top)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("export")(backup.export)
app.command("challenge-name")(challenge_name.challenge_name)
app.add_typer(account.app, name="account", help="List, make and change accounts.")
app.add_typer(certificate.app, name="certificate", help="Look after the API's own certificate.")
app.add_typer(check.app, name="check")
app.add_typer(config.app, name="config", help="Look at the configuration.")
app.add_typer(db.app, name="db", help="Look after the database.")
app.add_typer(imports.app, name="import", help="Take over accounts of another server.")
app.add_typer(token.app, name="token", help="Say who may register.")


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
    output.prepare()
    with output.told():
        app()
