"""One DNS worker as the control process sees it: its process, its feed, what it has confirmed.

    STARTING ─ Applied(snapshot) ─► LIVE ─ silent for 2 s, feed closed, or exit ─► DYING ─ reaped ─► DEAD

LIVE begins when `Serve` is sent; from then until DEAD the worker is `serving`. While it is DYING an update goes on
waiting for it, until the kernel has taken the process away: one that is only paused could come back with old answers.
"""

import asyncio
import contextlib
import enum
import errno
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

import structlog

from acmedns_py.errors import WorkerNotStarted
from acmedns_py.feed.frames import (
    Applied,
    Ask,
    FeedError,
    Frame,
    FrameStream,
    Hello,
    Noted,
    NotedQuery,
    Questions,
    Report,
    Serve,
    Setup,
    WorkerFrame,
    encoded,
    worker_decoder,
)
from acmedns_py.feed.image import ZoneImage
from acmedns_py.histogram import Histogram
from acmedns_py.service import query_log
from acmedns_py.service.launch import Child, Launcher
from acmedns_py.service.tally import NOTHING

CONFIRM_SECONDS: Final = 2.0
"""A live worker that leaves a frame unconfirmed for this long is killed (DESIGN promise 1 needs a bound)."""

START_SECONDS: Final = 60.0
"""Time for a worker to import its modules and apply the whole snapshot."""

_CURES: Final = {
    errno.EMFILE: "raise the limit of open files (ulimit -n, LimitNOFILE)",
    errno.ENFILE: "raise the limit of open files of the machine (fs.file-max)",
    errno.EAGAIN: "raise the limit of processes (ulimit -u, LimitNPROC)",
    errno.ENOSYS: "Linux 5.3 or later is needed, and a container must allow pidfd_open",
}

log = structlog.get_logger(__name__)


class State(enum.Enum):
    """Where a worker stands in its life."""

    STARTING = "starting"
    LIVE = "live"
    DYING = "dying"
    DEAD = "dead"


