"""The door of the store: opens a database for writing, and gives the rules all that they need of it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Self

import structlog
from sqlalchemy import select

from acmedns_py.accounts.directory import Filter, Listed, OperatorChange, Recorded, Shown, Statistics
from acmedns_py.accounts.ports import Account, Entry, Issued, NewToken, Source, Stored, Token, Written
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.errors import AcmednsError
from acmedns_py.feed.changes import Commit, StaticData, ZoneState
from acmedns_py.store import expiry
from acmedns_py.store.accounts import NewAccount, by_username, possible_username
from acmedns_py.store.directory import DirectoryReader
from acmedns_py.store.engine import (
    FOREIGN_ERRORS,
    Target,
    Use,
    connect,
    opening_error,
    snapshot,
    unavailable,
)
from acmedns_py.store.home import home
from acmedns_py.store.live import Rule
from acmedns_py.store.load import zone_state
from acmedns_py.store.lock import Lock
from acmedns_py.store.owned import take
from acmedns_py.store.reader import BatchReader
from acmedns_py.store.requests import (
    AccountChange,
    Action,
    Expiry,
    Issue,
    Keeping,
    Note,
    Revocation,
    StaticWrite,
    TokenUse,
    ValueWrite,
    VerifierWrite,
    Withdrawal,
)
from acmedns_py.store.schema import MICROSECONDS, Clock, DatabaseClock, zone
from acmedns_py.store.takeover import require_whole, take_over_beside
from acmedns_py.store.tokens import by_digest, scopes_held
from acmedns_py.store.transaction import Ground
from acmedns_py.store.writer import Writer, WriterLoad
from acmedns_py.store.zones import claimed

WATCH_SECONDS = 1.0
"""Between two looks at the lock and at what has left the window: expiry commits at most once in it."""

READY_SECONDS = 2.0
"""How long `ready` lets the database think."""

USE_SECONDS = 60
"""Between two notes that a token was used: so close LAST USED is, and so little who asks often has the writer do."""

CLOSE_SECONDS = 8.0
"""How long `close` lets a database take that does not answer: a transaction in hand has five for its statement."""

AUDIT_DAYS = 365
"""How long entries of the audit log are kept by default."""

log = structlog.get_logger()


class SqlStore:
    """Accounts, values and static records of one zone in one database, which this process alone writes."""

    def __init__(self, place: Target, *, ground: Ground, lock: Lock, writer: Writer) -> None:
        """Take over an open writer and its lock; made by `open` only."""
        self._place = place
        self._ground = ground
        self._lock = lock
        self._writer = writer
        self._engine = connect(place, Use.READ)
        self._accounts = BatchReader(self._engine, partial(by_username, clock=ground.clock), what="account")
        self._tokens = BatchReader(self._engine, partial(by_digest, clock=ground.clock), what="token")
        self._scopes = BatchReader(self._engine, scopes_held, what="scope")
        self._directory = DirectoryReader(place, lookups=self._engine, clock=ground.clock)
        self._noting: dict[int, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()
        self._watch = asyncio.create_task(self._keep_watch(), name="store watch")

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        apex: bytes,
        window_seconds: int,
        max_values: int,
        on_commit: Callable[[Commit], None],
        served: Callable[[], ZoneState] | None = None,
        audit_days: int = AUDIT_DAYS,
        clock: Clock = DatabaseClock,
    ) -> Self:
        """Take the exclusive lock, back up and migrate where due, and make the zone's row.

        Where the URL leads to a database of acme-dns, ours is the one beside it, and what is new there is taken over.

        `apex` is a folded wire-form name. `on_commit` is called in the event loop, in the order of cursors, after the
        commit is durable and before its caller hears of it; it must not raise. `served` gives the state that
        `on_commit` has led to: it is asked only where the change rows don't reach back to what was published, and
        without it writes then stay unavailable. Entries of the audit log are kept for
        `audit_days`. `clock` is for tests.

        Raises `StoreRefused` where this database must not be used, `StoreUnavailable` where it can't be reached.
        """
        found = await home(url)
        place = found.place
        if found.acme_dns is not None and found.begins:
            await require_whole(found.acme_dns)
        lock = (await take(place)).lock
        try:
            if found.acme_dns is not None:
                await take_over_beside(place, found.acme_dns, apex=apex, clock=clock, token=lock.token)
            zone_id, cursor = await _claimed_zone(place, apex, clock, lock.token)
        except FOREIGN_ERRORS as error:
            await lock.release()
            raise opening_error(error, place) from error
        except BaseException:
            await lock.release()
            raise
        ground = Ground(zone_id, apex, Rule(window_seconds, max_values), audit_days, clock)
        writer = Writer(place, ground=ground, lock=lock, published=cursor, on_commit=on_commit, served=served)
        return cls(place, ground=ground, lock=lock, writer=writer)

    async def load(self) -> ZoneState:
        """Everything that is served, one moment of the database; raises `StoreUnavailable`.

        Commits with a cursor not above the state's may be told to `on_commit` meanwhile: they are in it already.
        """
        try:
            async with snapshot(self._place) as connection:
                return await zone_state(connection, self._ground)
        except FOREIGN_ERRORS as error:
            raise unavailable(error) from error

    async def replace_static(self, rrsets: Iterable[tuple[bytes, int, StaticData]]) -> Written:
        """Commit the difference between the stored static RRsets and these as one change; none takes no cursor."""
        return await self._writer.write(StaticWrite({(owner, rrtype): data for owner, rrtype, data in rrsets}))

    async def account(self, username: str) -> Account | None:
        """The account of that username, or None where there is none that has a valid password."""
        return await self._accounts.found(username) if possible_username(username) else None

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
        """Commit an account, its credential, its empty challenge name, its entry in the audit log, a use of its token.

        Raises `LabelTaken` where a label that was chosen is one of the zone or of an account, deleted ones included;
        `TokenNotAccepted` where `by`, an operator's token, has ended;
        `RegistrationRefused` where the token has ended; `StoreUnavailable` where what is random is taken: another try
        has another.
        """
        request = NewAccount(
            username,
            label.lower(),
            tuple(allow_from),
            verifier,
            title=title,
            chosen=chosen,
            token=token,
            txt_rule=txt_rule,
            entry=entry,
            by=by,
        )
        return await self._writer.write(request)

    async def withdraw(self, username: str, verifier: str, entry: Entry) -> Written:
        """Commit that an account never was; raises `UnknownAccount`, and `Refused` where it is no longer as made."""
        return await self._writer.write(Withdrawal(username, verifier, entry))

    async def replace_verifier(self, account: Account, verifier: str) -> Written:
        """Commit another verifier of the same password; raises `Refused` where the account's is no longer that one."""
        return await self._writer.write(VerifierWrite(account, verifier))

    async def change(self, account: int, change: OperatorChange, entry: Entry, *, by: Token | None = None) -> Written:
        """Commit an operator's change with its entry; raises `UnknownAccount`, `Unusable`, `TokenNotAccepted`."""
        return await self._writer.write(AccountChange(account, change, entry, by))

    async def note(self, entry: Entry) -> Written:
        """Commit an entry of the audit log alone."""
        return await self._writer.write(Note(entry))

    async def add_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit one more live value, or renew it.

        Raises `Refused` where the account is no longer what it was, `BadInput` for one lasting value too many.
        """
        return await self._writer.write(ValueWrite(account, Action.ADD, value.encode(), source))

    async def remove_value(self, account: Account, value: str, *, source: Source = None) -> Written:
        """Commit the removal of one value; raises `Refused` as `add_value` does."""
        return await self._writer.write(ValueWrite(account, Action.REMOVE, value.encode(), source))

    async def clear_values(self, account: Account, *, source: Source = None) -> Written:
        """Commit the removal of all values; raises `Refused` as `add_value` does."""
        return await self._writer.write(ValueWrite(account, Action.CLEAR, source=source))

    async def listed(self, wanted: Filter, *, after: int, most: int) -> list[Listed]:
        """Give the next accounts by id."""
        return await self._directory.listed(wanted, after=after, most=most)

    async def find(self, *, username: str | None, label: str) -> list[Listed]:
        """Give the accounts with that username or that label."""
        return await self._directory.find(username=username, label=label)

    async def shown(self, account: int) -> Shown | None:
        """Give one account whole, by its id."""
        return await self._directory.shown(account)

    async def statistics(self) -> Statistics:
        """Count what there is."""
        return await self._directory.statistics()

    async def audit(self, *, since: datetime | None, after: int, most: int) -> list[Recorded]:
        """Give the next entries of the audit log."""
        return await self._directory.audit(since=since, after=after, most=most)

    async def token(self, digest: str) -> Token | None:
        """The token of that digest as the database has it at this moment, or None."""
        return await self._tokens.found(digest)

    def note_use(self, token: Token) -> None:
        """Have the writer note that a token was used, at most once a minute; nobody waits for it."""
        since = None if token.last_used_at is None else token.read_at - token.last_used_at
        if (since is None or not 0 <= since < USE_SECONDS * MICROSECONDS) and token.id not in self._noting:
            self._noting[token.id] = asyncio.create_task(self._note_use(token.id), name="store token use")

    async def _note_use(self, token: int) -> None:
        try:
            # The writer says what is wrong with the database; whoever shows the token next asks again.
            with suppress(AcmednsError):
                await self._writer.write(TokenUse(token))
        finally:
            del self._noting[token]

    async def stored(self, token: Token, domain: str | None = None) -> list[Stored]:
        """What is kept for the holder of a token, of one domain or all."""
        return await self._directory.stored(token.id, domain)

    async def keep(self, token: Token, account: Account, domain: str, sealed: bytes, *, entry: Entry) -> Written:
        """Commit an account that is kept for a domain of a token's holder; raises `BadInput`, `TokenNotAccepted`."""
        return await self._writer.write(Keeping(token.id, account.id, domain, sealed, entry))

    async def has_scope(self, scope: str) -> bool:
        """Whether there is any token of this scope, ended or not."""
        return await self._scopes.found(scope) is not None

    async def add_token(self, token: NewToken, entry: Entry | None = None, *, by: Token | None = None) -> Written:
        """Commit a token with its entry; raises `TokenTaken`, `TokenNotAccepted`."""
        return await self._writer.write(Issue(token, entry, by))

    async def revoke_token(self, name: str, entry: Entry | None = None, *, by: Token | None = None) -> Written:
        """Commit the end of a token: no transaction that follows changes anything by it.

        Raises `UnknownToken`, `TokenNotAccepted`.
        """
        return await self._writer.write(Revocation(name, entry, by))

    async def issued_tokens(self, *, after: int, most: int) -> list[Issued]:
        """Give the next tokens by id."""
        return await self._directory.issued_tokens(after=after, most=most)

    async def issued_token(self, name: str) -> Issued | None:
        """Give the token of that name."""
        return await self._directory.issued_token(name)

    async def expire(self) -> Written:
        """Take away what has left the window, without waiting for the next look."""
        return await self._writer.write(Expiry())

    async def ready(self) -> bool:
        """Whether reads work and the last write did; never raises, never takes longer than two seconds."""
        try:
            async with asyncio.timeout(READY_SECONDS), self._engine.connect() as connection:
                await connection.scalar(select(zone.c.cursor).where(zone.c.id == self._ground.zone_id))
        except FOREIGN_ERRORS:
            return False
        return self._writer.works and self._lock.held()

    def load_of_writer(self) -> WriterLoad:
        """Give what the writer has done and has to do."""
        return self._writer.load()

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database and of the lock; gives up on a database that hangs."""
        self._closing.set()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._watch
                await self._writer.close()
                await self._accounts.close()
                await self._tokens.close()
                await self._scopes.close()
                await self._directory.close()
                await self._engine.dispose()
        except TimeoutError:
            log.warning("database_close_given_up", seconds=CLOSE_SECONDS)
        await self._lock.release()

    async def _keep_watch(self) -> None:
        """Look once a second whether the lock still lives and whether there is something to write."""
        while not self._closing.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._closing.wait()
                    return
            await self._lock.heartbeat()
            try:
                if not self._writer.works or await self._work_waits():
                    await self.expire()
            except (AcmednsError, *FOREIGN_ERRORS) as error:
                # The writer says what is wrong with the database, once; here it would be said every second.
                log.debug("database_watch_failed", reason=str(unavailable(error)))

    async def _work_waits(self) -> bool:
        async with self._engine.connect() as connection:
            return await expiry.work_waits(
                connection, self._ground.zone_id, self._writer.published, self._ground.rule, self._ground.clock
            )


async def _claimed_zone(place: Target, apex: bytes, clock: Clock, token: str) -> tuple[int, int]:
    """Find or make the zone's row and claim it; gives its id and cursor."""
    engine = connect(place, Use.WRITE)
    try:
        async with engine.begin() as connection:
            return await claimed(connection, apex, clock, token)
    finally:
        await engine.dispose()
