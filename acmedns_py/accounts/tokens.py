"""Tokens: what each is good for, from where and until when, and how they are made and ended.

A token is `adt_` and 43 characters of `[A-Za-z0-9_-]`: 256 random bits behind a mark by which people, and programs
that search for leaked secrets, know it. Stored is its SHA-256. A slow hash makes it costly to guess what people have
thought up; of 2^256 random tokens none can be guessed at any price, and a fast hash leaves strangers nothing to keep
the server busy with.

Whether a token has ended is judged twice: when it is shown, and by the writer in the transaction that registers, so
that of two that want its last use one gets it, and what was revoked meanwhile registers nobody.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from acmedns_py.accounts.allow_from import network, permits
from acmedns_py.accounts.attempts import WrongTokens
from acmedns_py.accounts.labels import check_pattern
from acmedns_py.accounts.ports import Ended, NewToken, Store, Token
from acmedns_py.errors import ScopeLacking, TokenNotAccepted, TokenRefused

MARK = "adt_"
RANDOM_OCTETS = 32

REGISTER = "register"
"""The scope of a token that may register."""

STORAGE = "storage"
"""That of one that may fetch and keep the accounts of lego's storage."""

READ = "read"
"""That of one that may look at what the operator's routes show."""

WRITE = "write"
"""That of one that may do all that an operator can, looking included."""

SCOPES = (REGISTER, STORAGE, READ, WRITE)

MOST_USES = 1_000_000_000

_FORM = re.compile(rf"{MARK}[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LIFETIME = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fresh_token() -> str:
    """A random token."""
    return MARK + secrets.token_urlsafe(RANDOM_OCTETS)


def has_form(text: str) -> bool:
    """Whether this could be a token; letter case counts."""
    return _FORM.fullmatch(text) is not None


def digest(token: str) -> str:
    """What is stored of a token: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The one place that decides whether a token that was shown is good for what is asked."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._store = store
        self._wrong = WrongTokens(clock)

    async def accept(self, shown: str, source: IPv4Address | IPv6Address | None, *, scope: str) -> Token:
        """The token that was shown, if it is good for this scope from this source.

        Raises `TokenNotAccepted` (the reason is for the log), `ScopeLacking` where nothing else is wrong with it,
        `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        self._wrong.check(source)
        hashed = digest(shown)
        token = await self._store.token(hashed)
        try:
            return _accepted(token, hashed, source, scope)
        except TokenNotAccepted:
            self._wrong.shown(source)
            raise


def _accepted(token: Token | None, hashed: str, source: IPv4Address | IPv6Address | None, scope: str) -> Token:
    # The database found it by a digest, whose octets nobody can choose one after the other; so how long that took
    # tells nothing, and the last word has a comparison that always takes the same time.
    if token is None or not hmac.compare_digest(token.digest, hashed):
        raise TokenNotAccepted("unknown_token")
    # Uses are registrations: without any left, a token goes on being good for what else it is for.
    if token.ended is not None and (token.ended is not Ended.USED_UP or scope == REGISTER):
        raise TokenNotAccepted(ending(token), token.name)
    if not permits(token.sources, source):
        raise TokenNotAccepted("address_not_allowed", token.name)
    if not allows(token.scopes, scope):
        raise ScopeLacking(scope, token.name)
    return token


def allows(scopes: Collection[str], scope: str) -> bool:
    """Whether a token of these scopes is good for this one; who may write may read."""
    return scope in scopes or (scope == READ and WRITE in scopes)


def ending(token: Token) -> str:
    """Why a token that has ended is refused, for the log."""
    assert token.ended is not None, "asked before"
    return f"token_{token.ended.value.replace(' ', '_')}"


async def issue(
    store: Store,
    name: str,
    *,
    scopes: Sequence[str] = (REGISTER,),
    sources: Sequence[str] = (),
    labels: str | None = None,
    uses: int | None = None,
    expires_at: int | None = None,
) -> str:
    """Make a token and give its text, which is known nowhere else; fields as those of `ports.Token`.

    Raises `TokenRefused` for what can't be, `StoreUnavailable`.
    """
    if _NAME.fullmatch(name) is None:
        raise TokenRefused(
            f"{name!r} is no name of a token; write up to 64 letters, digits, dots, hyphens and underscores, "
            "the first a letter or digit"
        )
    for scope in scopes:
        if scope not in SCOPES:
            raise TokenRefused(f"scope {scope!r} is not known; known are {', '.join(SCOPES)}")
    if not scopes:
        raise TokenRefused(f"a token without a scope is good for nothing; give one of {', '.join(SCOPES)}")
    if REGISTER not in scopes and (uses is not None or labels is not None):
        raise TokenRefused(f"uses and labels are about registrations; leave them out, or add the scope {REGISTER}")
    if uses is not None and not 0 < uses <= MOST_USES:
        raise TokenRefused(f"uses = {uses}: write a number from 1 to {MOST_USES}, or leave it out for no limit")
    for source in sources:
        try:
            network(source)
        except ValueError:
            raise TokenRefused(
                f"source {source!r} is no network; write it with its mask, as 192.0.2.0/24 or 2001:db8::1/128"
            ) from None
    if labels is not None:
        labels = check_pattern(labels)
    text = fresh_token()
    await store.add_token(
        NewToken(
            name=name,
            digest=digest(text),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            sources=tuple(sources),
            labels=labels,
            expires_at=expires_at,
            uses=uses,
        )
    )
    return text


async def revoke(store: Store, name: str) -> None:
    """End a token for good: when this returns, nobody registers by it. The accounts that it made stay.

    Raises `TokenRefused` where there is none of this name, `StoreUnavailable`.
    """
    await store.revoke_token(name)


def expiry(text: str, now: datetime) -> int:
    """When a token ends, in microseconds since 1970: `30d`, `12h` or `90m` from `now`, or at a time (UTC if bare).

    Raises `TokenRefused` for anything else, and for what is not ahead.
    """
    match = _LIFETIME.fullmatch(text)
    try:
        until = now + timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise TokenRefused(
            f"expires = {text!r} is no time; write how long (30d, 12h, 90m) or when (2030-01-31, 2030-01-31T12:00)"
        ) from None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    if until <= now:
        raise TokenRefused(f"expires = {text!r} is not ahead; write how long (30d, 12h, 90m) or a later time")
    return (until - _EPOCH) // timedelta(microseconds=1)
