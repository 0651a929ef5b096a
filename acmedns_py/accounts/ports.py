"""What the rules need from the outside: a store that commits and a publisher that waits for the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from acmedns_py.accounts.txt_rule import TxtRule

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
    txt_rule: TxtRule = TxtRule.ACME


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the cursor that must be served before the client hears of success.

    A repeat of a live value takes no cursor of its own: it carries the one under which the value was written.
    """

    cursor: int


class Ended(Enum):
    """Why a token is of use no longer."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used up"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the store knows it; all times in microseconds since 1970 by the database's clock.

    `read_at` is when it was read. `scopes` are words of `tokens.SCOPES`, `sources` CIDR texts, none for every address;
    `labels` is the pattern of the labels that its holder may choose, None where the server chooses; None in
    `uses_left` is no limit; `txt_rule` is that of the accounts that it makes.
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
    txt_rule: TxtRule
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
    txt_rule: TxtRule


@dataclass(frozen=True, slots=True)
class Stored:
    """An account that is kept for a domain of a client's; `sealed` opens with the client's token alone."""

    domain: str
    username: str
    label: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log: who did what to whom, from where, and what came of it.

    `actor` is "user:NAME" for a user of this machine, "token:NAME" for who showed one, "anyone" for who needed no
    right, "acmedns serve" for what a start does by itself. `subject` is a username, a token's name, what was taken for
    one of these, the source of an import, or the file of a restore. `details` never holds a secret or a TXT value.
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
        txt_rule: TxtRule = TxtRule.ACME,
        chosen: bool = False,
        token: Token | None = None,
        entry: Entry | None = None,
        by: Token | None = None,
    ) -> Written:
        """Commit an account, its empty challenge name and its entry, and with it one use of `token`.

        `by` is the token that an operator shows; where that has ended by then, `TokenNotAccepted` is raised.

        A label that is `chosen`, not random, is compared with all that the zone serves or did. Raises `LabelTaken`
        where it can't be had, `RegistrationRefused` where the token has ended, `StoreUnavailable`.
        """

    async def withdraw(self, username: str, verifier: str, entry: Entry) -> Written:
        """Commit that an account of which nobody has heard never was: its label is free, its token's use given back.

        It comes behind every write asked for before, those whose outcome is unknown included. Raises `UnknownAccount`
        where there is none, `Refused` where its password is no longer the one of `verifier`.
        """


class Store(Registrar, Protocol):
    """The durable side. Every method raises `StoreUnavailable` where the database could not do it."""

    async def account(self, username: str) -> Account | None:
        """The account of that username, or None."""

    async def replace_verifier(self, account: Account, verifier: str) -> Written:
        """Commit another verifier of the same password; raises `Refused` where the account's is no longer that one."""

    async def add_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit one more live value; raises `Refused` where the account is no longer as `account` has it.

        Raises `BadInput` for one more lasting value than there may be.

        `source` is kept as the address of the last update.
        """

    async def remove_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit the removal of one value; one that is not live is no error."""

    async def clear_values(self, account: Account, *, source: Source = None) -> Written:
        """Commit the removal of all values."""

    async def token(self, digest: str) -> Token | None:
        """The token of that digest, ended or not, or None."""

    def note_use(self, token: Token) -> None:
        """Have it written soon that a token was used as it was read, unless that was so within the last minute.

        Nobody waits for it, and that it could not be done is no failure.
        """

    async def stored(self, token: Token, domain: str | None = None) -> list[Stored]:
        """What is kept for the holder of a token, by domain; of one domain where that is named."""

    async def keep(self, token: Token, account: Account, domain: str, sealed: bytes, *, entry: Entry) -> Written:
        """Commit an account that is kept for a domain, in place of another, with its entry.

        Raises `BadInput` where the account is gone, or the token keeps as many as it may; `TokenNotAccepted` where it
        was revoked.
        """

    async def note(self, entry: Entry) -> Written:
        """Commit an entry of the audit log alone: what was refused."""

    async def has_scope(self, scope: str) -> bool:
        """Whether there is any token of this scope, ended or not."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token with the number of accounts that it made and that still exist."""

    token: Token
    accounts: int


class TokenKeeper(Protocol):
    """The store as who makes and ends tokens needs it. Every method raises `StoreUnavailable`."""

    async def add_token(self, token: NewToken, entry: Entry | None = None, *, by: Token | None = None) -> Written:
        """Commit a token and its entry; raises `TokenTaken`, and `TokenNotAccepted` where `by` has ended."""

    async def revoke_token(self, name: str, entry: Entry | None = None, *, by: Token | None = None) -> Written:
        """Commit that a token is revoked, perhaps once more, and its entry; raises `UnknownToken`, `TokenNotAccepted`.

        What it keeps of its holder's accounts goes with it.
        """

    async def issued_tokens(self, *, after: int, most: int) -> list[Issued]:
        """Give the next tokens by id, ended ones too, at most `most`, with ids above `after`."""

    async def issued_token(self, name: str) -> Issued | None:
        """Give the token of that name, or None."""

    async def note(self, entry: Entry) -> Written:
        """Commit an entry alone: what was refused."""


class Publisher(Protocol):
    """The serving side."""

    async def served(self, cursor: int) -> None:
        """Return when every live worker has applied `cursor`; raises `NotServed` where that can't be had in time."""
