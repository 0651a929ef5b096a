"""One request of the operator's routes and its answer, without HTTP; and how the parts of a request are read.

What can't be read raises `Unusable`, whose text names the part, what it holds and what to write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from acmedns_py.accounts.administration import MOST_LISTED, Operator
from acmedns_py.errors import Unusable
from acmedns_py.log import quoted

_FLAGS = {"true": True, "false": False}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `path` with its query taken off, still with percent signs; `query` and `body` as they came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    by: Operator


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: an HTTP status, what becomes its JSON body, and the headers that such a status needs."""

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def body_of(asked: Asked, kind: type[T]) -> T:
    """The body as a structure; nothing at all is an empty object."""
    try:
        return msgspec.json.decode(asked.body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Unusable(f"the body does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unusable("the body is no JSON object") from None


def known(query: Mapping[str, str], *names: str) -> Mapping[str, str]:
    """The query, if it holds none but these parameters."""
    for name in query:
        if name not in names:
            raise Unusable(f"the parameter {quoted(name)} is not known; known are {', '.join(names)}")
    return query


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A number that is not negative, and for `limit` not 0."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 19) or (name == "limit" and int(text) == 0):
        raise Unusable(f"{name} = {quoted(text)} is no number that can be used; write a positive one")
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """True, false, or None where it is not there."""
    text = query.get(name)
    if text is None:
        return None
    if text not in _FLAGS:
        raise Unusable(f"{name} = {quoted(text)} is neither true nor false")
    return _FLAGS[text]


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """A time in UTC, which is also what a bare one is in; None where it is not there."""
    text = query.get(name)
    if text is None:
        return None
    try:
        return in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Unusable(f"{name} = {quoted(text)} is no time; write one such as 2026-11-24T16:00:00Z") from None


def in_utc(time: datetime) -> datetime:
    """A time in UTC, which a bare one is meant in; raises `OverflowError` beyond the calendar."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def next_after(ids: Sequence[int], limit: int) -> int | None:
    """What `after` is for the page behind these rows of a page that was asked for with `limit`; None at the end."""
    return ids[-1] if len(ids) == min(limit, MOST_LISTED) else None
