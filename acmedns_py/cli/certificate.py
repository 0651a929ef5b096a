"""`acmedns certificate show`, `renew` and `revoke`: how the API's own certificate stands, and another one of it."""

import time
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from acmedns_py.cli.asking import ConfigPath, Yes, door, fail, settings_of
from acmedns_py.cli.forms import Begun, CertificateState, read
from acmedns_py.cli.printing import Json, print_facts, print_json
from acmedns_py.errors import AcmednsError
from acmedns_py.service.door import Door, open_server
from acmedns_py.service.standing import certificate_standing

CERTIFICATE: Final = "/admin/v1/certificate"

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether the server is done."""

PATIENCE_SECONDS: Final = 600.0
"""Longer than any CA that issues at all has been seen to take."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def certificate() -> None:
    """Look after the API's own certificate."""


@app.command()
def show(config: ConfigPath = None, *, json: Json = False) -> None:
    """Print which certificate is kept, until when, and why the last try failed; exit 1 where none is good now."""
    try:
        found = certificate_standing(settings_of(config))
    except AcmednsError as error:
        fail(str(error))
    _print(found.document, json=json)
    if not found.good:
        raise typer.Exit(1)


@app.command()
def renew(
    config: ConfigPath = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Now, before its time or in a pause; never against the CA's own wish.")
    ] = False,
    json: Json = False,
) -> None:
    """Have the running server renew the certificate where that is due, and wait; exit 1 where it is due and not had."""
    with door(config, way=open_server) as asked:
        told = read(asked.ask("POST", f"{CERTIFICATE}/renewal", body={"force": force}), Begun)
        if told["begun"]:
            _print_outcome(asked, json=json)
            return
        wrong = force or _wrong(_state(asked))
    if wrong:
        fail(told["detail"])
    if json:
        print_json(told)
    else:
        typer.echo(told["detail"])


@app.command()
def revoke(
    config: ConfigPath = None,
    reason: Annotated[
        str, typer.Option(metavar="REASON", help="unspecified, keyCompromise, superseded and the like (RFC 5280).")
    ] = "unspecified",
    *,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Have the running server revoke the certificate at its CA and get another one, with a new key."""
    with door(config, way=open_server) as asked:
        if not yes:
            found = _state(asked)
            typer.confirm(f"Revoke {found['serial']} of {', '.join(found['names'])} for ever?", abort=True, err=True)
        asked.ask("POST", f"{CERTIFICATE}/revocation", body={"reason": reason})
        _print_outcome(asked, json=json)


def _print_outcome(asked: Door, *, json: bool) -> None:
    """Wait until the server is done and print how the certificate stands; exit 1 where it got none, or is not done."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := _state(asked))["at_work"]:
        if time.monotonic() > end:
            minutes = f"{PATIENCE_SECONDS / 60:.0f} min"
            fail(f"the server is still at it after {minutes}; acmedns certificate show tells what comes of it")
        time.sleep(LOOK_SECONDS)
    _print(found, json=json)
    if _wrong(found):
        raise typer.Exit(1)


def _state(asked: Door) -> CertificateState:
    return read(asked.ask("GET", CERTIFICATE), CertificateState)


def _wrong(found: CertificateState) -> bool:
    """Whether the last try came to nothing, or the certificate must not be used any more."""
    return found["problem"] is not None or found["revoked"]


def _print(document: Mapping[str, object], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_facts({what.replace("_", " "): _told(fact) for what, fact in document.items()})


def _told(fact: object) -> str:
    match fact:
        case None:
            return "none"
        case bool():
            return "yes" if fact else "no"
        case list():
            return ", ".join(fact)
    return str(fact)
