"""`acmedns token new`, `list` and `revoke`: who may register where `api.registration` is "token"."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import structlog
import typer

from acmedns_py.accounts import tokens
from acmedns_py.accounts.ports import Token
from acmedns_py.cli.asking import ConfigPath, fail, settings_of
from acmedns_py.config.settings import Settings
from acmedns_py.errors import AcmednsError
from acmedns_py.service.compose import offline_store
from acmedns_py.store import maintenance

app = typer.Typer(no_args_is_help=True, help="Say who may register.")

T = TypeVar("T")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What to call the token in lists and in the log.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help=f"What it is for, one of {', '.join(tokens.SCOPES)}; may be repeated."),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="How long it is good (30d, 12h, 90m), or until when.")] = None,
    uses: Annotated[int | None, typer.Option(help="How many accounts it may make.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="CIDR", help="From where; may be repeated.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Let its holder choose labels like this one, as web-*.")
    ] = None,
    path: ConfigPath = None,
) -> None:
    """Make a token and print it, this once; the server must not be running."""

    async def issued(settings: Settings) -> str:
        until = None if expires is None else tokens.expiry(expires, datetime.now(UTC))
        async with offline_store(settings) as store:
            return await tokens.issue(
                store,
                name,
                scopes=scope or (tokens.REGISTER,),
                sources=source or (),
                labels=labels,
                uses=uses,
                expires_at=until,
            )

    typer.echo(_run(issued(settings_of(path))))


@app.command("list")
def list_(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of lines.")] = False,
    path: ConfigPath = None,
) -> None:
    """Print what is known of each token, which is all but the token itself; also while the server runs."""
    found = [_told(*one) for one in _run(maintenance.tokens(settings_of(path).database.connection_url))]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for one in found:
        facts = {key: ",".join(value) if isinstance(value, list) else value for key, value in one.items()}
        typer.echo(" ".join(f"{key}={value}" for key, value in facts.items() if value not in (None, "")))


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The token's name.")], path: ConfigPath = None) -> None:
    """End a token for good; the accounts that it made stay. The server must not be running."""

    async def revoked(settings: Settings) -> None:
        async with offline_store(settings) as store:
            await tokens.revoke(store, name)

    _run(revoked(settings_of(path)))
    typer.echo(f"token {name} is revoked")


def _told(token: Token, accounts: int) -> dict[str, Any]:
    """What people and programs are told of a token; times in UTC (ISO 8601)."""
    return {
        "name": token.name,
        "state": "good" if token.ended is None else token.ended.value,
        "scopes": list(token.scopes),
        "accounts": accounts,
        "uses_left": token.uses_left,
        "expires_at": _time(token.expires_at),
        "sources": list(token.sources),
        "labels": token.labels,
        "created_at": _time(token.created_at),
        "last_used_at": _time(token.last_used_at),
        "revoked_at": _time(token.revoked_at),
    }


def _time(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)).isoformat(timespec="seconds")


def _run(work: Coroutine[Any, Any, T]) -> T:
    # Standard output is for what was asked, and nothing else.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        return asyncio.run(work)
    except AcmednsError as error:
        fail(str(error))
