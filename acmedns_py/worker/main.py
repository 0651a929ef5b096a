"""The life of a DNS worker: fence, snapshot, serve, stop.

    started ─ Hello ─► loading ─ Loaded ─► standing by ─ Serve ─► serving ─ Stop or end of feed ─► gone

No DNS socket is read before `Serve`. Whoever sends `Serve` has sent every commit that it counts as served before it,
on the same stream, so the first answer is not older than the last acknowledged update. A worker whose feed closes
exits at once: an orphan must not answer with data that nobody changes any more.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Final, cast

from acmedns_py.dns.responder import Responder
from acmedns_py.dns.rrset import RRset
from acmedns_py.dns.table import ChallengeTable, Parts
from acmedns_py.eventloop import event_loop_factory
from acmedns_py.feed.changes import StaticData
from acmedns_py.feed.frames import (
    Adopt,
    Applied,
    Apply,
    Ask,
    Challenges,
    ControlFrame,
    CookieSecrets,
    FeedError,
    Frame,
    FrameStream,
    Hello,
    Loaded,
    Noted,
    NoteQueries,
    Questions,
    Release,
    Report,
    Serve,
    Setup,
    Static,
    Stop,
    control_decoder,
    encoded,
)
from acmedns_py.feed.questions import folded
from acmedns_py.worker.fence import Fence, raise_fence
from acmedns_py.worker.latency import Latency
from acmedns_py.worker.query_log import QueryLog
from acmedns_py.worker.tcp import TcpConnections, TcpListener
from acmedns_py.worker.turns import ask_for_short_turns
from acmedns_py.worker.udp import DRAINED_BY, UdpListener

SWEEP_SECONDS: Final = 1.0
LAST_BATCHES: Final = 64
"""Batches that a stopping worker still takes from each UDP socket: about what its buffer holds."""


class Worker(asyncio.Protocol):
    """One worker at its end of the feed."""

    def __init__(self, fence: Fence, finished: asyncio.Event) -> None:
        """`finished` is set when the worker has stopped as told."""
        self._fence = fence
        self._finished = finished
        self._frames = FrameStream(control_decoder)
        self._transport: asyncio.Transport | None = None
        self._static: list[RRset] = []
        self._names = Parts([], [], {})
        self._setup: Setup | None = None
        self._responder: Responder | None = None
        self._query_log: QueryLog | None = None
        self._untraced = 0
        self._connections: TcpConnections | None = None
        self._latency = Latency()
        self._udp: dict[int, list[UdpListener]] = {}
        self._tcp: dict[int, list[TcpListener]] = {}
        self._reading: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # The feed.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio's name)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self._say(Hello(self._fence.text, self._fence.whole, DRAINED_BY))

    def data_received(self, data: bytes) -> None:
        """Obey the frames in their order (asyncio's name)."""
        try:
            frames = self._frames.receive(data)
        except FeedError as error:
            sys.stderr.write(f"acmedns worker: feed torn: {error}\n")
            os._exit(1)
        for frame in frames:
            self._obey(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Exit: nobody feeds us any more (asyncio's name)."""
        os._exit(0)

    def _say(self, frame: Frame) -> None:
        assert self._transport is not None
        self._transport.write(encoded(frame))

    def _obey(self, frame: ControlFrame) -> None:
        match frame:
            case Apply(commit):
                assert self._responder is not None
                self._responder.apply(
                    commit.cursor,
                    challenges=[(change.owner, change.after) for change in commit.challenges],
                    static=[(c.owner, c.rrtype, _rrset(c.owner, c.rrtype, c.after)) for c in commit.static],
                )
                self._say(Applied(commit.cursor))
            case CookieSecrets(secrets):
                assert self._responder is not None
                self._responder.accept_secrets(secrets)
            case NoteQueries(rule):
                assert self._query_log is not None
                self._query_log.note(rule)
            case Ask():
                self._tell()
            case Setup():
                self._set_up(frame)
            case Static(rrsets):
                self._static += [RRset(owner, rrtype, data.ttl, data.rdatas) for owner, rrtype, data in rrsets]
            case Challenges(buckets, marks, others):
                self._names.buckets.extend(buckets)
                self._names.marks.extend(marks)
                self._names.others.update(others)
            case Loaded(cursor):
                self._load(cursor)
            case Serve():
                assert self._setup is not None
                self._read(self._setup.worker)
                self._sweep()
            case Adopt(worker):
                self._read(worker)
            case Release(worker):
                self._leave(worker)
            case Stop(grace_seconds):
                self._do_later(self._stop(grace_seconds))

    def _set_up(self, setup: Setup) -> None:
        self._setup = setup
        self._responder = Responder(apex=setup.apex, txt_ttl=setup.txt_ttl, policy=setup.policy)
        query_log = self._query_log = QueryLog(self._responder, setup.apex)
        self._connections = TcpConnections(
            query_log,
            idle_seconds=setup.policy.tcp_idle_seconds,
            total=setup.tcp_connections,
            per_client=setup.tcp_connections_per_client,
        )
        for listener in setup.listeners:
            sock = socket.socket(fileno=listener.fd)
            sock.setblocking(False)
            if listener.tcp:
                self._tcp.setdefault(listener.worker, []).append(TcpListener(sock, self._connections))
            else:
                self._udp.setdefault(listener.worker, []).append(
                    UdpListener(sock, query_log, self._latency, wildcard=listener.wildcard)
                )

    def _load(self, cursor: int) -> None:
        assert self._responder is not None
        assert self._setup is not None
        challenges = ChallengeTable.of_parts(self._setup.apex, self._names)
        self._responder.load(cursor, self._static, challenges)
        self._static, self._names = [], Parts([], [], {})
        # What has been loaded lives as long as the worker: no collection need ever look at it again.
        gc.collect()
        gc.freeze()
        self._say(Applied(cursor))

    def _tell(self) -> None:
        assert self._responder is not None
        assert self._query_log is not None
        if noted := self._query_log.taken():
            self._say(Noted(noted))
        notes, missed = self._responder.asked.taken()
        self._untraced += missed
        if notes:
            self._say(Questions(folded(notes), missed))
        self._say(self._report(self._query_log.unlogged))

    def _report(self, unlogged: int) -> Report:
        assert self._responder is not None
        assert self._setup is not None
        assert self._connections is not None
        mine = [*self._udp.get(self._setup.worker, ()), *self._tcp.get(self._setup.worker, ())]
        return Report(
            {**self._responder.counters(), "unlogged": unlogged, "untraced": self._untraced},
            tuple(listener.answered for listener in mine),
            len(self._connections),
            self._latency.histogram.seen(),
            self._connections.latency.histogram.seen(),
        )

    # The sockets.

    def _read(self, worker: int) -> None:
        if worker in self._reading:
            return
        self._reading.add(worker)
        loop = asyncio.get_running_loop()
        for udp in self._udp.get(worker, ()):
            loop.add_reader(udp.fileno(), udp.drain)
        for tcp in self._tcp.get(worker, ()):
            self._do_later(tcp.start())

    def _leave(self, worker: int) -> None:
        if worker not in self._reading:
            return
        self._reading.discard(worker)
        loop = asyncio.get_running_loop()
        for udp in self._udp.get(worker, ()):
            loop.remove_reader(udp.fileno())
        for tcp in self._tcp.get(worker, ()):
            tcp.stop()

    def _sweep(self) -> None:
        assert self._connections is not None
        self._connections.sweep()
        asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    async def _stop(self, grace_seconds: float) -> None:
        assert self._connections is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                for worker in list(self._reading):
                    self._leave(worker)
                self._connections.close_all()
                for udp in chain.from_iterable(self._udp.values()):
                    # What is in the queue now; under a flood there is always more.
                    for _ in range(LAST_BATCHES):
                        if not udp.drain():
                            break
                        await asyncio.sleep(0)
                while len(self._connections):
                    await asyncio.sleep(0.02)
        self._finished.set()

    def _do_later(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _rrset(owner: bytes, rrtype: int, data: StaticData | None) -> RRset | None:
    return None if data is None else RRset(owner, rrtype, data.ttl, data.rdatas)


async def _run(feed: socket.socket, fence: Fence) -> None:
    finished = asyncio.Event()
    loop = asyncio.get_running_loop()
    await loop.create_connection(partial(Worker, fence, finished), sock=feed)
    await finished.wait()


def main(argv: list[str]) -> None:
    """Run the worker whose feed is the descriptor in `argv[1]`; returns when told to stop."""
    ask_for_short_turns()
    feed = socket.socket(fileno=int(argv[1]))
    feed.setblocking(False)
    factory: Callable[[], asyncio.AbstractEventLoop] = event_loop_factory()
    # The loop is made behind the fence: uvloop would make itself a ring of io_uring, which leads around it.
    fence = raise_fence()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(feed, fence))
