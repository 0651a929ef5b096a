"""The DNS workers together: started, fed, watched, buried, replaced; and the wait that makes an update acknowledged.

Rules of the file: whatever decides that a change is served looks at every worker that is LIVE or DYING at that
moment; nobody leaves that set but by being reaped. A dead worker's sockets are read by a live sibling until the
replacement serves them. Restarts back off, and a place that dies again and again makes the service unready.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from secrets import token_bytes
from typing import Any, Final

import structlog

from acmedns_py.dns.cookie import SECRET_OCTETS
from acmedns_py.dns.policy import Policy
from acmedns_py.errors import NotServed, WorkerNotStarted
from acmedns_py.feed.changes import Commit
from acmedns_py.feed.frames import (
    Adopt,
    Apply,
    CookieSecrets,
    Listener,
    NotedQuery,
    NoteQueries,
    Questions,
    Release,
    Setup,
    Stop,
    encoded,
)
from acmedns_py.feed.image import ZoneImage
from acmedns_py.feed.questions import AskedName
from acmedns_py.histogram import Histogram
from acmedns_py.service.launch import Launcher
from acmedns_py.service.link import CONFIRM_SECONDS, START_SECONDS, State, WorkerLink
from acmedns_py.service.sockets import DnsSocket
from acmedns_py.service.tally import NOTHING, PlaceTally, together

WATCH_SECONDS: Final = 0.5
SERVED_SECONDS: Final = 6.0
"""Longest wait for a cursor: the 2 s after which a silent worker is killed, the time to reap it, and slack."""

CRASH_WINDOW_SECONDS: Final = 60.0
CRASHES_TOLERATED: Final = 4
LONGEST_PAUSE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
"""Between two tries to start a process that the system refuses to start."""

NOTE_NONE: Final = "off"

CONFIRMATION_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0)
"""Seconds; beyond the last one a worker is killed."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What each worker may hold of connections."""

    tcp_connections: int
    tcp_connections_per_client: int


