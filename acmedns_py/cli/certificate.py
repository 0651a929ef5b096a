"""`acmedns certificate show`: how the API's own certificate stands."""

import typer

from acmedns_py.cli.asking import ConfigPath, Json, fail, print_facts, print_json, settings_of
from acmedns_py.errors import AcmednsError
from acmedns_py.service.standing import certificate_standing

app = typer.Typer(no_args_is_help=True)


@app.callback()
def certificate() -> None:
    """Look at the API's own certificate."""


@app.command()
def show(config: ConfigPath = None, *, json: Json = False) -> None:
    """Print which certificate is kept, until when, and why the last try failed; exit 1 where none is good now."""
    try:
        found = certificate_standing(settings_of(config))
    except AcmednsError as error:
        fail(str(error))
    if json:
        print_json(found.document)
    else:
        print_facts({what.replace("_", " "): _told(fact) for what, fact in found.document.items()})
    if not found.good:
        raise typer.Exit(1)


def _told(fact: str | int | list[str] | None) -> str:
    if fact is None:
        return "none"
    return ", ".join(fact) if isinstance(fact, list) else str(fact)
