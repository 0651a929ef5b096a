"""What an operator sees of accounts and can change of them: the values, and what is needed of the store for it.

Times are aware `datetime`s in UTC, by the clock of the database.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from acmedns_py.accounts.ports import Entry, Registrar, Token, Written
from acmedns_py.accounts.txt_rule import TxtRule


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the audit log."""

    id: int
    at: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Listed:
    """An account as an operator sees it; `title` is what people call it, `label` its name in DNS.

    `made_by` is the name of the token that registered it, if it was one.
    """

    id: int
    username: str
    label: str
    title: str
    allow_from: tuple[str, ...]
    disabled: bool
    created_at: datetime
    last_update_at: datetime | None
    last_update_from: str | None
    txt_rule: TxtRule
    made_by: str | None


def shown_value(octets: bytes) -> str:
    r"""A live value for people: text as it is, all else escaped as RFC 1035 5.1 says; no two values look alike.

    acme-dns took whatever was written: values from there may be no UTF-8, or hold what a terminal obeys. Escaped is a
    whole value or none of it, so that `\` never means two things.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text and "\\" not in text:
        return text
    return "".join(
        "\\\\" if octet == ord("\\") else chr(octet) if 0x20 <= octet <= 0x7E else f"\\{octet:03d}" for octet in octets
    )


@dataclass(frozen=True, slots=True)
class LiveValue:
    """A TXT value that is answered, as `shown_value` has it."""

    value: str
    written_at: datetime
    age_seconds: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One account with all that is known of it; `former_until`: when its replaced password ceases to be valid.

    `stored_for` are the domains that clients keep it for (`storage`), each with the name of the token.
    """

    account: Listed
    values: tuple[LiveValue, ...]
    verifiers: frozenset[str] = field(repr=False)
    former_until: datetime | None
    stored_for: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts to list: those for which all of it holds; what is None does not matter.

    `title` is a part of the title, without regard to letter case. `unused_since` lets through what neither was
    updated nor made after that moment. `last_update_from` is an address in its usual form. `made_by` is
    the name of the token that registered them.
    """

    title: str | None = None
    unused_since: datetime | None = None
    never_updated: bool | None = None
    last_update_from: str | None = None
    disabled: bool | None = None
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of the whole database."""

    accounts: int
    disabled: int
    never_updated: int
    updated_last_day: int
    updated_last_90_days: int
    live_values: int
    retired_labels: int
    audit_entries: int


@dataclass(frozen=True, slots=True)
class SetDisabled:
    """Lock an account, which takes its values away, or let it in again."""

    disabled: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the account and its name away; nobody gets its label again."""


@dataclass(frozen=True, slots=True)
class Rotate:
    """Replace the password; the one that was valid stays so for `grace_seconds`, any earlier one does not."""

    verifier: str = field(repr=False)
    grace_seconds: int


@dataclass(frozen=True, slots=True)
class SetAllowFrom:
    """Replace the networks that the credential may be used from; none means all."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetTitle:
    """Replace what people call the account."""

    title: str


@dataclass(frozen=True, slots=True)
class SetTxtRule:
    """Replace the rule of which values the account may hold; not by one that present values don't fit."""

    txt_rule: TxtRule


@dataclass(frozen=True, slots=True)
class SetValue:
    """Add a live value, or renew it."""

    value: str


@dataclass(frozen=True, slots=True)
class RemoveValue:
    """Take one value away, named as it is shown."""

    value: str


@dataclass(frozen=True, slots=True)
class ClearValues:
    """Take all values away."""


OperatorChange = (
    SetDisabled | Delete | Rotate | SetAllowFrom | SetTitle | SetTxtRule | SetValue | RemoveValue | ClearValues
)
"""All that can be changed of an account that exists."""


class Directory(Registrar, Protocol):
    """The store as the operator's use cases need it. Every method raises `StoreUnavailable`."""

    async def listed(self, wanted: Filter, *, after: int, most: int) -> list[Listed]:
        """Give the next accounts by id, at most `most`, with ids above `after`.

        Raises `UnknownToken` where there is none that could have made them.
        """

    async def find(self, *, username: str | None, label: str) -> list[Listed]:
        """Give the accounts with that username or that label: none, one, or two."""

    async def shown(self, account: int) -> Shown | None:
        """Give one account by its id, or None."""

    async def statistics(self) -> Statistics:
        """Count."""

    async def audit(self, *, since: datetime | None, after: int, most: int) -> list[Recorded]:
        """Give the next entries in their order, at most `most`, with ids above `after`."""

    async def change(self, account: int, change: OperatorChange, entry: Entry, *, by: Token | None = None) -> Written:
        """Commit a change together with its entry; `by` is the token that the operator shows.

        Raises `TokenNotAccepted` where that has ended by then, `UnknownAccount`, or `Unusable` for a value that
        the account can't hold, or a rule that its values break.
        """

    async def note(self, entry: Entry) -> Written:
        """Commit an entry alone: what was refused."""