class WorkerPool:
    """All workers of this node; the `Publisher` of the account rules."""

    def __init__(
        self,
        *,
        sockets: list[DnsSocket],
        workers: int,
        apex: bytes,
        txt_ttl: int,
        policy: Policy,
        limits: Limits,
        image: ZoneImage,
        launcher: Launcher,
        heard: Callable[[Sequence[AskedName], int], None],
        noted: Callable[[Sequence[NotedQuery]], None],
    ) -> None:
        """Take the bound sockets and the loaded zone; `policy` is that of all workers together.

        `heard` is told who asked for which challenge names, and how many questions were not noted; `noted`, which
        queries are logged.
        """
        self._sockets = sockets
        self._apex = apex
        self._txt_ttl = txt_ttl
        self._policy = policy
        self._limits = limits
        self.image = image
        self._launcher = launcher
        self._heard = heard
        self._noted = noted
        self._places: list[WorkerLink | None] = [None] * workers
        self._deaths: list[deque[float]] = [deque() for _ in range(workers)]
        self._deaths_ever = [0] * workers
        self._noting = NOTE_NONE
        self._former = [NOTHING] * workers
        self.confirmations = Histogram(CONFIRMATION_BOUNDS)
        self._orphaned: set[int] = set()
        self._adopted_by: dict[int, WorkerLink] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._progress = asyncio.Event()

    # Life.

    async def start(self) -> None:
        """Start every worker and return when all are live; raises `WorkerNotStarted` where one does not live."""
        for index in range(len(self._places)):
            await self._spawn(index)
        self._do(self._watch())
        deadline = time.monotonic() + START_SECONDS
        while not all(link is not None and link.state is State.LIVE for link in self._places):
            if self.crash_looping or time.monotonic() > deadline:
                raise WorkerNotStarted("the DNS workers end at their start; their own words are above")
            await self._next_progress(WATCH_SECONDS)

    async def stop(self, *, grace_seconds: float) -> None:
        """Let every worker answer what it has and exit; those that do not are killed."""
        self._stopping = True
        links = [link for link in self._places if link is not None and link.state is not State.DEAD]
        for link in links:
            link.send(Stop(grace_seconds))
        try:
            async with asyncio.timeout(grace_seconds + CONFIRM_SECONDS):
                await asyncio.gather(*(link.wait_stopped() for link in links))
        except TimeoutError:
            for link in links:
                link.kill()
            await asyncio.gather(*(link.wait_stopped() for link in links))
        for task in list(self._tasks):
            task.cancel()
        self._settle()

    async def probe(self, ask: Callable[[DnsSocket], Awaitable[None]], *, seconds: float) -> None:
        """Send probe queries by `ask` until every worker has answered on each of its sockets.

        The kernel chooses the socket by the asker's port, so it takes several tries. Raises `NotServed` naming the
        sockets that stayed silent.
        """
        deadline = time.monotonic() + seconds
        while silent := self._silent_sockets():
            if time.monotonic() > deadline:
                names = ", ".join(sorted({f"{s.address} {'TCP' if s.tcp else 'UDP'}" for s in silent}))
                raise NotServed(self.image.cursor, f"no answer to a probe query on {names}; is a firewall in the way?")
            await asyncio.gather(*(ask(sock) for sock in silent))
            for link in self._places:
                if link is not None:
                    link.ask()
            await self._next_progress(WATCH_SECONDS)

    def _silent_sockets(self) -> list[DnsSocket]:
        silent = []
        for index, link in enumerate(self._places):
            own = self._own_sockets(index)
            told = link.report.answered if link is not None else ()
            answered = told if len(told) == len(own) else (0,) * len(own)
            silent += [sock for sock, count in zip(own, answered, strict=True) if not count]
        return silent

    def _own_sockets(self, index: int) -> list[DnsSocket]:
        """Give a worker's own sockets in the order of its reports: UDP first."""
        return sorted((sock for sock in self._sockets if sock.worker == index), key=lambda sock: sock.tcp)

    @property
    def cookie_secrets(self) -> tuple[bytes, ...]:
        """The secrets of DNS cookies that are accepted; the first one makes them."""
        return self._policy.cookie_secrets

    def accept_secrets(self, secrets: tuple[bytes, ...]) -> None:
        """Exchange the secrets of DNS cookies: the first one makes them, all are accepted (RFC 9018 5)."""
        self._policy = replace(self._policy, cookie_secrets=secrets)
        for link in self._places:
            # One without a process is told by its Setup, or behind it (`_spawn`).
            if link is not None and link.pid:
                link.send(CookieSecrets(secrets))

    def roll_secret(self) -> None:
        """Make cookies with a new random secret and go on to accept those of the last one."""
        self.accept_secrets((token_bytes(SECRET_OCTETS), *self._policy.cookie_secrets[:1]))

    def note_queries(self, rule: str) -> None:
        """Have workers note queries for the log from here on, by a rule of `NoteQueries`."""
        self._noting = rule
        for link in self._places:
            if link is not None and link.pid:
                link.send(NoteQueries(rule))

    # Publishing.

    def publish(self, commit: Commit) -> None:
        """Take a durable commit into the image and send it to every worker; called in cursor order.

        One that the image was loaded with already is told again by the store, and changes nothing.
        """
        if commit.cursor <= self.image.cursor:
            return
        self.image.apply(commit)
        octets = encoded(Apply(commit))
        for link in self._places:
            if link is not None:
                link.send_commit(octets)

    async def served(self, cursor: int) -> None:
        """Return when no live worker can answer with anything older than `cursor`; raises `NotServed` otherwise."""
        if self._is_served(cursor):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((cursor, future))
        try:
            async with asyncio.timeout(SERVED_SECONDS):
                await future
        except TimeoutError:
            raise NotServed(cursor, f"not confirmed by every worker in {SERVED_SECONDS:g} s") from None

    def _counting(self) -> list[WorkerLink]:
        return [link for link in self._places if link is not None and link.serving]

    def _is_served(self, cursor: int) -> bool:
        """Whether all that count have confirmed; raises `NotServed` where nobody does."""
        counting = self._counting()
        if not any(link.state is State.LIVE for link in counting):
            raise NotServed(cursor, "no DNS worker is live")
        return all(link.applied >= cursor for link in counting)

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for cursor, future in waiting:
            if future.done():
                continue
            try:
                if self._is_served(cursor):
                    future.set_result(None)
                else:
                    self._waiting.append((cursor, future))
            except NotServed as error:
                future.set_exception(error)

    # Watching.

    @property
    def crash_looping(self) -> bool:
        """Whether some worker has died again and again within the last minute."""
        limit = time.monotonic() - CRASH_WINDOW_SECONDS
        return any(sum(when > limit for when in deaths) > CRASHES_TOLERATED for deaths in self._deaths)

    def states(self) -> list[dict[str, Any]]:
        """Give each worker's place, pid, state and applied cursor, for readiness."""
        return [
            {"worker": index, "pid": link.pid, "state": link.state.value, "applied": link.applied & 0xFFFF_FFFF}
            if link is not None
            else {"worker": index, "pid": 0, "state": State.DEAD.value, "applied": 0}
            for index, link in enumerate(self._places)
        ]

    def tallies(self) -> list[PlaceTally]:
        """Give what the workers have counted, by place."""
        return [
            PlaceTally(
                index,
                link.state.value if link is not None else State.DEAD.value,
                link.applied & 0xFFFF_FFFF if link is not None else 0,
                link.silent_seconds() if link is not None else 0.0,
                self._deaths_ever[index],
                together(self._former[index], link.report) if link is not None else NOTHING,
            )
            for index, link in enumerate(self._places)
        ]

    def counters(self) -> dict[str, int]:
        """Give what all workers have counted together since the server's start, by name."""
        return reduce(together, (tally.report for tally in self.tallies()), NOTHING).counters

    def _hear(self, questions: Questions) -> None:
        """Pass on what a worker was asked; of names that do not exist, or do no longer, nothing is kept."""
        self._heard([one for one in questions.names if self.image.holds(one.owner)], questions.missed)

    async def _watch(self) -> None:
        due = time.monotonic()
        while True:
            due += WATCH_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            late = time.monotonic() - due
            if late > WATCH_SECONDS:
                # We ourselves were held up (a sleeping machine, a debugger): their words may still lie unread.
                due = time.monotonic()
                continue
            for link in self._places:
                if link is None or link.state in (State.DYING, State.DEAD):
                    continue
                limit = START_SECONDS if link.state is State.STARTING else CONFIRM_SECONDS
                if link.silent_seconds() > limit:
                    self._do(self._replace(link, f"no word for {limit:g} s"))
                else:
                    link.ask()

    def _changed(self, link: WorkerLink) -> None:
        self._progress.set()
        if link.disconnected and link.state in (State.STARTING, State.LIVE) and not self._stopping:
            self._do(self._replace(link, "its feed closed"))
        if link.state is State.LIVE and link.index in self._orphaned:
            self._orphaned.discard(link.index)
            adopter = self._adopted_by.pop(link.index, None)
            if adopter is not None:
                adopter.send(Release(link.index))
            self._adopt_orphans()
        self._settle()

    async def _replace(self, link: WorkerLink, reason: str) -> None:
        if self._places[link.index] is not link or link.state in (State.DYING, State.DEAD):
            return
        await link.bury(reason)
        self._orphaned.add(link.index)
        self._adopt_orphans()
        self._deaths_ever[link.index] += 1
        deaths = self._deaths[link.index]
        deaths.append(time.monotonic())
        while deaths and deaths[0] < time.monotonic() - CRASH_WINDOW_SECONDS:
            deaths.popleft()
        if len(deaths) > CRASHES_TOLERATED:
            log.error("worker_keeps_dying", worker=link.index, deaths_in_a_minute=len(deaths))
        # The first replacement comes at once; 0.5 s, 1 s, 2 s ... after that.
        pause = 0.0 if len(deaths) == 1 else min(LONGEST_PAUSE_SECONDS, 0.25 * 2 ** (len(deaths) - 1))
        await asyncio.sleep(pause)
        while not self._stopping:
            try:
                await self._spawn(link.index)
            except WorkerNotStarted as error:
                log.error("worker_not_started", worker=link.index, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _adopt_orphans(self) -> None:
        """Let a live sibling read the sockets of each dead worker until its replacement serves."""
        live = [link for link in self._places if link is not None and link.state is State.LIVE]
        for index in self._orphaned:
            adopter = self._adopted_by.get(index)
            if live and (adopter is None or adopter.state is not State.LIVE):
                self._adopted_by[index] = live[0]
                live[0].send(Adopt(index))
                log.info("worker_sockets_adopted", worker=index, by=live[0].index)

    async def _spawn(self, index: int) -> None:
        former = self._places[index]
        if former is not None:
            self._former[index] = together(self._former[index], former.report)
        link = self._places[index] = WorkerLink(index, self._changed, self.confirmations, self._hear, self._noted)
        limits, policy = self._limits, self._policy
        setup = Setup(
            worker=index,
            listeners=tuple(
                Listener(sock.worker, sock.sock.fileno(), sock.tcp, sock.wildcard)
                for place in range(len(self._places))
                for sock in self._own_sockets(place)
            ),
            apex=self._apex,
            txt_ttl=self._txt_ttl,
            policy=replace(policy, responses_per_second=self._share(policy.responses_per_second)),
            tcp_connections=limits.tcp_connections,
            tcp_connections_per_client=limits.tcp_connections_per_client,
        )
        await link.start(setup, self._launcher)
        if self._policy is not policy:
            link.send(CookieSecrets(self._policy.cookie_secrets))
        if self._noting != NOTE_NONE:
            link.send(NoteQueries(self._noting))
        log.info("worker_started", worker=index, pid=link.pid)
        await link.load(self.image)

    def _share(self, responses_per_second: int) -> int:
        """Give one worker's share of a limit: the kernel spreads a network's queries over all of them."""
        return -(-responses_per_second // len(self._places))

    async def _next_progress(self, seconds: float) -> None:
        self._progress.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._progress.wait()
        except TimeoutError:
            return

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker_supervision_failed", error=repr(error))
