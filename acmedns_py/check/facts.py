"""What was asked of a name server and what came back, as plain values that judging needs no network for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, type_to_text
from acmedns_py.dns.rrset import RRset

USUAL_PAYLOAD: Final = 1232
"""What Let's Encrypt's resolvers advertise (DNS flag day 2020)."""


class Problem(StrEnum):
    """Why there is no usable response."""

    TIMEOUT = "no response in time"
    REFUSED = "nobody listens there"
    UNREACHABLE = "no way leads there"
    HOST_DOWN = "a router on the way says that nothing is there"
    MALFORMED = "the response can't be read"
    OTHER_SOURCE = "the response came from another address"
    CLOSED = "the connection was closed without a response"
    LIMIT = "not asked: this check has asked too much already"
    TIME_OVER = "not asked: the time of this check has run out"


@dataclass(frozen=True, slots=True)
class Question:
    """One query: `qname` in the letter case that it is sent in; `payload` is EDNS's, None for a query without EDNS."""

    qname: bytes
    qtype: int
    tcp: bool = False
    payload: int | None = USUAL_PAYLOAD
    dnssec_ok: bool = False
    recursion_desired: bool = False
    checking_disabled: bool = False

    def dig(self, address: str) -> str:
        """Give the dig line that asks the same."""
        options = [] if self.recursion_desired else ["+norecurse"]
        options.append("+tcp" if self.tcp else "+ignore")
        options.append("+noedns" if self.payload is None else f"+bufsize={self.payload}")
        if self.dnssec_ok:
            options.append("+dnssec")
        if self.checking_disabled:
            options.append("+cdflag")
        # Quoted where a shell would read more than a name.
        text = name.to_text(self.qname)
        shown = text if text.isascii() and all(one.isalnum() or one in "._-" for one in text) else f"'{_quoted(text)}'"
        return " ".join(["dig", *options, f"@{address}", shown, type_to_text(self.qtype)])


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server said to one question; where `problem` is set there is no response, and the rest is empty.

    `address` is who was asked, `detail` the machine's own words about the problem, `payload` the EDNS payload of the
    response, None without EDNS; `authentic`: a resolver says that it has validated what it answers (AD);
    `case_kept`: the question came back in the letter case that it was asked in.
    """

    question: Question
    address: str
    problem: Problem | None = None
    detail: str = ""
    rcode: int = Rcode.NOERROR
    authoritative: bool = False
    truncated: bool = False
    recursion_available: bool = False
    authentic: bool = False
    payload: int | None = None
    case_kept: bool = True
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    extended_errors: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    def found(self, owner: bytes, rrtype: int) -> RRset | None:
        """Give a set of the answer section."""
        return _of(self.answer, owner, rrtype)

    def referral(self, below: bytes) -> RRset | None:
        """Give the NS set of a delegation to `below` or to a zone above it, without authority (RFC 1034 4.3.2)."""
        if self.authoritative or self.rcode != Rcode.NOERROR or self.answer:
            return None
        for rrset in self.authority:
            if rrset.rrtype == 2 and rrset.owner != name.ROOT and name.is_subdomain(below, rrset.owner):
                return rrset
        return None

    @property
    def unasked(self) -> bool:
        """Whether a bound of the check itself left it without an answer, so that it says nothing of the server."""
        return self.problem in {Problem.LIMIT, Problem.TIME_OVER}

    @property
    def untested(self) -> bool:
        """Whether it was not asked, or this machine has no way there: it says nothing of the server either."""
        return self.unasked or self.problem is Problem.UNREACHABLE

    @property
    def repeat(self) -> str:
        """The dig line that shows it again."""
        return self.question.dig(self.address)


def targets(rrset: RRset | None) -> frozenset[bytes]:
    """Give the names that NS, CNAME or PTR records lead to, folded."""
    return frozenset() if rrset is None else frozenset(map(name.folded, rrset.rdatas))


def texts(rrset: RRset | None) -> frozenset[bytes]:
    """Give the values of TXT records, each with its strings joined."""
    return frozenset() if rrset is None else frozenset(b"".join(_strings(rdata)) for rdata in rrset.rdatas)


def serial(rrset: RRset) -> int:
    """Give the serial of an SOA record (RFC 1035 3.3.13)."""
    return int.from_bytes(rrset.rdatas[0][-20:-16])


def _of(section: tuple[RRset, ...], owner: bytes, rrtype: int) -> RRset | None:
    return next((rrset for rrset in section if (rrset.owner, rrset.rrtype) == (owner, rrtype)), None)


def _strings(rdata: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(rdata):
        length = rdata[position]
        yield rdata[position + 1 : position + 1 + length]
        position += 1 + length


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''")
