"""A query and its response as values, in the words of RFC 1035 4.1, and how and when a query came."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from acmedns_py.dns.codes import EDE, Opcode, Rcode
from acmedns_py.dns.edns import Edns
from acmedns_py.dns.rrset import RRset


class Transport(Enum):
    """How a query came: decides how long its response may be."""

    UDP = "udp"
    TCP = "tcp"


class Now(NamedTuple):
    """The time of a batch of queries, in seconds: one clock that never jumps, and one that others share."""

    monotonic: float
    unix: float


@dataclass(frozen=True, slots=True)
class Query:
    """A message in, as far as it could be read.

    `question` holds the octets of the question section as they came, to be echoed letter for letter, and is empty
    where none could be read, or where only a cookie was asked for; `qname` is the folded form of the name in it.
    """

    id: int
    opcode: int
    recursion_desired: bool = False
    question: bytes = b""
    qname: bytes = b""
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A message out, before it meets a size limit.

    `glue` belongs to the additional section and may not be left out (RFC 9471 2); `additional` may. `ede_text` says to
    people what the extended error does not.
    """

    query: Query
    rcode: int = Rcode.NOERROR
    authoritative: bool = False
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    glue: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    ede: EDE | None = None
    ede_text: str = ""

    def __post_init__(self) -> None:
        """Refuse what has no octets: an extended rcode needs an OPT, and other opcodes have no answers here."""
        assert self.rcode < 16 or self.query.edns is not None, "an extended rcode without OPT"
        assert self.query.opcode == Opcode.QUERY or self.rcode == Rcode.NOTIMP, "only queries are answered"
