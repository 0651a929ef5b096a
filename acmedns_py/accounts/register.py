"""Registration: a new account whose challenge name is served, empty, before its owner hears of it.

Clients know no other good answer than 201, and drop the password of any other. So an account that the workers did not
confirm in time, or whose commit the database did not answer, is taken back by a commit of its own before the client
hears that it failed: the next try must find its label free, and no account may be left behind that nobody can use. So
is one whose request the stop of the server breaks off.
"""

from asyncio import CancelledError
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from acmedns_py.accounts import labels
from acmedns_py.accounts.allow_from import canonical_entries
from acmedns_py.accounts.audit import ANYONE, tell
from acmedns_py.accounts.credentials import Credentials, fresh_name, fresh_password
from acmedns_py.accounts.ports import Entry, Publisher, Store, Token
from acmedns_py.accounts.tokens import REGISTER, Tokens
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.accounts.withdrawal import Withdrawals
from acmedns_py.errors import BadInput, LabelTaken, NotServed, OutcomeUnknown, RegistrationRefused, TokenNotAccepted


@dataclass(frozen=True, slots=True)
class Wish:
    """What who registers asks for; `label` is None, or empty, where it is left to the server."""

    allow_from: tuple[str, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What the owner of a fresh account must be told; the password is known nowhere else."""

    username: str
    password: str
    label: str
    allow_from: tuple[str, ...]


class Registration:
    """The use case behind /register."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        tokens: Tokens,
        store: Store,
        publisher: Publisher,
        zone: str,
        token_required: bool,
    ) -> None:
        """`zone` is its name without a final dot.

        Without `token_required` everybody may register; who shows a token is held to it all the same.
        """
        self._credentials = credentials
        self._tokens = tokens
        self._store = store
        self._withdrawals = Withdrawals(store)
        self._publisher = publisher
        self._zone = zone
        self._token_required = token_required

    async def admit(self, shown: str | None, source: IPv4Address | IPv6Address | None) -> Token | None:
        """By which token `source` may register, having shown this; None where it needs none and shows none.

        Raises `RegistrationRefused`, `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        if shown is not None:
            try:
                return await self._tokens.accept(shown, source, scope=REGISTER)
            except TokenNotAccepted as refused:
                raise RegistrationRefused(refused.reason, refused.token) from refused
        if self._token_required:
            raise RegistrationRefused("no_token")
        return None

    async def register(
        self, wish: Wish, source: IPv4Address | IPv6Address | None, token: Token | None = None
    ) -> Registered:
        """Make an account and wait until every live worker answers for its name.

        `source` is who asks, `token` what `admit` gave. A label is chosen by who holds a token that allows it; from
        anybody else the wish for one is ignored, as acme-dns does.

        Raises `BadInput` for a wrong `allow_from`, or a label that can't be had, `RegistrationRefused` for a token that
        has ended meanwhile, `TooManyAttempts`, `Overloaded`, `StoreUnavailable`, `NotServed`.
        """
        entries = canonical_entries(wish.allow_from)
        chosen = self._chosen_label(wish, token)
        password = fresh_password()
        verifier = await self._credentials.hashed(password, source, None if token is None else token.name)
        fresh = Registered(username=fresh_name(), password=password, label=chosen or fresh_name(), allow_from=entries)
        entry = Entry(
            actor=ANYONE if token is None else f"token:{token.name}",
            source=str(source or "unknown"),
            action="account_registered",
            subject=fresh.username,
            details={"subdomain": fresh.label, "allowfrom": entries},
        )
        withdrawn = replace(entry, action="registration_withdrawn")
        try:
            written = await self._store.register(
                username=fresh.username,
                label=fresh.label,
                allow_from=entries,
                verifier=verifier,
                txt_rule=TxtRule.ACME if token is None else token.txt_rule,
                chosen=chosen is not None,
                token=token,
                entry=entry,
            )
        except LabelTaken as taken:
            raise BadInput("subdomain_taken", str(taken)) from taken
        except (OutcomeUnknown, CancelledError):
            await self._withdrawals.withdraw(verifier, withdrawn)
            raise
        tell(entry)
        try:
            await self._publisher.served(written.cursor)
        except (NotServed, CancelledError):
            await self._withdrawals.withdraw(verifier, withdrawn)
            raise
        return fresh

    def _chosen_label(self, wish: Wish, token: Token | None) -> str | None:
        if token is None or token.labels is None or not wish.label:
            return None
        return labels.chosen(wish.label, token.labels, self._zone)
