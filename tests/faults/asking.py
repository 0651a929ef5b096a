"""Questions to every DNS socket of a server, over UDP and TCP; each answer is judged whenever it comes, however late.

A line is one source that reaches one socket. A question is sent at once, in the same step as the call, so that nothing
that the server does later can have come before it.
"""

import asyncio
import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from acmedns_py.dns.framing import FrameReader, framed
from tests.ask import values
from tests.dns.packets import opt, query, read
from tests.faults.ledger import Ledger, Watch
from tests.faults.places import RESET_AT_CLOSE, Address, learn

REPEAT_SECONDS = 3.0
"""A datagram that a killed worker had read is lost; resolvers ask again too."""

RETRY_SECONDS = 0.1
"""Before another try to connect."""

PATIENCE_SECONDS = 40.0
"""For any answer at all: several deaths in a row, and a busy machine."""

MOST_CONTEXT = 12


class Subject(Protocol):
    """A question and what may be answered to it; `begin` gives what `wrong` and `end` get back."""

    name: str
    qtype: str

    def begin(self, now: float) -> Any:
        """The question is about to be sent."""

    def wrong(self, token: Any, response: dns.message.Message, now: float) -> str | None:
        """What is wrong with the answer."""

    def end(self, token: Any) -> None:
        """The question is settled."""


@dataclass
class Challenge:
    """The TXT records of a registered name: never NXDOMAIN, and what its ledger says."""

    ledger: Ledger
    qtype: str = "TXT"

    @property
    def name(self) -> str:
        """The challenge name."""
        return self.ledger.name

    def begin(self, now: float) -> Watch:
        """Watch the ledger from here on."""
        return self.ledger.watch(now)

    def wrong(self, token: Watch, response: dns.message.Message, now: float) -> str | None:
        """A set that was cut is asked for again over TCP; only its rcode counts."""
        if response.rcode() != dns.rcode.NOERROR:
            return f"{dns.rcode.to_text(response.rcode())} for a registered name"
        if response.flags & dns.flags.TC:
            return None
        return self.ledger.wrong(token, values(response), now)

    def end(self, token: Watch) -> None:
        """Watch no longer."""
        self.ledger.forget(token)


@dataclass(frozen=True)
class Fixed:
    """A name whose answer no client changes: the rcode, and one of some sets of records in text."""

    name: str
    qtype: str
    rcode: str
    answers: tuple[frozenset[str], ...] = (frozenset(),)

    def begin(self, now: float) -> None:
        """Nothing changes."""

    def wrong(self, token: None, response: dns.message.Message, now: float) -> str | None:
        """Compare."""
        said = frozenset(str(rdata) for rrset in response.answer for rdata in rrset)
        if dns.rcode.to_text(response.rcode()) != self.rcode or said not in self.answers:
            return f"is {dns.rcode.to_text(response.rcode())} {sorted(said)}, not {self.rcode} {self.answers}"
        return None

    def end(self, token: None) -> None:
        """Nothing to let go of."""


@dataclass
class Report:
    """What was found, what was counted, and what was done to the server meanwhile."""

    began: float = field(default_factory=time.monotonic)
    findings: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    events: list[str] = field(default_factory=list)
    found: asyncio.Event = field(default_factory=asyncio.Event)

    def event(self, text: str) -> None:
        """Note something that was done to the server."""
        self.events.append(f"{time.monotonic() - self.began:7.3f} {text}")

    def finding(self, text: str) -> None:
        """Note something that must not be."""
        recent = "\n    ".join(self.events[-MOST_CONTEXT:])
        self.findings.append(f"{time.monotonic() - self.began:7.3f} {text}\n    {recent}")
        self.found.set()

    def watch_callbacks(self) -> None:
        """Let an exception in a callback of the running loop, which asyncio only logs, be a finding."""

        def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            self.finding(f"{context['message']}: {context.get('exception')!r}")

        asyncio.get_running_loop().set_exception_handler(note)


