"""The check's one way to name servers: a bounded question to one address, and what came of it as an `Answer`.

Nothing that a server sends, or does not send, raises here. What is too long to be an honest answer is not read.
"""

import asyncio
import errno
import socket
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from acmedns_py.check.deadline import Deadline, usual_seconds
from acmedns_py.check.facts import Answer, Problem, Question
from acmedns_py.check.finding import told
from acmedns_py.check.messages import query_for, read_response
from acmedns_py.dns.codes import RRType

DNS_PORT: Final = 53
"""Resolvers ask at no other."""

NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM})
"""What this machine itself says where it has no way to an address; a router on the way says EHOSTUNREACH."""

MOST_OCTETS: Final = 16_384
"""Of one response that is read: four times what 100 values, or 26 servers with signatures, take. Reading takes time."""

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
        self._reading = asyncio.Lock()
        self._met: dict[tuple[str, bool, bool, bool], _Address] = defaultdict(_Address)

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
        query = query_for(question)
        begun = time.monotonic()
        exchange = _over_tcp if question.tcp else _over_udp
        try:
            async with asyncio.timeout(seconds):
                response = await exchange(query.to_wire(), address, self._port)
            taken = time.monotonic() - begun
            async with self._reading:
                # Between any two that are read, which takes time, what others answer is noticed, and is not too late.
                await asyncio.sleep(0)
                if self.deadline.over:
                    return Answer(question, address, Problem.TIME_OVER)
                return read_response(response, query, question, address, seconds=taken)
        except TimeoutError:
            # Who had less time than others is not called silent.
            problem = Problem.TIMEOUT if seconds == self._limits.seconds else Problem.TIME_OVER
            return Answer(question, address, problem)
        except _OtherSourceError as error:
            return Answer(question, address, Problem.OTHER_SOURCE, told(str(error)))
        except _TooLongError as error:
            return Answer(question, address, Problem.TOO_LONG, told(str(error)))
        except EOFError:
            return Answer(question, address, Problem.CLOSED)
        except ConnectionResetError:
            return Answer(question, address, Problem.CLOSED)
        except OSError as error:
            return Answer(question, address, _reason(error), told(error.strerror or str(error)))
        except Exception as error:  # noqa: BLE001 - the reader of foreign octets may trip over any of them
            return Answer(question, address, Problem.MALFORMED, told(f"{type(error).__name__}: {error}"))


class _OtherSourceError(Exception):
    """A datagram came from another address than the one that was asked."""


class _TooLongError(Exception):
    """A response is so long that it is not read."""


async def _over_udp(query: bytes, address: str, port: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(sock, query, (address, port))
        # One octet more shows that it is longer.
        response, source = await loop.sock_recvfrom(sock, MOST_OCTETS + 1)
    if (ip_address(source[0]), source[1]) != (ip_address(address), port):
        raise _OtherSourceError(f"{source[0]} port {source[1]}")
    _refuse_above(len(response))
    return response


async def _over_tcp(query: bytes, address: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(len(query).to_bytes(2) + query)
        size = int.from_bytes(await reader.readexactly(2))
        _refuse_above(size)
        return await reader.readexactly(size)
    finally:
        writer.transport.abort()


def _refuse_above(size: int) -> None:
    if size > MOST_OCTETS:
        raise _TooLongError(f"more than {MOST_OCTETS} octets")


def _reason(error: OSError) -> Problem:
    if isinstance(error, ConnectionRefusedError):
        return Problem.REFUSED
    if error.errno == errno.EHOSTUNREACH:
        return Problem.HOST_DOWN
    return Problem.UNREACHABLE if error.errno in NO_WAY else Problem.CLOSED
