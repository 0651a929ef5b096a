"""Group commit: one task that writes; all that waits shares a transaction, one cursor and one fsync.

A group goes through these steps, and each may only be left in the way that is named:

1. the right to write is held (`lock`), else all fail with `StoreUnavailable`;
2. the zone's row is locked and read: its holder must still be this process; commits that were never published (a
   COMMIT whose answer was lost, another holder of the lock while ours was gone) are read from the change rows and
   published before anything else;
3. the requests are done together; where their data is at fault, again one by one, so that only the bad one fails;
4. the cursor is counted up and the change recorded, if anything changed;
5. COMMIT; where its outcome is unknown all fail with `OutcomeUnknown`, and step 2 of the next transaction finds out;
6. `on_commit` is called, then the futures resolve: a client hears of nothing that the feed has not heard of.

A connection that died before step 5 has committed nothing, so that the group is done once more on another one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acmedns_py.accounts.ports import Written
from acmedns_py.errors import AcmednsError, OutcomeUnknown, Overloaded, StoreUnavailable
from acmedns_py.feed.changes import Commit, ZoneState
from acmedns_py.histogram import Histogram, Seen
from acmedns_py.store import changes
from acmedns_py.store.engine import (
    FOREIGN_ERRORS,
    Target,
    Use,
    connect,
    connection_lost,
    database_disturbed,
    unavailable,
)
from acmedns_py.store.load import zone_state
from acmedns_py.store.lock import Lock
from acmedns_py.store.requests import Request
from acmedns_py.store.schema import MICROSECONDS
from acmedns_py.store.standing import drop_expired_passwords, prune_audit
from acmedns_py.store.transaction import Ground, Moment, apart, moment, take_cursor, together, touch

QUEUE_REQUESTS = 1_024
"""Requests that may wait; at a thousand a second the last of them waits one second."""

GROUP_REQUESTS = 256
"""The most requests of one transaction."""

CALLER_SECONDS = 10.0
"""How long a caller waits: a connection and a statement may take five seconds each."""

PRUNE_SECONDS = 3_600
"""Between two prunings where few rows are written."""

TRANSACTION_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Seconds of a transaction; a disk that is to keep it costs most of them."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    answer: asyncio.Future[Written]


@dataclass(frozen=True, slots=True)
class WriterLoad:
    """What the writer has done so far, and how many requests wait for it; `transactions` are those that got through."""

    waiting: int
    transactions: Seen
    failures: int
    written: int
    refused: int
    commits: int
    prunings: int


class _CommitUnknownError(Exception):
    """COMMIT was sent, and whether it was done, or published, is not known."""


class Writer:
    """The one task that writes; `published` is the last cursor that `on_commit` was told."""

    def __init__(
        self,
        place: Target,
        *,
        ground: Ground,
        lock: Lock,
        published: int,
        on_commit: Callable[[Commit], None],
        served: Callable[[], ZoneState] | None,
    ) -> None:
        self.published = published
        self._engine: AsyncEngine = connect(place, Use.WRITE)
        self._connection: AsyncConnection | None = None
        self._ground = ground
        self._lock = lock
        self._on_commit = on_commit
        self._served = served
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._works = True
        self._transactions = Histogram(TRANSACTION_BOUNDS)
        self._failures = self._written = self._refused = self._commits = self._prunings = 0
        self._unpruned_rows = changes.PRUNE_ROWS
        self._pruned_at = 0.0
        self._task = asyncio.create_task(self._run(), name="store writer")

    @property
    def works(self) -> bool:
        """Whether the last transaction got through."""
        return self._works

    def load(self) -> WriterLoad:
        """Give how much there is to do, and how much was done."""
        return WriterLoad(
            len(self._queue),
            self._transactions.seen(),
            self._failures,
            self._written,
            self._refused,
            self._commits,
            self._prunings,
        )

    async def write(self, request: Request) -> Written:
        """Have a request committed and published; raises its own error, `StoreUnavailable` or `Overloaded`.

        `OutcomeUnknown` where it may have been done.
        """
        if self._closing:
            raise StoreUnavailable("the store is closed")
        if len(self._queue) >= QUEUE_REQUESTS:
            raise Overloaded("writer", retry_after=1)
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        try:
            async with asyncio.timeout(CALLER_SECONDS):
                return await waiting.answer
        except TimeoutError:
            raise OutcomeUnknown("the database did not commit in time") from None

    async def close(self) -> None:
        """Finish what waits, then let go of the database."""
        self._closing = True
        self._wake.set()
        await self._task
        await self._drop_connection()
        await self._engine.dispose()

    async def _run(self) -> None:
        while True:
            group = self._next_group()
            if group:
                await self._finish(group)
            elif self._closing:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._queue and len(group) < GROUP_REQUESTS:
            waiting = self._queue.popleft()
            # A caller that gave up while it stood here must not be served behind its back.
            if not waiting.answer.done():
                group.append(waiting)
        return group

    async def _finish(self, group: list[_Waiting]) -> None:
        """Answer each of the group, whatever happens: the task must outlive every error."""
        answers: list[Written | AcmednsError]
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answers = await self._write(group)
        except Exception as error:
            self._failures += 1
            await self._drop_connection()
            reason = unavailable(error)
            if isinstance(error, _CommitUnknownError):
                reason = OutcomeUnknown(str(unavailable(error.__cause__ or error)))
            if self._works:
                cause = error.__cause__ if isinstance(error, _CommitUnknownError) else error
                foreseen = isinstance(cause, (AcmednsError, *FOREIGN_ERRORS))
                log.error("database_write_failed", reason=str(reason), exc_info=None if foreseen else error)
            self._works = False
            answers = [reason] * len(group)
        else:
            if not self._works:
                log.info("database_write_recovered")
            self._works = True
            self._transactions.observe(clock() - began)
            self._written += sum(isinstance(answer, Written) for answer in answers)
            self._refused += sum(not isinstance(answer, Written) for answer in answers)
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, Written):
                waiting.answer.set_result(answer)
            else:
                waiting.answer.set_exception(answer)

    async def _write(self, group: list[_Waiting]) -> list[Written | AcmednsError]:
        requests = [waiting.request for waiting in group]
        try:
            return await self._transaction(requests, one_by_one=False)
        except _CommitUnknownError:
            raise
        except Exception as error:
            lost = connection_lost(error)
            if lost:
                await self._drop_connection()
            elif database_disturbed(error):
                raise
        return await self._transaction(requests, one_by_one=not lost)

    async def _transaction(self, requests: list[Request], *, one_by_one: bool) -> list[Written | AcmednsError]:
        await self._lock.hold()
        if self._connection is None:
            self._connection = await self._engine.connect()
        connection, ground = self._connection, self._ground
        transaction = await connection.begin()
        try:
            at = await moment(connection, ground)
            await self._require_right(at)
            await self._publish_missed(connection, at)
            if not self._works:
                # Nothing less than a write shows that writes work again.
                await touch(connection, ground)
            if one_by_one:
                outcome = await apart(connection, ground, at, requests, blame=_blame)
            else:
                outcome = await together(connection, ground, at, requests)
            if outcome.commit:
                await take_cursor(connection, ground)
                self._unpruned_rows += await changes.record(connection, ground.zone_id, outcome.commit, at.now)
            self._unpruned_rows += outcome.audit_rows
            await self._prune(connection, at)
        except Exception as error:
            # A database that does not answer would not answer this either; its connection is dropped instead.
            if not database_disturbed(error):
                await transaction.rollback()
            raise
        try:
            await transaction.commit()
            if outcome.commit:
                self._publish(outcome.commit)
        except Exception as error:
            raise _CommitUnknownError from error
        return outcome.written(at)

    async def _require_right(self, at: Moment) -> None:
        if at.holder != self._lock.token:
            await self._lock.drop()
            raise StoreUnavailable(f"{at.holder} has taken over the right to write")

    def _publish(self, commit: Commit) -> None:
        self._on_commit(commit)
        self.published = commit.cursor
        self._commits += 1

    async def _publish_missed(self, connection: AsyncConnection, at: Moment) -> None:
        """Publish what was committed and never published; visible and final, because the zone's row is ours."""
        if at.cursor == self.published:
            return
        if at.cursor < self.published:
            raise StoreUnavailable(
                f"the database went back from cursor {self.published} to {at.cursor}; restart acmedns"
            )
        missed = await changes.since(connection, self._ground.zone_id, self.published, at.cursor)
        if missed is None:
            if self._served is None:
                raise StoreUnavailable("the database changed further than its change rows reach back; restart acmedns")
            missed = [changes.difference(self._served(), await zone_state(connection, self._ground))]
        log.warning("database_changes_caught_up", published=self.published, cursor=at.cursor)
        for commit in missed:
            self._publish(commit)

    async def _prune(self, connection: AsyncConnection, at: Moment) -> None:
        now = asyncio.get_running_loop().time()
        if self._unpruned_rows < changes.PRUNE_ROWS and now < self._pruned_at + PRUNE_SECONDS:
            return
        await changes.prune(connection, self._ground.zone_id, at.now)
        await prune_audit(connection, at.now - self._ground.audit_days * 86_400 * MICROSECONDS)
        await drop_expired_passwords(connection, at.now)
        self._unpruned_rows = 0
        self._pruned_at = now
        self._prunings += 1

    async def _drop_connection(self) -> None:
        """Let go of the connection and of whatever it has not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FOREIGN_ERRORS):
                await connection.invalidate()
            with suppress(*FOREIGN_ERRORS):
                await connection.close()


def _blame(error: Exception) -> AcmednsError:
    """What a request gets that failed alone; raises where it is not the request's fault."""
    if database_disturbed(error):
        raise error
    if isinstance(error, AcmednsError):
        return error
    return unavailable(error)