@dataclass(eq=False)
class Question:
    """One question under way; `settled` gives whether it was answered."""

    subject: Subject
    token: Any
    asked: float
    octets: bytes
    settled: asyncio.Future[bool]


class Line:
    """What UDP and TCP have in common: questions by their ID, and the judgement."""

    transport_name = ""

    def __init__(self, report: Report, server: Address, source: Address) -> None:
        self._report = report
        self._server = server
        self._source = source
        self._idents = itertools.cycle(range(1, 1 << 16))
        self._pending: dict[int, Question] = {}

    def send(self, subject: Subject) -> Question:
        """Ask now."""
        ident = next(self._idents)
        now = time.monotonic()
        octets = query(subject.name, subject.qtype, edns=opt(), ident=ident)
        question = Question(subject, subject.begin(now), now, octets, asyncio.get_running_loop().create_future())
        self._pending[ident] = question
        self._transmit(ident, question)
        return question

    async def settled(self, question: Question) -> None:
        """Wait for an answer; where none comes, ask again."""
        deadline = question.asked + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.wait({question.settled}, timeout=REPEAT_SECONDS)
            if question.settled.done() and question.settled.result():
                return
            self._report.counts[f"{self.transport_name} asked again"] += 1
            question = self.send(question.subject)
        self._report.finding(f"no answer for {question.subject.name} in {PATIENCE_SECONDS:g} s {self}")

    async def ask(self, subject: Subject) -> None:
        """Ask, and wait for the answer."""
        await self.settled(self.send(subject))

    def _transmit(self, ident: int, question: Question) -> None:
        raise NotImplementedError

    def _answered(self, octets: bytes) -> None:
        now = time.monotonic()
        question = self._pending.pop(int.from_bytes(octets[:2], "big"), None)
        if question is None:
            self._report.finding(f"an answer to no question {self}: {octets.hex()}")
            return
        self._report.counts[f"{self.transport_name} answers"] += 1
        subject = question.subject
        try:
            response = read(octets)
            wrong = self._malformed(response, subject) or subject.wrong(question.token, response, now)
        except dns.exception.DNSException as error:
            wrong = f"can't be read ({error}): {octets.hex()}"
        if wrong is not None:
            asked = question.asked - self._report.began
            self._report.finding(f"{subject.name} {subject.qtype} {wrong}; asked at {asked:.3f} {self}")
        self._settle(question, answered=True)

    def _malformed(self, response: dns.message.Message, subject: Subject) -> str | None:
        asked = [str(rrset.name).rstrip(".") for rrset in response.question]
        if asked != [subject.name] or not response.flags & dns.flags.QR or not response.flags & dns.flags.AA:
            return f"is no authoritative answer: {response.to_text()!r}"
        return None

    @staticmethod
    def _settle(question: Question, *, answered: bool) -> None:
        question.subject.end(question.token)
        if not question.settled.done():
            question.settled.set_result(answered)

    def _lost(self, idents: Iterable[int]) -> None:
        for ident in list(idents):
            question = self._pending.pop(ident, None)
            if question is not None:
                self._settle(question, answered=False)

    def __str__(self) -> str:
        """For the context of a finding."""
        return f"over {self.transport_name} from {self._source[0]} port {self._source[1]}"


class UdpLine(Line, asyncio.DatagramProtocol):
    """A connected UDP socket."""

    transport_name = "UDP"
    _datagrams: asyncio.DatagramTransport

    async def open(self) -> "UdpLine":
        """Bind the source."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=self._source, remote_addr=self._server
        )
        self._datagrams = transport
        return self

    def _transmit(self, ident: int, question: Question) -> None:
        self._datagrams.sendto(question.octets)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Judge (asyncio's name)."""
        self._answered(data)

    async def close(self) -> None:
        """Give up what was not answered."""
        self._datagrams.close()
        self._lost(self._pending)


