"""Accounts that clients without a disk keep here: the store that lego and Traefik fetch theirs from over HTTP.

What is kept belongs to a token of the scope `storage` and is found by the bare name of a host. Only accounts of this
server are taken, with their right password; so who keeps one could use it before. Password and `server_url` are sealed
(`sealing`), bound to domain and account; the names are those of the account, as they are when they are asked for.

A password that is replaced later makes what is kept out of date. It is given out all the same: told that there is
nothing, lego would register anew, and its CNAME would point to the wrong name.
"""

from dataclasses import dataclass, field

import msgspec
import structlog

from acmedns_py.accounts import labels
from acmedns_py.accounts.audit import tell
from acmedns_py.accounts.credentials import Credentials, Login
from acmedns_py.accounts.ports import Entry, Source, Store, Stored, Token
from acmedns_py.accounts.sealing import opened, sealed
from acmedns_py.accounts.tokens import STORAGE, Tokens
from acmedns_py.errors import BadInput, Refused, StoreUnavailable, TokenNotAccepted

MOST_STORED = 1_000
"""Accounts that one token keeps."""

LONGEST_DOMAIN = 237
"""There must be room for `_acme-challenge.` in front (RFC 1035 2.3.4)."""

LONGEST_URL = 1_024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """An account as its client keeps it."""

    domain: str
    username: str
    password: str = field(repr=False)
    label: str
    fulldomain: str
    server_url: str = field(repr=False)


class _Secret(msgspec.Struct, array_like=True, frozen=True):
    """What is sealed; the URL may hold a token."""

    password: str
    server_url: str


_secret = msgspec.msgpack.Decoder(_Secret)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has shown a token that may keep accounts; the `text` opens what is its own."""

    token: Token
    text: str = field(repr=False)


class Storage:
    """The use cases behind /storage; `zone` is its name without a final dot."""

    def __init__(self, *, tokens: Tokens, credentials: Credentials, store: Store, zone: str) -> None:
        self._tokens = tokens
        self._credentials = credentials
        self._store = store
        self._zone = zone

    async def admit(self, shown: str | None, source: Source) -> Holder:
        """Who asks, having shown this.

        Raises `TokenNotAccepted`, `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        if shown is None:
            raise TokenNotAccepted("no_token")
        return Holder(await self._tokens.accept(shown, source, scope=STORAGE), shown)

    async def all(self, holder: Holder) -> list[Kept]:
        """All that the holder's token keeps, by domain; raises `StoreUnavailable`.

        What can't be opened is left out, and told in the log: one fault must not take all others from their client.
        """
        found = []
        for one in await self._store.stored(holder.token):
            try:
                found.append(self._opened(one, holder))
            except StoreUnavailable:
                _log.warning(
                    "stored_account_unreadable", domain=one.domain, account=one.username, token=holder.token.name
                )
        return found

    async def one(self, holder: Holder, domain: str) -> Kept | None:
        """What the holder's token keeps for a domain; raises `BadInput` for what is none, `StoreUnavailable`."""
        found = await self._store.stored(holder.token, domain_of(domain))
        return self._opened(found[0], holder) if found else None

    async def keep(self, holder: Holder, wanted: Kept, source: Source) -> None:
        """Keep an account for a domain, in place of what was kept for it; when this returns, it is durable.

        Raises `BadInput` for what is no domain, or no account of this server with its password, or for one too many;
        `TokenNotAccepted` where the token was revoked meanwhile; `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        domain = domain_of(wanted.domain)
        if len(wanted.server_url) > LONGEST_URL:
            raise BadInput("bad_account", f"server_url has more than {LONGEST_URL} characters")
        try:
            account = await self._credentials.authenticate(Login(wanted.username, wanted.password, source))
        except Refused as refused:
            raise BadInput("bad_account", refused.reason) from refused
        if wanted.label != account.label:
            raise BadInput("bad_account", "subdomain is another's")
        if wanted.fulldomain.lower().removesuffix(".") != f"{account.label}.{self._zone}":
            raise BadInput("bad_account", "fulldomain is another's")
        secret = msgspec.msgpack.encode(_Secret(wanted.password, wanted.server_url))
        entry = Entry(
            actor=f"token:{holder.token.name}",
            source=str(source or "unknown"),
            action="account_stored",
            subject=account.username,
            details={"subdomain": account.label, "domain": domain},
        )
        await self._store.keep(
            holder.token,
            account,
            domain,
            sealed(secret, token=holder.text, bound_to=_bound_to(domain, account.username)),
            entry=entry,
        )
        tell(entry)

    def _opened(self, found: Stored, holder: Holder) -> Kept:
        octets = opened(found.sealed, token=holder.text, bound_to=_bound_to(found.domain, found.username))
        secret = _secret.decode(octets)
        return Kept(
            domain=found.domain,
            username=found.username,
            password=secret.password,
            label=found.label,
            fulldomain=f"{found.label}.{self._zone}",
            server_url=secret.server_url,
        )


def domain_of(text: str) -> str:
    """The name of a host that certificates are for, in lower case; raises `BadInput` for anything else.

    lego leaves out `*.` by itself, and names in other scripts come as A-labels.
    """
    domain = text.lower().removesuffix(".")
    if len(domain) > LONGEST_DOMAIN or not all(map(labels.is_label, domain.split("."))):
        raise BadInput("bad_domain", f"no name of a host of up to {LONGEST_DOMAIN} characters")
    return domain


def _bound_to(domain: str, username: str) -> bytes:
    return f"{domain} {username}".encode()
