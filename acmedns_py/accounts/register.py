"""Registration: a new account whose challenge name is served, empty, before its owner hears of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from acmedns_py.accounts.allow_from import canonical_entries
from acmedns_py.accounts.audit import ANYONE, tell
from acmedns_py.accounts.credentials import Credentials, fresh_name, fresh_password
from acmedns_py.accounts.ports import Entry, Publisher, Store


@dataclass(frozen=True, slots=True)
class Registered:
    """What the owner of a fresh account must be told; the password is known nowhere else."""

    username: str
    password: str
    label: str
    allow_from: tuple[str, ...]


class Registration:
    """The use case behind /register."""

    def __init__(self, *, credentials: Credentials, store: Store, publisher: Publisher) -> None:
        self._credentials = credentials
        self._store = store
        self._publisher = publisher

    async def register(self, allow_from: Sequence[str], source: IPv4Address | IPv6Address | None) -> Registered:
        """Make an account and wait until every live worker answers for its name.

        `source` is who asks. Raises `BadInput` for a wrong `allow_from`, `TooManyAttempts`, `Overloaded`,
        `StoreUnavailable`, `NotServed`.
        """
        entries = canonical_entries(allow_from)
        password = fresh_password()
        verifier = await self._credentials.hashed(password, source)
        fresh = Registered(username=fresh_name(), password=password, label=fresh_name(), allow_from=entries)
        entry = Entry(
            actor=ANYONE,
            source=str(source or "unknown"),
            action="account_registered",
            subject=fresh.username,
            details={"subdomain": fresh.label, "allowfrom": entries},
        )
        written = await self._store.register(
            username=fresh.username, label=fresh.label, allow_from=entries, verifier=verifier, entry=entry
        )
        tell(entry)
        await self._publisher.served(written.cursor)
        return fresh
