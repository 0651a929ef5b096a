"""`acmedns top`: which names are asked for most at this moment, by whom, with which answers; the last updates."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from acmedns_py.cli.asking import ConfigPath, failures_told, settings_of
from acmedns_py.cli.forms import Top, read
from acmedns_py.cli.printing import Json, print_json, print_table, table_of
from acmedns_py.cli.top_view import heading, remark, room, tables
from acmedns_py.config.settings import Settings
from acmedns_py.service.door import open_server

REFRESH_SECONDS: Final = 2.0
_QUIT: Final = b"q"
_KEYS_OCTETS: Final = 1024
_SIGNALLED: Final = 128
"""Added to a signal's number, it is what shells tell of a command that the signal has ended."""


def top(
    config: ConfigPath = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, metavar="N", help="At most N rows of each.")] = 10,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,
    json: Json = False,
) -> None:
    """Show the busiest names and networks, answers and updates; q ends it. Once where this is no terminal."""
    settings = settings_of(config)
    with failures_told():
        if json:
            print_json(_asked(settings, limit))
        elif once or not sys.stdout.isatty():
            _print(_asked(settings, limit))
        else:
            with suppress(KeyboardInterrupt):
                _watch(settings, limit)


def _asked(settings: Settings, limit: int) -> Top:
    # A connection for each: one that is kept is closed while the terminal is stopped for long.
    with open_server(settings) as asked:
        return read(asked.ask("GET", "/admin/v1/top", query={"limit": str(limit)}), Top)


def _print(found: Top) -> None:
    typer.echo(heading(found))
    for columns, rows in tables(found, None):
        typer.echo()
        print_table(columns, rows)
    if text := remark(found):
        typer.echo(text, err=True)


def _watch(settings: Settings, limit: int) -> None:
    """Show it anew again and again until `q` is typed; a SIGTERM finds the terminal put back too."""
    signal.signal(signal.SIGTERM, _terminated)
    former: Top | None = None
    console = Console(markup=False, highlight=False, emoji=False)
    with _typed() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            found = _asked(settings, limit)
            live.update(_view(found, former, console.height), refresh=True)
            former = found
            if _ended(keys):
                return


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    """End by an exception, on whose way out the terminal is put back."""
    raise SystemExit(_SIGNALLED + number)


def _view(found: Top, former: Top | None, height: int) -> Group:
    shown = tables(found, former)
    lines = [Text(f"{heading(found)}; q ends", no_wrap=True, overflow="ellipsis")]
    if text := remark(found):
        lines.append(Text(text, no_wrap=True, overflow="ellipsis"))
    # Each table takes an empty line and one for its columns.
    rows_each = room(height - len(lines) - 2 * len(shown), [len(rows) for _, rows in shown])
    parts: list[RenderableType] = [*lines]
    for (columns, rows), most in zip(shown, rows_each, strict=True):
        parts += ["", table_of(columns, rows[:most], cut=True)]
    return Group(*parts)


@contextmanager
def _typed() -> Iterator[list[int]]:
    """Give the descriptor on which keys come as they are typed; none where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield []
        return
    number = sys.stdin.fileno()
    former = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield [number]
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, former)


def _ended(keys: list[int]) -> bool:
    """Wait for the next refresh; whether `q` was typed, or the terminal is gone, meanwhile. Other keys refresh."""
    ready, _, _ = select.select(keys, [], [], REFRESH_SECONDS)
    if not ready:
        return False
    octets = os.read(keys[0], _KEYS_OCTETS)
    return not octets or _QUIT in octets.lower()
