"""Who is who in the audit log, and its lines in the program's own log.

The table is written in the transaction of the change itself; a line of the log follows when that is durable.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import structlog

from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.accounts.token_text import without_tokens
from acmedns_py.errors import AcmednsError, OutcomeUnknown, StoreUnavailable
from acmedns_py.log import printable

ANYONE = "anyone"
"""The actor of what needs no right."""

START = "acmedns serve"
"""The actor of what a start does by itself."""

OFFLINE = "offline"
"""The source of what was done without a server."""

MOST_CHARACTERS = 1_000
"""Of a text that is kept: any reason that was written for people is shorter."""

MOST_DETAILS = 65_536
"""Characters of an entry's details as JSON: the longest list of networks has room, and a backup can carry the entry."""

_CUT = "..."

_log = structlog.get_logger(__name__)


def tell(entry: Entry) -> None:
    """Write an entry into the program's log."""
    entry = fit_to_keep(entry)
    _log.info(
        "audit",
        actor=entry.actor,
        source=entry.source,
        action=entry.action,
        subject=entry.subject,
        result=entry.result,
        details=dict(entry.details),
    )


async def note_refusal(note: Callable[[Entry], Awaitable[Written]], entry: Entry, error: AcmednsError) -> None:
    """Enter what was refused, with the reason as its result; `note` commits an entry. Raises nothing of ours.

    What may have been done was not refused: it has its entry where it was.
    """
    if isinstance(error, OutcomeUnknown):
        return
    refused = replace(entry, result=f"refused: {error}")
    tell(refused)
    try:
        await note(refused)
    except AcmednsError:
        # The log line is there; what the operator is told is the first failure, not this one.
        return


async def enter(note: Callable[[Entry], Awaitable[Written]], entry: Entry) -> None:
    """Enter what was done elsewhere than in the database, which may be gone: the line of the log is there."""
    tell(entry)
    with suppress(StoreUnavailable):
        await note(entry)


def fit_to_keep(entry: Entry) -> Entry:
    """An entry as it may be kept.

    No token that was typed in the place of a name, nothing that a terminal obeys, nothing without an end.
    """
    details: Mapping[str, object] = {key: _fit(value) for key, value in entry.details.items()}
    written = json.dumps(details)
    if len(written) > MOST_DETAILS:
        details = {"cut": _text(written)}
    return replace(entry, subject=_text(entry.subject), result=_text(entry.result), details=details)


def _fit(detail: object) -> object:
    match detail:
        case str():
            return _text(detail)
        case list() | tuple():
            return [_fit(one) for one in detail]
        case Mapping():
            return {_text(str(key)): _fit(value) for key, value in detail.items()}
    return detail


def _text(text: str) -> str:
    """A text of the log; what can't be printed, PostgreSQL's forbidden NUL among it, is escaped."""
    # A token that is cut is none any more that would be known.
    kept = without_tokens(text)
    return printable(kept if len(kept) <= MOST_CHARACTERS else kept[:MOST_CHARACTERS] + _CUT)
