"""What the rules need from the outside: a store that commits and a publisher that waits for the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

Source = IPv4Address | IPv6Address | None
"""Where a request comes from; None where that can't be known."""


@dataclass(frozen=True, slots=True)
class Account:
    """A credential holder as the store knows it; `allow_from` holds CIDR texts in the form the client gave.

    `former` is the verifier of the password before the present one, while that is still valid.
    """

    id: int
    username: str
    label: str
    allow_from: tuple[str, ...]
    verifier: str
    former: str | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the cursor that must be served before the client hears of success.

    A repeat of a live value takes no cursor of its own: it carries the one under which the value was written.
    """

    cursor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log: who did what to whom, from where, and what came of it.

    `actor` is "user:NAME" for a user of this machine, "anyone" for who needed no right. `subject` is a username, or
    what was taken for one. `details` never holds a secret or a TXT value.
    """

    actor: str
    source: str
    action: str
    subject: str
    result: str = "done"
    details: Mapping[str, object] = field(default_factory=dict)


class Registrar(Protocol):
    """What makes accounts durable."""

    async def register(
        self,
        *,
        username: str,
        label: str,
        allow_from: Sequence[str],
        verifier: str,
        title: str = "",
        entry: Entry | None = None,
    ) -> Written:
        """Commit an account, its empty challenge name and its entry; raises `LabelTaken`, `StoreUnavailable`."""


class Store(Registrar, Protocol):
    """The durable side. Every method raises `StoreUnavailable` where the database could not do it."""

    async def account(self, username: str) -> Account | None:
        """The account of that username, or None."""

    async def replace_verifier(self, account: Account, verifier: str) -> Written:
        """Commit another verifier of the same password; raises `Refused` where the account's is no longer that one."""

    async def add_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit one more live value; raises `Refused` where the account is no longer as `account` has it.

        `source` is kept as the address of the last update.
        """

    async def remove_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit the removal of one value; one that is not live is no error."""

    async def clear_values(self, account: Account, *, source: Source = None) -> Written:
        """Commit the removal of all values."""


class Publisher(Protocol):
    """The serving side."""

    async def served(self, cursor: int) -> None:
        """Return when every live worker has applied `cursor`; raises `NotServed` where that can't be had in time."""