class WorkerLink(asyncio.Protocol):
    """The control process's end of one worker's feed; `changed` is called whenever state or cursor move."""

    def __init__(
        self,
        index: int,
        changed: Callable[["WorkerLink"], None],
        confirmations: Histogram,
        heard: Callable[[Questions], None],
        noted: Callable[[Sequence[NotedQuery]], None],
    ) -> None:
        """`index` is the worker's place, which its replacement takes over; `confirmations` counts those of commits.

        `heard` is told who asked for what, `noted` of the queries that are logged.
        """
        self.index = index
        self.state = State.STARTING
        self.serving = False
        self.applied = 0
        self.pid = 0
        self.internal_errors = 0
        self.unlogged = 0
        self.report = NOTHING
        self._changed = changed
        self._confirmations = confirmations
        self._heard = heard
        self._noted = noted
        self._frames = FrameStream(worker_decoder)
        self._transport: asyncio.Transport | None = None
        self._process: Child | None = None
        self._snapshot_sent = False
        self._behind_snapshot: list[bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._unconfirmed: deque[float] = deque()
        self._started = time.monotonic()
        self._buried = asyncio.Event()

    async def start(self, setup: Setup, launcher: Launcher) -> None:
        """Start the process with an empty environment, its feed and the DNS sockets, nothing else.

        Raises `WorkerNotStarted` and leaves nothing behind where the system refuses.
        """
        try:
            with contextlib.ExitStack() as undo:
                ours, theirs = map(undo.enter_context, socket.socketpair())
                ours.setblocking(False)
                self._process = launcher.start(
                    ("acmedns_py.worker", str(theirs.fileno())),
                    pass_fds=[theirs.fileno(), *(listener.fd for listener in setup.listeners)],
                )
                undo.pop_all()
        except OSError as error:
            self.state = State.DEAD
            cure = _CURES.get(error.errno or 0, f"user {os.geteuid()} must be able to run it")
            raise WorkerNotStarted(
                f"a DNS worker can't be started by {sys.executable}: {error.strerror or error}; {cure}"
            ) from error
        self.pid = self._process.pid
        theirs.close()
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        self._write(encoded(setup))

    async def load(self, image: ZoneImage) -> None:
        """Send a snapshot in pieces; the commits that come meanwhile follow behind it, those before are in it."""
        frames = image.snapshot()
        self._behind_snapshot = []
        for frame in frames:
            self._write(encoded(frame))
            await self._writable.wait()
        self._unconfirmed.append(time.monotonic())
        behind, self._behind_snapshot = self._behind_snapshot, None
        self._snapshot_sent = True
        for octets in behind:
            self._send_confirmed(octets)

    def send_commit(self, octets: bytes) -> None:
        """Pass on an encoded `Apply`, but only behind the snapshot that it builds on."""
        if self._snapshot_sent:
            self._send_confirmed(octets)
        elif self._behind_snapshot is not None:
            self._behind_snapshot.append(octets)

    def ask(self) -> None:
        """Ask for a report, unless a live answer is still owed."""
        if self.state is State.LIVE and not self._unconfirmed:
            self._send_confirmed(encoded(Ask()))

    def send(self, frame: Frame) -> None:
        """Send a frame that is not confirmed: CookieSecrets, NoteQueries, Adopt, Release, Stop."""
        self._write(encoded(frame))

    def silent_seconds(self) -> float:
        """How long the oldest unconfirmed frame has been waiting, or a starting worker has been at it."""
        if self.state is State.STARTING:
            return time.monotonic() - self._started
        return time.monotonic() - self._unconfirmed[0] if self._unconfirmed else 0.0

    async def bury(self, reason: str) -> None:
        """Kill the process, wait until the kernel has reaped it, and only then count it as dead."""
        if self.state in (State.DYING, State.DEAD):
            await self._buried.wait()
            return
        self.state = State.DYING
        log.warning("worker_died", worker=self.index, pid=self.pid, reason=reason)
        await self._end(kill=True)

    async def wait_stopped(self) -> None:
        """Wait for a worker that was told to stop; one that can't have heard of it yet is killed."""
        self.state = State.DYING
        await self._end(kill=self._transport is None)

    def kill(self) -> None:
        """Send SIGKILL, which a stopped process obeys too."""
        assert self._process is not None
        self._process.kill()

    async def _end(self, *, kill: bool) -> None:
        assert self._process is not None
        if kill:
            self.kill()
        await self._process.wait()
        if self._transport is not None:
            self._transport.abort()
        self.state = State.DEAD
        self.serving = False
        self._writable.set()
        self._buried.set()
        self._changed(self)

    def _send_confirmed(self, octets: bytes) -> None:
        if self.state in (State.DYING, State.DEAD):
            return
        self._unconfirmed.append(time.monotonic())
        self._write(octets)

    def _write(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio's name)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent

    def data_received(self, data: bytes) -> None:
        """Take what the worker says (asyncio's name)."""
        try:
            frames = self._frames.receive(data)
        except FeedError as error:
            log.error("worker_feed_torn", worker=self.index, pid=self.pid, error=str(error))
            assert self._transport is not None
            self._transport.abort()
            return
        for frame in frames:
            self._take(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the pool, which buries us (asyncio's name)."""
        self._transport = None
        self._writable.set()
        self._changed(self)

    def pause_writing(self) -> None:
        """Hold a snapshot until the worker has read some of it (asyncio's name)."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on with it (asyncio's name)."""
        self._writable.set()

    @property
    def disconnected(self) -> bool:
        """Whether the feed has been lost."""
        return self._transport is None or self._transport.is_closing()

    def _take(self, frame: WorkerFrame) -> None:
        match frame:
            case Applied(cursor):
                sent = self._unconfirmed.popleft()
                self.applied = cursor
                if self.state is State.LIVE:
                    self._confirmations.observe(time.monotonic() - sent)
                if self.state is State.STARTING:
                    self.state = State.LIVE
                    self.serving = True
                    # The snapshot held up what was sent behind it; its time counts from here.
                    self._unconfirmed = deque(time.monotonic() for _ in self._unconfirmed)
                    self.send(Serve())
                self._changed(self)
            case Noted(queries):
                for query in queries:
                    query_log.write(self.index, query)
                self._noted(queries)
            case Report(counters):
                self._unconfirmed.popleft()
                self.report = frame
                self._judge(counters)
                self._changed(self)
            case Questions():
                self._heard(frame)
            case Hello(fence, fenced, udp):
                level = log.info if fenced else log.warning
                level("worker_fenced" if fenced else "worker_fence_incomplete", worker=self.index, fence=fence, udp=udp)

    def _judge(self, counters: dict[str, int]) -> None:
        """Say that queries met a fault of ours, or were not logged: one line for all of a report."""
        errors = counters["internal_errors"]
        if errors > self.internal_errors:
            log.error("dns_internal_errors", worker=self.index, pid=self.pid, queries=errors - self.internal_errors)
        self.internal_errors = errors
        unlogged = counters["unlogged"]
        if unlogged > self.unlogged:
            log.warning("dns_queries_unlogged", worker=self.index, queries=unlogged - self.unlogged)
        self.unlogged = unlogged
