"""What the writer is asked for: each request is one change, or none at all, of what is stored."""

from dataclasses import dataclass
from enum import Enum, auto

from acmedns_py.accounts.directory import OperatorChange
from acmedns_py.accounts.ports import Account, Entry, NewToken, Source, Token
from acmedns_py.feed.changes import StaticData
from acmedns_py.store.accounts import NewAccount


class Action(Enum):
    """What becomes of an account's values."""

    ADD = auto()
    REMOVE = auto()
    CLEAR = auto()


@dataclass(frozen=True, slots=True)
class ValueWrite:
    """A client's write to its own name; `account` is what its credential was checked against."""

    account: Account
    action: Action
    value: bytes = b""
    source: Source = None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """An operator's change of the account with this id, and its entry in the audit log; `by` as in `NewAccount`."""

    account: int
    change: OperatorChange
    entry: Entry
    by: Token | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """An entry in the audit log of something that changed nothing."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class VerifierWrite:
    """Another verifier in place of `account.verifier`, for the same password; nothing that is served changes."""

    account: Account
    verifier: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The end of an account of which nobody has heard, as if it had never been; and its entry in the audit log.

    It goes by username: whether there is such an account is known when the transaction before this one has ended.
    """

    username: str
    verifier: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class StaticWrite:
    """All static RRsets that the zone shall have."""

    rrsets: dict[tuple[bytes, int], StaticData]


@dataclass(frozen=True, slots=True)
class Expiry:
    """Take away what has left the window."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Make a token, with its entry in the audit log; `by` as in `NewAccount`."""

    token: NewToken
    entry: Entry | None
    by: Token | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """End the token of this name, with its entry in the audit log; `by` as in `NewAccount`."""

    name: str
    entry: Entry | None
    by: Token | None = None


@dataclass(frozen=True, slots=True)
class TokenUse:
    """The token of this id was used for what leaves no other trace of it."""

    token: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """An account to be kept for a domain, sealed already; `token` and `account` are ids."""

    token: int
    account: int
    domain: str
    sealed: bytes
    entry: Entry


Audited = NewAccount | AccountChange | Withdrawal | Note | Issue | Revocation | Keeping
"""What may have an entry."""

Request = Audited | ValueWrite | VerifierWrite | StaticWrite | Expiry | TokenUse
