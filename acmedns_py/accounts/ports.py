"""What the rules need from the outside: a store that commits and a publisher that waits for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Account:
    """A credential holder as the store knows it; `allow_from` holds CIDR texts in the form the client gave."""

    id: int
    username: str
    label: str
    allow_from: tuple[str, ...]
    verifier: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the cursor that must be served before the client hears of success.

    A repeat of a live value takes no cursor of its own: it carries the one under which the value was written.
    """

    cursor: int


class Store(Protocol):
    """The durable side. Every method raises `StoreUnavailable` where the database could not do it."""

    async def account(self, username: str) -> Account | None:
        """The account of that username, or None."""

    async def register(self, *, username: str, label: str, allow_from: Sequence[str], verifier: str) -> Written:
        """Commit an account and its empty challenge name."""

    async def replace_verifier(self, account: Account, verifier: str) -> Written:
        """Commit another verifier of the same password; raises `Refused` where the account's is no longer that one."""

    async def add_value(self, account: Account, value: str) -> Written:
        """Commit one more live value; raises `Refused` where the account is no longer as `account` has it."""

    async def remove_value(self, account: Account, value: str) -> Written:
        """Commit the removal of one value; one that is not live is no error."""

    async def clear_values(self, account: Account) -> Written:
        """Commit the removal of all values."""


class Publisher(Protocol):
    """The serving side."""

    async def served(self, cursor: int) -> None:
        """Return when every live worker has applied `cursor`; raises `NotServed` where that can't be had in time."""
