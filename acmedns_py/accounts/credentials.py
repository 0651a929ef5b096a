"""Who a login is: from username and password to the account, or `Refused`.

A host that renews sends the same credential again and again, so a verified one is remembered: as a keyed hash
of password and stored verifier, under a random key that lives as long as the process. A remembered credential
costs microseconds, reads no database and meets no limit. It may be out of date, so whoever writes for the
account compares it with the database inside the transaction, and calls `forget` where they differ.

An unknown username, a wrong password and a right one take the same path: one look in the database, one hash. Only
the first right password of an account that came from acme-dns takes a second one, with which its verifier becomes one
of ours; until that is committed the former one is as good.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import uuid
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from acmedns_py.accounts.attempts import FailedLogins, Registrations
from acmedns_py.accounts.hashing import NOBODY, HashPool, Work, outdated
from acmedns_py.accounts.ports import Account, Store
from acmedns_py.errors import AcmednsError, Refused

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PASSWORD_LENGTH = 40
"""240 bits, in the form that acme-dns's clients expect."""

MOST_REMEMBERED = 16_384
"""About a kilobyte each."""

REPLACE_SECONDS = 2.0
"""How long a login waits for its new verifier to be committed; it goes well without."""

_PASSWORD = re.compile(rf"[A-Za-z0-9_-]{{{PASSWORD_LENGTH}}}")
_HEX_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_USERNAME = re.compile(rf"(?:urn:uuid:)?({_HEX_UUID})|\{{({_HEX_UUID})\}}|([0-9a-f]{{32}})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Login:
    """What a client showed, unchecked; `source` is None where a proxy did not say whom it speaks for."""

    username: str
    password: str
    source: IPv4Address | IPv6Address | None


def fresh_password() -> str:
    """A random password of 40 characters."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


def fresh_name() -> str:
    """A random UUID (version 4) in lower case, for usernames and labels."""
    return str(uuid.uuid4())


def canonical_username(text: str) -> str | None:
    """The username as it is stored, from any form of a UUID that acme-dns reads; None for anything else."""
    match = _USERNAME.fullmatch(text)
    return None if match is None else str(uuid.UUID(next(filter(None, match.groups()))))


class Credentials:
    """The one place that decides whether a password is right."""

    def __init__(self, *, store: Store, pool: HashPool, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._store = store
        self._pool = pool
        self._failures = FailedLogins(clock)
        self._registrations = Registrations(clock)
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[str, tuple[bytes, Account]] = OrderedDict()

    def refused(self) -> dict[str, int]:
        """How often `TooManyAttempts` was raised, by what there was too much of."""
        return {**self._failures.refused(), **self._registrations.refused()}

    async def authenticate(self, login: Login) -> Account:
        """The account of a login.

        Raises `Refused` (the reason is for the log), `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        account = self._recall(login.username, login.password)
        if account is not None:
            return account
        username = canonical_username(login.username)
        if username is None:
            raise Refused("unknown_user")
        if _PASSWORD.fullmatch(login.password) is None:
            raise Refused("bad_key_format")
        self._failures.check(login.source, username)
        async with self._pool.turn(Work.LOGIN):
            # Several requests of one host arrive together at first: who waited finds it remembered.
            account = self._recall(username, login.password)
            if account is not None:
                return account
            self._failures.check(login.source, username)
            account = await self._verified(login, username)
            verifier = await self._pool.hash(login.password) if outdated(account.verifier) else None
        if verifier is not None:
            account = await self._replaced(account, verifier)
        if not outdated(account.verifier):
            self._remember(login.password, account)
        return account

    def forget(self, username: str) -> None:
        """Drop what is remembered of a username, so that the next login reads the database."""
        self._remembered.pop(canonical_username(username) or "", None)

    async def hashed(self, password: str, source: IPv4Address | IPv6Address | None, token: str | None = None) -> str:
        """The verifier to store for the password of who registers, by the token of this name where there is one.

        Raises `TooManyAttempts`, `Overloaded`.
        """
        self._registrations.check(source, token)
        async with self._pool.turn(Work.REGISTRATION):
            # What waited together is counted here, where it begins to cost: who found the line full lost nothing.
            self._registrations.check(source, token)
            self._registrations.begun(source, token)
            return await self._pool.hash(password)

    async def _verified(self, login: Login, username: str) -> Account:
        account = await self._store.account(username)
        fits = await self._pool.verify(NOBODY if account is None else account.verifier, login.password)
        if account is not None and account.former is not None and not fits:
            # A second hash tells who measures that this password was replaced lately, and nothing else.
            account = replace(account, verifier=account.former)
            fits = await self._pool.verify(account.verifier, login.password)
        if account is None or not fits:
            self._failures.failed(login.source, username)
            raise Refused("unknown_user" if account is None else "wrong_password")
        if account.disabled:
            self._failures.locked_out(username)
            raise Refused("account_disabled")
        return account

    async def _replaced(self, account: Account, verifier: str) -> Account:
        """Give the account with its new verifier, or as it is where that could not be committed in time.

        What was committed after all, or by another login of the same moment, the write that follows finds out.
        """
        with suppress(AcmednsError, TimeoutError):
            async with asyncio.timeout(REPLACE_SECONDS):
                await self._store.replace_verifier(account, verifier)
                return replace(account, verifier=verifier)
        return account

    def _remember(self, password: str, account: Account) -> None:
        self._remembered[account.username] = (self._digest(password, account.verifier), account)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _recall(self, username: str, password: str) -> Account | None:
        entry = self._remembered.get(username)
        if entry is None:
            return None
        digest, account = entry
        if not hmac.compare_digest(digest, self._digest(password, account.verifier)):
            return None
        self._remembered.move_to_end(username)
        return account

    def _digest(self, password: str, verifier: str) -> bytes:
        # A header may hold surrogates for octets that are not UTF-8; they must not raise here.
        octets = f"{password}\0{verifier}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(octets, key=self._key, digest_size=32).digest()
