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
from ipaddress import IPv4Address, IPv6Address

from acmedns_py.accounts.allow_from import MOST_ENTRIES, is_network, permits
from acmedns_py.accounts.attempts import NotedRefusals, WrongTokens
from acmedns_py.accounts.audit import ANYONE, note_refusal
from acmedns_py.accounts.labels import check_pattern
from acmedns_py.accounts.ports import Ended, Entry, NewToken, Store, Token, TokenKeeper
from acmedns_py.accounts.token_text import MARK, has_form
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.errors import OutcomeUnknown, ScopeLacking, TokenNotAccepted, TokenRefused
from acmedns_py.log import quoted

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

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def fresh_token() -> str:
    """A random token."""
    return MARK + secrets.token_urlsafe(RANDOM_OCTETS)


def digest(token: str) -> str:
    """What is stored of a token: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The one place that decides whether a token that was shown is good for what is asked."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._store = store
        self._wrong = WrongTokens(clock)
        self._noted = NotedRefusals(clock)
        self._operators_exist = False

    def refused(self) -> dict[str, int]:
        """How often `TooManyAttempts` was raised, by what there was too much of."""
        return self._wrong.refused()

    async def operators_exist(self) -> bool:
        """Whether there is any token, ended or not, that lets, or let, its holder use the operator's routes.

        Raises `Overloaded`, `StoreUnavailable`.
        """
        # Tokens are ended, never deleted: what was true once stays so.
        if not self._operators_exist:
            self._operators_exist = await self._store.has_scope(READ) or await self._store.has_scope(WRITE)
        return self._operators_exist

    async def accept(self, shown: str, source: IPv4Address | IPv6Address | None, *, scope: str) -> Token:
        """The token that was shown, if it is good for this scope from this source.

        Raises `TokenNotAccepted` (the reason is for the log), `ScopeLacking` where nothing else is wrong with it,
        `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        try:
            accepted = await self._judged(shown, source, scope)
        except TokenNotAccepted as refused:
            await self._note(refused, source, scope)
            raise
        # A registration writes its own, in the transaction that uses the token up.
        if scope != REGISTER:
            self._store.note_use(accepted)
        return accepted

    async def _note(self, refused: TokenNotAccepted, source: IPv4Address | IPv6Address | None, scope: str) -> None:
        """Enter it in the audit log, unless there were others lately: whoever guesses must not fill the database."""
        if not self._noted.due(source, refused.token):
            return
        actor = ANYONE if refused.token is None else f"token:{refused.token}"
        subject = refused.token or "unknown"
        entry = Entry(actor, str(source or "unknown"), "token_shown", subject, details={"scope": scope})
        await note_refusal(self._store.note, entry, refused)

    async def _judged(self, shown: str, source: IPv4Address | IPv6Address | None, scope: str) -> Token:
        self._wrong.check(source)
        hashed = digest(shown)
        token = await self._store.token(hashed)
        try:
            return _accepted(token, hashed, source, scope)
        except TokenNotAccepted as refused:
            # What is one of ours is no guess: a neighbour's token that has ended must not lock others out.
            if refused.token is None:
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


def is_name(text: str) -> bool:
    """Whether a token can have this name."""
    return _NAME.fullmatch(text) is not None


def ending(token: Token) -> str:
    """Why a token that has ended is refused, for the log."""
    assert token.ended is not None, "asked before"
    return f"token_{token.ended.value.replace(' ', '_')}"


async def issue(
    keeper: TokenKeeper,
    name: str,
    *,
    scopes: Sequence[str] = (REGISTER,),
    sources: Sequence[str] = (),
    labels: str | None = None,
    uses: int | None = None,
    txt_rule: str | None = None,
    expires_at: int | None = None,
    entry: Entry | None = None,
    by: Token | None = None,
) -> str:
    """Make a token and give its text, which is known nowhere else; fields as those of `ports.Token`.

    `by` is the token that who wants it has shown. Raises `TokenRefused` for what can't be, `TokenTaken`,
    `TokenNotAccepted` where `by` has ended, `StoreUnavailable`.
    """
    if not is_name(name):
        raise TokenRefused(
            f"{quoted(name)} is no name of a token; write up to 64 letters, digits, dots, hyphens and underscores, "
            "the first a letter or digit"
        )
    if has_form(name):
        raise TokenRefused("what was given as a name has the form of a token, and names are no secrets; give another")
    if len(scopes) > len(SCOPES):
        raise TokenRefused(f"{len(scopes)} scopes are too many; write each of {', '.join(SCOPES)} once at the most")
    for scope in scopes:
        if scope not in SCOPES:
            raise TokenRefused(f"scope {quoted(scope)} is not known; known are {', '.join(SCOPES)}")
    if not scopes:
        raise TokenRefused(f"a token without a scope is good for nothing; give one of {', '.join(SCOPES)}")
    if REGISTER not in scopes and (uses is not None or labels is not None):
        raise TokenRefused(f"uses and labels are about registrations; leave them out, or add the scope {REGISTER}")
    if REGISTER not in scopes and txt_rule is not None:
        raise TokenRefused(f"txt_rule is about registrations; leave it out, or add the scope {REGISTER}")
    if txt_rule is not None and txt_rule not in set(TxtRule):
        raise TokenRefused(f"txt_rule {quoted(txt_rule)} is no rule of values; write {' or '.join(TxtRule)}")
    if uses is not None and not 0 < uses <= MOST_USES:
        raise TokenRefused(f"uses = {uses}: write a number from 1 to {MOST_USES}, or leave it out for no limit")
    if len(sources) > MOST_ENTRIES:
        raise TokenRefused(f"{len(sources)} sources are too many; write up to {MOST_ENTRIES}, or wider networks")
    for source in sources:
        if not is_network(source):
            raise TokenRefused(
                f"source {quoted(source)} is no network; write it with its mask, as 192.0.2.0/24 or 2001:db8::1/128"
            )
    if labels is not None:
        labels = check_pattern(labels)
    text = fresh_token()
    wanted = NewToken(
        name=name,
        digest=digest(text),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        sources=tuple(sources),
        labels=labels,
        expires_at=expires_at,
        uses=uses,
        txt_rule=TxtRule(txt_rule or TxtRule.ACME),
    )
    try:
        await keeper.add_token(wanted, entry, by=by)
    except OutcomeUnknown:
        # Nobody else knows the text of one that is there by now.
        made = await keeper.issued_token(name)
        if made is None or made.token.digest != wanted.digest:
            raise
    return text


async def revoke(keeper: TokenKeeper, name: str, *, entry: Entry | None = None, by: Token | None = None) -> None:
    """End a token for good: when this returns, it is good for nothing. The accounts that it made stay.

    Raises `UnknownToken`, `TokenNotAccepted` where `by` has ended, `StoreUnavailable`.
    """
    await keeper.revoke_token(name, entry, by=by)
