"""The frames of the feed: what they are, and how they become octets and come back from any cut of a stream.

A frame is four octets of length (big-endian, of what follows) and one msgpack document, an array whose first
element names the kind. The order of frames is the order of truth: a worker that has handled frame n has handled
all before it, so a `Serve` behind some `Apply` frames is never obeyed with older data.

Control says: Setup, Static*, Challenges*, Loaded, then Serve, Apply, CookieSecrets, NoteQueries, Ask, Adopt, Release
and Stop.
A worker says: Hello once, Applied for each Loaded and each Apply, Report for each Ask, and before it Noted and
Questions where there is something.
"""

import struct
from typing import Final, Generic, TypeVar

import msgspec

from acmedns_py.dns.asked import MOST_NOTES
from acmedns_py.dns.policy import Policy
from acmedns_py.dns.table import Values
from acmedns_py.feed.changes import Commit, StaticData
from acmedns_py.feed.latency import NOTHING
from acmedns_py.feed.questions import AskedName
from acmedns_py.histogram import Seen

MAX_FRAME_OCTETS: Final = 1024 * 1024 * 1024
"""Far above any commit; a length beyond it means that the stream is torn."""

MOST_NOTED: Final = 100
"""Notes of queries that a worker keeps for the next Ask: some 200 a second."""

MOST_QUESTION_OCTETS: Final = 259
TYPE_AND_CLASS_OCTETS: Final = 4
"""The longest name (RFC 1035 2.3.4), type and class."""

_MOST_MISSED: Final = 2**32
"""Far above what a worker can be asked between two such frames."""

_LAST_SECOND: Final = 2.0**36
"""Beyond the year 4000."""

_SOURCE_OCTETS: Final = (16, 28)
"""As in `dns.source`."""

_LENGTH = struct.Struct(">I")

F = TypeVar("F")


class FeedError(Exception):
    """The stream can't be read any further; the connection must be closed."""


