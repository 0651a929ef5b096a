"""The command `acmedns`: parses, calls, prints, exits; no rule lives here."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from acmedns_py.cli import output

COMMANDS: Final = {
    "serve": "serve:serve",
    "setup": "setup:setup",
    "records": "records:records",
    "health": "health:health",
    "audit": "audit:audit",
    "stats": "stats:stats",
    "top": "top:top",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "export": "backup:export",
    "challenge-name": "challenge_name:challenge_name",
    "account": "account:app",
    "certificate": "certificate:app",
    "check": "check:app",
    "config": "config:app",
    "db": "db:app",
    "import": "imports:app",
    "token": "token:app",
}
"""Where each command stands: a module beside this one, and in it a function, or the group of further commands."""


class _Commands(Mapping[str, TyperCommand | TyperGroup]):
    """The commands, each loaded when it is wanted: most need the whole service, and `health` runs twice a minute."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        module, _, attribute = COMMANDS[name].partition(":")
        found: Any = getattr(import_module(f"{__name__}.{module}"), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = name
            return group
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
        assert isinstance(command, TyperCommand), "it is a function"
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Program(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": _Commands()})


app = typer.Typer(
    name="acmedns",
    cls=_Program,
    help="Authoritative DNS for ACME dns-01: hosts renew certificates without a DNS API key.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
