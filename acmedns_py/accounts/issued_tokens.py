"""The operator's hand on tokens: made, shown and ended; each change is durable and audited when it returns.

Who comes by a token gives away no more than that token has: what it makes ends when it does, at the latest, and where
it may be used from certain networks only, no operator's token that it makes may be used from elsewhere. (Scopes need
no such rule: to make tokens takes `write`, which is all that there is.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from acmedns_py.accounts import tokens
from acmedns_py.accounts.administration import MOST_LISTED, Operator
from acmedns_py.accounts.allow_from import network
from acmedns_py.accounts.audit import note_refusal, tell
from acmedns_py.accounts.ports import Entry, Issued, Token, TokenKeeper
from acmedns_py.accounts.times import moment_of, ticks_of
from acmedns_py.errors import AcmednsError, RightsExceeded, TokenRefused, UnknownToken

NAME_CHARACTERS = 64
"""As much of a wrong name as the audit log keeps; a good one has no more."""


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What an operator wants a token to be; fields as those of `ports.Token`, `expires` aware or None."""

    name: str
    scopes: Sequence[str] = (tokens.REGISTER,)
    sources: Sequence[str] = ()
    labels: str | None = None
    uses: int | None = None
    txt_rule: str | None = None
    expires: datetime | None = None


class IssuedTokens:
    """The use cases, over whatever carries them: command line, socket, HTTP."""

    def __init__(self, *, keeper: TokenKeeper, now: Callable[[], datetime]) -> None:
        """`now` gives the time of this machine, aware."""
        self._keeper = keeper
        self._now = now

    async def listed(self, *, after: int = 0, most: int = MOST_LISTED) -> list[Issued]:
        """Give the next page of tokens, ended ones too, by ids above `after`; raises `StoreUnavailable`."""
        return await self._keeper.issued_tokens(after=after, most=min(most, MOST_LISTED))

    async def shown(self, name: str) -> Issued:
        """Give one token; raises `UnknownToken`, `StoreUnavailable`."""
        found = await self._keeper.issued_token(name) if tokens.is_name(name) else None
        if found is None:
            raise UnknownToken(name[:NAME_CHARACTERS])
        return found

    async def issue(self, by: Operator, wish: TokenWish) -> str:
        """Make a token and give its text, which is known nowhere else.

        Raises `TokenRefused` for what can't be, `TokenTaken`, `RightsExceeded`, `TokenNotAccepted`, `StoreUnavailable`.
        """
        limits = {
            "scopes": list(wish.scopes),
            "expires": None if wish.expires is None else wish.expires.isoformat(timespec="seconds"),
            "uses": wish.uses,
            "sources": list(wish.sources),
            "labels": wish.labels,
            "txt_rule": wish.txt_rule,
        }
        details = {limit: value for limit, value in limits.items() if value}
        entry = Entry(by.name, by.source, "token_created", wish.name[:NAME_CHARACTERS], details=details)
        try:
            if wish.expires is not None and wish.expires <= self._now():
                raise TokenRefused(f"expires = {_text(wish.expires)} is not ahead; give a later time")
            if by.token is not None:
                _require_within(by.token, wish)
            text = await tokens.issue(
                self._keeper,
                wish.name,
                scopes=wish.scopes,
                sources=wish.sources,
                labels=wish.labels,
                uses=wish.uses,
                txt_rule=wish.txt_rule,
                expires_at=None if wish.expires is None else ticks_of(wish.expires),
                entry=entry,
                by=by.token,
            )
        except AcmednsError as error:
            await note_refusal(self._keeper.note, entry, error)
            raise
        tell(entry)
        return text

    async def revoke(self, by: Operator, name: str) -> None:
        """End a token for good; the accounts that it made stay.

        Raises `UnknownToken`, `TokenNotAccepted`, `StoreUnavailable`.
        """
        entry = Entry(by.name, by.source, "token_revoked", name[:NAME_CHARACTERS])
        try:
            found = await self.shown(name)
            entry = Entry(by.name, by.source, "token_revoked", name, details={"scopes": list(found.token.scopes)})
            await tokens.revoke(self._keeper, name, entry=entry, by=by.token)
        except AcmednsError as error:
            await note_refusal(self._keeper.note, entry, error)
            raise
        tell(entry)


def _require_within(own: Token, wish: TokenWish) -> None:
    """Raise `RightsExceeded` where a token would outlive the one that makes it, or get around its networks."""
    if own.expires_at is not None and (wish.expires is None or ticks_of(wish.expires) > own.expires_at):
        raise RightsExceeded(
            f"the token {own.name} ends at {_text(moment_of(own.expires_at))}, and what it makes must not outlive it; "
            "give an earlier time as expires, or make the token on the server's machine"
        )
    if not own.sources or not {tokens.READ, tokens.WRITE}.intersection(wish.scopes):
        return
    if not wish.sources or not all(_within(source, own.sources) for source in wish.sources):
        raise RightsExceeded(
            f"the token {own.name} is good from {', '.join(own.sources)} only, and so must be what reads or writes as "
            "it does; give such networks as sources, or make the token on the server's machine"
        )


def _within(source: str, networks: Sequence[str]) -> bool:
    try:
        wanted = network(source)
    except ValueError:
        # What is no network is refused as such.
        return True
    return any(_holds(network(one), wanted) for one in networks)


def _holds(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    match outer, inner:
        case (IPv4Network(), IPv4Network()) | (IPv6Network(), IPv6Network()):
            return inner.subnet_of(outer)  # type: ignore[arg-type] # of one version, as the case says
    return False


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