class Frame(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """The root of all frames; the class name is the tag on the wire."""


class Listener(msgspec.Struct, array_like=True, frozen=True):
    """One inherited DNS socket: whose it is, its descriptor, and whether it is bound to a wildcard address."""

    worker: int
    fd: int
    tcp: bool
    wildcard: bool


class Setup(Frame, frozen=True):
    """Who this worker is, what it serves and within which limits (connections in all and for each client)."""

    worker: int
    listeners: tuple[Listener, ...]
    apex: bytes
    txt_ttl: int
    policy: Policy
    tcp_connections: int
    tcp_connections_per_client: int


class Static(Frame, frozen=True):
    """A part of the snapshot: static RRsets as (owner, type, data)."""

    rrsets: tuple[tuple[bytes, int, StaticData], ...]


class Challenges(Frame, frozen=True):
    """A part of the snapshot: the next buckets of the table of challenge names with their marks, and names in none."""

    buckets: tuple[bytes, ...]
    marks: tuple[int, ...]
    others: tuple[tuple[bytes, Values], ...]


class Loaded(Frame, frozen=True):
    """The snapshot is complete and stands for this cursor."""

    cursor: int


class Serve(Frame, frozen=True):
    """Read the DNS sockets from now on."""


class Apply(Frame, frozen=True):
    """One commit on top of all before it."""

    commit: Commit


class CookieSecrets(Frame, frozen=True):
    """Exchange the secrets of DNS cookies."""

    secrets: tuple[bytes, ...]


class NoteQueries(Frame, frozen=True):
    """Note queries for the log: "off", "errors", "names", or one in N by "1/N"."""

    rule: str


class Ask(Frame, frozen=True):
    """Tell whether you are there and what you have counted."""


class Adopt(Frame, frozen=True):
    """Read the sockets of this dead sibling as well."""

    worker: int


class Release(Frame, frozen=True):
    """The sibling is back: leave its sockets to it."""

    worker: int


class Stop(Frame, frozen=True):
    """Answer what has arrived, close, exit; at most `grace_seconds`."""

    grace_seconds: float


class Hello(Frame, frozen=True):
    """The worker has loaded its modules and stands behind its fence; `fence` says in words how strong that is.

    `udp` says by what its UDP sockets are drained: "batch", the compiled module, or "python".
    """

    fence: str
    fenced: bool
    udp: str


class Applied(Frame, frozen=True):
    """Every answer from here on holds all changes up to this cursor."""

    cursor: int


class Report(Frame, frozen=True):
    """What a worker has counted since its start.

    Counters by name; how many answers each of its own listeners has sent, in their order; how many TCP connections
    there are at this moment; how long a sample of the answers took over UDP and TCP, by `feed.latency`.
    """

    counters: dict[str, int]
    answered: tuple[int, ...]
    connections: int = 0
    udp_latency: Seen = NOTHING
    tcp_latency: Seen = NOTHING

    def __post_init__(self) -> None:
        """Take no histogram of other bounds: a worker that was broken into may say anything."""
        for latency in (self.udp_latency, self.tcp_latency):
            if len(latency.counts) != len(NOTHING.counts):
                raise ValueError(f"a histogram of {len(latency.counts)} buckets")


class Questions(Frame, frozen=True):
    """Who asked for which challenge names since the last such frame, and how many questions there was no room for."""

    names: tuple[AskedName, ...]
    missed: int

    def __post_init__(self) -> None:
        """Take no more than a worker of ours says: each question that is counted has been a note."""
        if sum(asker.count for one in self.names for asker in one.askers) > MOST_NOTES:
            raise ValueError("more questions than there are notes")
        if not 0 <= self.missed < _MOST_MISSED:
            raise ValueError("more missed questions than can come")


_LAST_RCODE: Final = 0xFFF
"""With the upper bits in OPT (RFC 6891 6.1.3)."""


class NotedQuery(msgspec.Struct, array_like=True, frozen=True):
    """One query: Unix time, source as in `dns.source`, the octets of its question, the answer's RCODE."""

    unix: float
    source: bytes
    tcp: bool
    question: bytes
    rcode: int

    def __post_init__(self) -> None:
        """Take nothing that control could stumble over: a worker that was broken into may say anything."""
        if len(self.source) not in _SOURCE_OCTETS or len(self.question) > MOST_QUESTION_OCTETS:
            raise ValueError("a query that none can be")
        if not 0 <= self.unix <= _LAST_SECOND or not 0 <= self.rcode <= _LAST_RCODE:
            raise ValueError("a query of no time, or without an RCODE")

    def qname(self) -> bytes | None:
        """Give the name in wire form, in the case it came; None where the octets are no question."""
        owner = self.question[:-TYPE_AND_CLASS_OCTETS]
        position = 0
        while position < len(owner) and owner[position]:
            position += owner[position] + 1
        return owner if owner and position == len(owner) - 1 else None


class Noted(Frame, frozen=True):
    """Queries that were noted since the last Ask, oldest first."""

    queries: tuple[NotedQuery, ...]

    def __post_init__(self) -> None:
        """Take no more than a worker of ours says."""
        if len(self.queries) > MOST_NOTED:
            raise ValueError(f"{len(self.queries)} noted queries")


ControlFrame = (
    Setup | Static | Challenges | Loaded | Serve | Apply | CookieSecrets | NoteQueries | Ask | Adopt | Release | Stop
)
WorkerFrame = Hello | Applied | Noted | Questions | Report

_encoder = msgspec.msgpack.Encoder()
control_decoder: Final = msgspec.msgpack.Decoder(ControlFrame)
worker_decoder: Final = msgspec.msgpack.Decoder(WorkerFrame)


def encoded(frame: Frame) -> bytes:
    """Give the octets of one frame, length included."""
    body = _encoder.encode(frame)
    return _LENGTH.pack(len(body)) + body


class FrameStream(Generic[F]):
    """Cuts a stream of octets into frames, however the octets arrive."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[F]) -> None:
        """Take the decoder of the side that speaks: `control_decoder` or `worker_decoder`."""
        self._decoder = decoder
        self._buffer = bytearray()

    def receive(self, octets: bytes) -> list[F]:
        """Give the frames that these octets complete, in order.

        Raises `FeedError` for a length over `MAX_FRAME_OCTETS` and for a document that is none of our frames.
        """
        buffer = self._buffer
        buffer += octets
        frames: list[F] = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME_OCTETS:
                raise FeedError(f"a frame of {length} octets is over the limit of {MAX_FRAME_OCTETS}")
            end = start + _LENGTH.size + length
            if end > len(buffer):
                break
            try:
                frames.append(self._decoder.decode(buffer[start + _LENGTH.size : end]))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                # msgspec lets the last two out as they are: a text that is not UTF-8, and arrays in arrays in arrays.
                raise FeedError(f"not a frame of the feed: {error}") from error
            start = end
        del buffer[:start]
        return frames