class TcpLine(Line, asyncio.Protocol):
    """A connection that is kept as long as it lives and made anew, from the same source, when it is needed."""

    transport_name = "TCP"

    def __init__(self, report: Report, server: Address, source: Address) -> None:
        super().__init__(report, server, source)
        self._stream: asyncio.Transport | None = None
        self._on_stream: set[int] = set()
        self._reader = FrameReader()
        self._opening: asyncio.Task[None] | None = None
        self._free = asyncio.Event()
        self._free.set()

    def _transmit(self, ident: int, question: Question) -> None:
        if self._stream is not None and not self._stream.is_closing():
            self._write(ident, question)
        elif self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open())

    def _write(self, ident: int, question: Question) -> None:
        assert self._stream is not None
        self._on_stream.add(ident)
        self._stream.write(framed(question.octets))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        await self._free.wait()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            try:
                sock.bind(self._source)
                await loop.sock_connect(sock, self._server)
                self._free.clear()
                await loop.create_connection(lambda: self, sock=sock.dup())
            except OSError as error:
                self._free.set()
                self._report.counts[f"TCP {type(error).__name__}"] += 1
                await asyncio.sleep(RETRY_SECONDS)
                self._lost(self._pending)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask what has been waiting (asyncio's name)."""
        assert isinstance(transport, asyncio.Transport)
        self._stream = transport
        self._reader = FrameReader()
        self._report.counts["TCP connections"] += 1
        for ident, question in self._pending.items():
            self._write(ident, question)

    def data_received(self, data: bytes) -> None:
        """Judge (asyncio's name)."""
        self._reader.feed(data)
        while (message := self._reader.message()) is not None:
            self._on_stream.discard(int.from_bytes(message[:2], "big"))
            self._answered(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """What was not answered is asked again (asyncio's name)."""
        self._stream = None
        self._free.set()
        self._lost(self._on_stream)
        self._on_stream.clear()

    def renew(self) -> None:
        """Let the next question open a connection, unless one is under way."""
        if self._stream is not None and not self._pending:
            self._stream.abort()

    async def close(self) -> None:
        """Hang up."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._stream is not None:
            self._stream.abort()
        await self._free.wait()
        self._lost(self._pending)


class Everywhere:
    """A line to each UDP and each TCP socket of a server, from one loopback address of its own."""

    def __init__(self, udp: list[UdpLine], tcp: list[TcpLine]) -> None:
        self.udp = udp
        self.tcp = tcp
        self.lines: list[Line] = [*udp, *tcp]

    @classmethod
    async def open(cls, report: Report, server: Address, host: str, pids: list[int]) -> "Everywhere":
        """Learn the sources; `pids` are the workers, which stand still meanwhile."""
        udp = learn(server, host, tcp=False, pids=pids)
        tcp = learn(server, host, tcp=True, pids=pids)
        return cls(
            [await UdpLine(report, server, source).open() for source in udp.values()],
            [TcpLine(report, server, source) for source in tcp.values()],
        )

    def send(self, subject: Subject) -> list[tuple[Line, Question]]:
        """Ask every socket now, one question each."""
        return [(line, line.send(subject)) for line in self.lines]

    async def ask(self, subject: Subject) -> None:
        """Ask every socket and wait for all answers."""
        await asyncio.gather(*(line.settled(question) for line, question in self.send(subject)))

    async def close(self) -> None:
        """Close all."""
        for line in (*self.udp, *self.tcp):
            await line.close()


async def within(seconds: float, condition: Callable[[], Any], what: str | Callable[[], str]) -> None:
    """Look again and again until something is so; fails where it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        await asyncio.sleep(0.02)


def totals(counts: Counter[str]) -> Iterable[str]:
    """Lines of a table."""
    return (f"  {what:<34}{number:>12,}" for what, number in sorted(counts.items()))
