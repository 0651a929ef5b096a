"""The check's one way to name servers: a bounded question to one address, and what came of it as an `Answer`.

Nothing that a server sends, or does not send, raises here. dnspython carries and reads the messages.
"""

import asyncio
import errno
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Final

import dns.asyncbackend
import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from acmedns_py.check.deadline import Deadline, usual_seconds
from acmedns_py.check.facts import Answer, Problem, Question
from acmedns_py.check.finding import told
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.rrset import RRset, merged

DNS_PORT: Final = 53
"""Resolvers ask at no other."""

NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM})
"""What this machine itself says where it has no way to an address; a router on the way says EHOSTUNREACH."""

AT_ONCE: Final = 200
"""Questions on their way together, where somebody waits for the check."""

SILENT_QUESTIONS: Final = 3
"""So many without an answer, each sent again, and none with one: the address is not asked any more in this check."""


ZONE_QUESTIONS: Final = 20_000
"""For a zone by itself; a sound one takes some fifty, and one with 26 servers some thousand."""

HOST_QUESTIONS: Final = 40
"""For each host more; one takes about ten where its zone has four addresses, and as many again with 16."""


def usual_questions(hosts: int) -> int:
    """Give how much a check of so many hosts may ask."""
    return ZONE_QUESTIONS + hosts * HOST_QUESTIONS


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one try may take, how often a lost datagram is sent, how many questions at once and in all.

    `at_once_each` is for one address: more of them look like an attack there, and are dropped (response rate limiting).
    """

    seconds: float = 2.0
    tries: int = 2
    at_once: int = AT_ONCE
    at_once_each: int = 25
    in_all: int = ZONE_QUESTIONS


@dataclass(slots=True)
class _Address:
    """What one address has answered so far to one way of asking."""

    heard: bool = False
    unanswered: int = 0

    @property
    def silent(self) -> bool:
        return not self.heard and self.unanswered >= SILENT_QUESTIONS


class Asker:
    """Asks name servers, within its limits and until a deadline."""

    def __init__(self, limits: Limits = Limits(), *, deadline: Deadline | None = None, port: int = DNS_PORT) -> None:
        """Ask nothing yet; without a `deadline` there is that of a check without hosts."""
        self.deadline = deadline or Deadline(usual_seconds(0))
        self._limits = limits
        self._port = port
        self._left = limits.in_all
        self._turns = asyncio.Semaphore(limits.at_once)
        self._turns_each: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.at_once_each))
        self._met: dict[tuple[str, bool, bool, bool], _Address] = defaultdict(_Address)
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def ask(self, question: Question, address: str) -> Answer:
        """Ask one address; a datagram that is lost is sent again, and one that never answers is not asked for ever."""
        if self._left <= 0:
            return Answer(question, address, Problem.LIMIT)
        self._left -= 1
        # What drops EDNS, one transport or questions for NS, as load balancers do, may well answer to others.
        met = self._met[address, question.tcp, question.payload is None, question.qtype == RRType.NS]
        answer = Answer(question, address, Problem.TIMEOUT)
        for _ in range(1 if question.tcp else self._limits.tries):
            async with self._turns_each[address], self._turns:
                if met.silent:
                    return replace(answer, detail="as to all questions before")
                answer = await self._once(question, address)
            if answer.problem is not Problem.TIMEOUT:
                break
        met.heard = met.heard or answer.problem is None
        met.unanswered += answer.problem is Problem.TIMEOUT
        return answer

    async def ask_whole(self, question: Question, address: str) -> Answer:
        """Ask, and where the answer is cut short ask again over TCP, as resolvers do (RFC 7766 5)."""
        answer = await self.ask(question, address)
        if not answer.truncated or question.tcp:
            return answer
        return await self.ask(replace(question, tcp=True), address)

    async def _once(self, question: Question, address: str) -> Answer:
        seconds = min(self._limits.seconds, self.deadline.left_seconds)
        if not seconds:
            return Answer(question, address, Problem.TIME_OVER)
        query = _query(question)
        begun = time.monotonic()
        ask = dns.asyncquery.tcp if question.tcp else dns.asyncquery.udp
        try:
            async with asyncio.timeout(seconds):
                response = await ask(query, address, timeout=seconds, port=self._port, backend=self._backend)
            return _answer(question, address, response, time.monotonic() - begun)
        except (TimeoutError, dns.exception.Timeout):
            # Who had less time than others is not called silent.
            problem = Problem.TIMEOUT if seconds == self._limits.seconds else Problem.TIME_OVER
            return Answer(question, address, problem)
        except dns.query.UnexpectedSource as error:
            return Answer(question, address, Problem.OTHER_SOURCE, told(str(error)))
        except EOFError:
            return Answer(question, address, Problem.CLOSED)
        except ConnectionResetError:
            return Answer(question, address, Problem.CLOSED)
        except OSError as error:
            return Answer(question, address, _reason(error), told(error.strerror or str(error)))
        except Exception as error:  # noqa: BLE001 - the reader of foreign octets may trip over any of them
            return Answer(question, address, Problem.MALFORMED, told(f"{type(error).__name__}: {error}"))


def record_lines(rrset: RRset) -> list[str]:
    """Give the lines of a zone file for a set, what is not ASCII escaped."""
    front = f"{name.to_text(rrset.owner)} {rrset.ttl} IN {type_to_text(rrset.rrtype)}"
    return [f"{front} {rdata_text(rrset, place)}" for place in range(len(rrset.rdatas))]


def rdata_text(rrset: RRset, place: int = 0) -> str:
    """Give the data of one record of a set in presentation form."""
    rdata, rrtype = rrset.rdatas[place], dns.rdatatype.RdataType.make(rrset.rrtype)
    return told(dns.rdata.from_wire(dns.rdataclass.IN, rrtype, rdata, 0, len(rdata)).to_text())


def _query(question: Question) -> dns.message.QueryMessage:
    flags = dns.flags.Flag(0)
    if question.recursion_desired:
        flags |= dns.flags.RD
    if question.checking_disabled:
        flags |= dns.flags.CD
    query = dns.message.make_query(
        _name(question.qname),
        dns.rdatatype.RdataType.make(question.qtype),
        use_edns=False if question.payload is None else 0,
        payload=question.payload or 0,
        want_dnssec=question.dnssec_ok,
        flags=flags,
    )
    assert isinstance(query, dns.message.QueryMessage), "a question makes a query"
    return query


def _name(wire: bytes) -> dns.name.Name:
    return dns.name.Name((*name.labels(wire), b""))


def _answer(question: Question, address: str, response: dns.message.Message, seconds: float) -> Answer:
    return Answer(
        question,
        address,
        rcode=int(response.rcode()),
        authoritative=bool(response.flags & dns.flags.AA),
        truncated=bool(response.flags & dns.flags.TC),
        recursion_available=bool(response.flags & dns.flags.RA),
        authentic=bool(response.flags & dns.flags.AD),
        payload=int(response.payload) if response.edns >= 0 else None,
        case_kept=_echoed(response) == question.qname,
        answer=_section(response.answer),
        authority=_section(response.authority),
        additional=_section(response.additional),
        extended_errors=tuple(told(_ede(option)) for option in response.extended_errors()),
        seconds=seconds,
    )


def _echoed(response: dns.message.Message) -> bytes | None:
    return response.question[0].name.to_wire() if response.question else None


def _ede(option: dns.edns.EDEOption) -> str:
    return f"{int(option.code)} ({option.text})" if option.text else str(int(option.code))


def _section(section: list[dns.rrset.RRset]) -> tuple[RRset, ...]:
    """Give the sets of class IN; names inside their data are kept in the case that they came in."""
    return tuple(
        merged(
            RRset(
                name.folded(rrset.name.to_wire() or b""),
                int(rrset.rdtype),
                rrset.ttl,
                tuple(rdata.to_wire() or b"" for rdata in rrset),
            )
            for rrset in section
            if rrset.rdclass == dns.rdataclass.IN
        )
    )


def _reason(error: OSError) -> Problem:
    if isinstance(error, ConnectionRefusedError):
        return Problem.REFUSED
    if error.errno == errno.EHOSTUNREACH:
        return Problem.HOST_DOWN
    return Problem.UNREACHABLE if error.errno in NO_WAY else Problem.CLOSED
