"""How commands print what they have found: JSON for programs, tables and facts for people, times for both."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from acmedns_py.config.problems import one_line
from acmedns_py.config.values import UNITS

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

WIDE = 200
"""Columns of a table that goes to a file or a pipe, so that no name is cut."""


def print_json(document: object) -> None:
    """Print one JSON document on one line."""
    # As octets: JSON is UTF-8, whatever the terminal is.
    typer.echo(msgspec.json.encode(document))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people; what accounts are called is text and no markup."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDE, markup=False, highlight=False, emoji=False)
    console.print(table_of(columns, rows))


def table_of(columns: Sequence[str], rows: Sequence[Sequence[str]], *, cut: bool = False) -> Table:
    """Give a table of texts without control characters; where there is no room they are folded, or cut."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="ellipsis" if cut else "fold", no_wrap=cut)
    for row in rows:
        table.add_row(*map(one_line, row))
    return table


def print_facts(facts: Mapping[str, str]) -> None:
    """Print one fact a line, the values below each other."""
    width = max(map(len, facts)) + 1
    for what, text in facts.items():
        typer.echo(f"{what + ':':<{width}} {text}")


def when(text: str | None) -> str:
    """A time of the routes for people: UTC, to the second; "never" for none."""
    if text is None:
        return "never"
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def age(seconds: int) -> str:
    """How long ago, in the largest unit that leaves more than one."""
    for unit in ("d", "h", "m"):
        if seconds >= 2 * UNITS[unit]:
            return f"{seconds // UNITS[unit]}{unit} ago"
    return f"{seconds}s ago"
