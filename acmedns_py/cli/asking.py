"""What the commands of the operator's hand share: options, the way to the server, times, how answers are printed."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypedDict, TypeVar
from urllib.parse import quote

import typer

from acmedns_py.cli.forms import read
from acmedns_py.cli.problems import tell_problems
from acmedns_py.config.load import load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.config.settings import Settings
from acmedns_py.config.values import DURATION, UNITS
from acmedns_py.errors import AcmednsError
from acmedns_py.log import configure_command
from acmedns_py.service.door import Door, open_door

T = TypeVar("T")

ACCOUNTS = "/admin/v1/accounts"

PAGE = 1_000
"""Rows that are asked for at once."""

Way = Callable[[Settings], AbstractContextManager[Door]]
"""How the routes are reached: `open_door`, or `open_server` for what a running server alone can do."""

ConfigPath = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="PATH", help="The configuration file, else the first found.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Username, subdomain, or the complete name in DNS.", show_default=False)
]


@contextmanager
def door(config: Path | None, *, way: Way = open_door) -> Iterator[Door]:
    """Give the way to the operator's routes; what fails is told in one line each, and ends the command with 1."""
    settings = settings_of(config)
    with failures_told(), way(settings) as found:
        yield found


@contextmanager
def failures_told() -> Iterator[None]:
    """End the command with one line and exit code 1 where the way to the routes, or a question, fails."""
    try:
        yield
    except AcmednsError as error:
        fail(str(error))
    except UnicodeEncodeError:
        fail("an argument is not UTF-8; write text")


def settings_of(config: Path | None) -> Settings:
    """Read the configuration; its problems are told in one line each, and end the command with 1."""
    try:
        return load(config, os.environ).settings
    except ConfigProblems as problems:
        tell_problems(problems)
        raise typer.Exit(1) from None


def fail(text: str) -> NoReturn:
    """End the command with one line on standard error and exit code 1."""
    typer.echo(one_line(f"acmedns: {text}"), err=True)
    raise typer.Exit(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it with warnings on standard error; what fails is told in one line, and ends the command with 1."""
    configure_command()
    try:
        return asyncio.run(work)
    except AcmednsError as error:
        fail(str(error))


def path_of(account: str, *more: str) -> str:
    """The path of an account's routes."""
    return "/".join((ACCOUNTS, quote(account, safe=""), *more))


class _Page(TypedDict):
    rows: list[dict[str, Any]]
    next: int | None


def pages(
    asked: Door, path: str, key: str, form: type[T], query: Mapping[str, str], *, after: int, most: int | None
) -> Iterator[T]:
    """Give the rows of all pages from `after` on, at most `most` of them; raises `Unusable` for others than `form`."""
    last: int | None = after
    left = most
    while last is not None and (left is None or left > 0):
        size = PAGE if left is None else min(PAGE, left)
        document = asked.ask("GET", path, query={**query, "after": str(last), "limit": str(size)})
        page = read({"rows": document.get(key), "next": document.get("next")}, _Page)
        yield from (read(row, form) for row in page["rows"])
        last = page["next"]
        if left is not None:
            left -= len(page["rows"])


def duration(text: str, option: str) -> int:
    """Seconds of a duration such as 90s, 15m, 1h, 30d or 2w."""
    found = DURATION.fullmatch(text.strip().lower())
    if found is None:
        fail(f"{option} {text!r} is no duration; write one such as 90s, 15m, 1h, 30d or 2w")
    return int(found[1]) * UNITS[found[2]]


def moment(text: str, option: str) -> str:
    """A time for the routes, from a duration that lies back so far, or from a date with or without a time of day."""
    return _time(text, option, ahead=False)


def until(text: str, option: str) -> str:
    """The same of a duration that lies ahead."""
    return _time(text, option, ahead=True)


def _time(text: str, option: str, *, ahead: bool) -> str:
    try:
        if DURATION.fullmatch(text.strip().lower()):
            span = timedelta(seconds=duration(text, option))
            found = datetime.now(UTC) + (span if ahead else -span)
        else:
            # What has no zone is meant as on this machine's clock.
            found = datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        fail(f"{option} {text!r} is no time; write 2026-11-24, 2026-11-24T16:00:00Z, or a duration such as 30d")
    return found.isoformat()
