"""What the rows of one acme-dns account mean: an account that can be taken over, or why it can't be.

acme-dns's own reading is followed, so that whoever could log in there can log in here, and nobody else. SQLite has no
types to speak of and gives octets; whatever stands in a column, it ends in an account or in a reason.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acmedns_py.accounts.allow_from import canonical_entries
from acmedns_py.accounts.credentials import canonical_username
from acmedns_py.accounts.hashing import MOST_BCRYPT_COST, bcrypt_cost
from acmedns_py.accounts.labels import RESERVED
from acmedns_py.errors import BadInput
from acmedns_py.store.schema import MICROSECONDS

MOST_VALUE_OCTETS = 255
"""Of a value: one character-string (RFC 1035 3.3)."""

_ACCOUNT = 0
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")

Row = tuple[Any, ...]
"""Subdomain, `_ACCOUNT` or 1, username, password, allowfrom, value, time in seconds; None where it is of the other."""


@dataclass(frozen=True, slots=True)
class ForeignAccount:
    """An account of acme-dns: `values` with their times in microseconds, latest first; `remarks` for people."""

    username: str
    label: str
    allow_from: tuple[str, ...]
    verifier: str
    values: tuple[tuple[bytes, int], ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Rows that can't be taken over: whose, and why."""

    who: str
    reason: str


class _UnreadableError(Exception):
    """Raised while one account is read; the text is the reason."""


def accounts_of(rows: list[Row], duplicated: frozenset[str]) -> Iterator[ForeignAccount | Unreadable]:
    """Give what the rows of one subdomain come to."""
    owners = [row for row in rows if row[1] == _ACCOUNT]
    if not owners:
        yield Unreadable(named(rows[0][0]), "values without an account, so nobody could change them")
    if len(owners) > 1:
        for owner in owners:
            yield Unreadable(named(owner[2]), "its subdomain is that of another account as well")
    elif owners:
        try:
            yield _account(owners[0], rows[1:], duplicated)
        except _UnreadableError as error:
            yield Unreadable(named(owners[0][2]), str(error))


def _account(owner: Row, values: list[Row], duplicated: frozenset[str]) -> ForeignAccount:
    username = _text(owner[2], "username")
    if username in duplicated:
        raise _UnreadableError("several accounts have this username")
    if canonical_username(username) != username:
        raise _UnreadableError("its username is no UUID in lower case, so no client can log in with it")
    label = _text(owner[0], "subdomain")
    if _LABEL.fullmatch(label) is None:
        raise _UnreadableError("its subdomain is no DNS label in lower case, so acme-dns never answers for it")
    if label in RESERVED:
        raise _UnreadableError("its subdomain is one that the server has a use for itself")
    verifier = _text(owner[3], "password")
    cost = bcrypt_cost(verifier)
    if cost is None:
        raise _UnreadableError("its password is no bcrypt hash")
    remarks = []
    if cost > MOST_BCRYPT_COST:
        remarks.append(f"its password has bcrypt cost {cost}, above {MOST_BCRYPT_COST}: its logins are refused")
    allow_from, dropped = _allow_from(owner[4])
    if dropped:
        consequence = "" if allow_from else ", so that any address may use it, as in acme-dns"
        remarks.append(f"of its allowfrom {dropped} entries are no CIDR and were left out{consequence}")
    kept, too_long = _values(values)
    if too_long:
        remarks.append(f"{too_long} of its values are longer than {MOST_VALUE_OCTETS} octets and were left out")
    return ForeignAccount(username, label, allow_from, verifier, kept, tuple(remarks))


def _text(cell: Any, column: str) -> str:
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            raise _UnreadableError(f"its {column} is no UTF-8") from None
    if not isinstance(cell, str):
        raise _UnreadableError(f"its {column} is no text")
    return cell


def named(cell: Any) -> str:
    """Give a name for people to whatever stands in a column."""
    return cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else str(cell)


def _allow_from(cell: Any) -> tuple[tuple[str, ...], int]:
    """Give the entries that are CIDRs, and how many are not; acme-dns passes these over."""
    if cell is None or cell in ("", b""):
        return (), 0
    try:
        entries = json.loads(_text(cell, "allowfrom"))
    except ValueError:
        raise _UnreadableError("its allowfrom is no JSON") from None
    if entries is None:
        return (), 0
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise _UnreadableError("its allowfrom is no list of texts")
    kept: list[str] = []
    for entry in entries:
        try:
            kept += canonical_entries([entry])
        except BadInput:
            continue
    return tuple(kept), len(entries) - len(kept)


def _values(rows: list[Row]) -> tuple[tuple[tuple[bytes, int], ...], int]:
    """Give each value once with its latest time in microseconds, latest first, and how many were too long."""
    latest: dict[bytes, int] = {}
    too_long = 0
    for row in rows:
        value = row[5] if isinstance(row[5], bytes) else str(row[5]).encode()
        # A time that is none is before all others.
        time = row[6] * MICROSECONDS if isinstance(row[6], int) and row[6] > 0 else 0
        if len(value) > MOST_VALUE_OCTETS:
            too_long += 1
        elif value:
            latest[value] = max(time, latest.get(value, 0))
    ordered = sorted(latest.items(), key=lambda item: (item[1], item[0]), reverse=True)
    return tuple(ordered), too_long
