"""What the rules need from the outside: a store that commits and a publisher that waits for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
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


class Ended(Enum):
    """Why a registration token is of use no longer."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used up"


@dataclass(frozen=True, slots=True)
class Token:
    """A registration token as the store knows it; all times in microseconds since 1970 by the database's clock.

    `read_at` is when it was read. `sources` are CIDR texts, none for every address; `labels` is the pattern of the
    labels that its holder may choose, None where the server chooses; None in `uses_left` is no limit.
    """

    id: int
    name: str
    digest: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...]
    labels: str | None
    expires_at: int | None
    uses_left: int | None
    created_at: int
    last_used_at: int | None
    revoked_at: int | None
    read_at: int

    @property
    def ended(self) -> Ended | None:
        """Why it was of no use when it was read; None where it was."""
        if self.revoked_at is not None:
            return Ended.REVOKED
        if self.expires_at is not None and self.expires_at <= self.read_at:
            return Ended.EXPIRED
        return Ended.USED_UP if self.uses_left == 0 else None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be committed, checked already; fields as those of `Token`."""

    name: str
    digest: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...]
    labels: str | None
    expires_at: int | None
    uses: int | None


class Store(Protocol):
    """The durable side. Every method raises `StoreUnavailable` where the database could not do it."""

    async def account(self, username: str) -> Account | None:
        """The account of that username, or None."""

    async def register(
        self,
        *,
        username: str,
        label: str,
        allow_from: Sequence[str],
        verifier: str,
        chosen: bool = False,
        token: Token | None = None,
    ) -> Written:
        """Commit an account and its empty challenge name, and with it one use of `token`.

        A label that is `chosen`, not random, is compared with all that the zone serves. Raises `BadInput` where it
        can't be had, `RegistrationRefused` where the token has ended.
        """

    async def add_value(self, account: Account, value: str) -> Written:
        """Commit one more live value; raises `Refused` where the account is no longer as `account` has it."""

    async def remove_value(self, account: Account, value: str) -> Written:
        """Commit the removal of one value; one that is not live is no error."""

    async def clear_values(self, account: Account) -> Written:
        """Commit the removal of all values."""

    async def token(self, digest: str) -> Token | None:
        """The token of that digest, ended or not, or None."""

    async def add_token(self, token: NewToken) -> Written:
        """Commit a token; raises `TokenRefused` where its name is taken."""

    async def revoke_token(self, name: str) -> Written:
        """Commit that a token is revoked, perhaps once more; raises `TokenRefused` where there is none."""


class Publisher(Protocol):
    """The serving side."""

    async def served(self, cursor: int) -> None:
        """Return when every live worker has applied `cursor`; raises `NotServed` where that can't be had in time."""
