"""Notes of queries for the log: taken here, fetched by the control process, which has something to log with.

It stands between the sockets and the core. While nothing is to be noted, `respond` is the core's own and costs nothing.
Nothing here waits: notes are kept until they are asked for, so many at the most; those beyond are counted alone.
"""

from typing import Protocol

from acmedns_py.dns.codes import Rcode
from acmedns_py.dns.message import Now, Transport
from acmedns_py.feed.frames import MOST_NOTED, MOST_QUESTION_OCTETS, TYPE_AND_CLASS_OCTETS, NotedQuery

_HEADER_OCTETS = 12
_COUNTS = slice(4, 12)
_OPT_ALONE = bytes((0, 1, 0, 0, 0, 0, 0, 1))
"""Counts of a message with a question and one record, which is in the additional section."""

_UPPER_BITS = 5
"""Where they stand in an OPT record."""

_NORMAL = frozenset((Rcode.NOERROR, Rcode.NXDOMAIN))


class Core(Protocol):
    """What answers; `Responder` does."""

    def respond(self, query: bytes, source: bytes, transport: Transport, now: Now) -> bytes | None:
        """Give the octets of the answer, None for silence."""

    def truncated(self, response: bytes) -> bytes:
        """Give the form of an answer that fits any path."""


class QueryLog:
    """The core with notes taken beside it; `unlogged` counts those for which there was no room."""

    def __init__(self, core: Core, apex: bytes) -> None:
        """Take no notes yet; `apex` is folded."""
        self._core = core
        self._apex = apex
        self._noted: list[NotedQuery] = []
        self._one_in = self._left = 1
        self.unlogged = 0
        self.respond = core.respond
        self.truncated = core.truncated

    def note(self, rule: str) -> None:
        """Note what the rule says from here on: "off", "errors", "names", or one query in N by "1/N"."""
        self._one_in, self._left = int(rule[2:]) if rule.startswith("1/") else 1, 1
        respond = {"off": self._core.respond, "errors": self._errors, "names": self._names}
        self.respond = respond.get(rule, self._some)

    def taken(self) -> tuple[NotedQuery, ...]:
        """Give the notes since the last time, oldest first."""
        noted, self._noted = tuple(self._noted), []
        return noted

    def _errors(self, query: bytes, source: bytes, transport: Transport, now: Now) -> bytes | None:
        response = self._core.respond(query, source, transport, now)
        if response is not None and _rcode(response) not in _NORMAL:
            self._keep(query, source, transport, now, response)
        return response

    def _names(self, query: bytes, source: bytes, transport: Transport, now: Now) -> bytes | None:
        """Note queries for names below the apex: whether or not they exist, as a client's mistake is one that does not.

        A name outside the zone gets another code, so that the end of the octets is enough to look at.
        """
        response = self._core.respond(query, source, transport, now)
        if response is not None and _rcode(response) in _NORMAL:
            name = query[_HEADER_OCTETS : _end_of_name(query)].lower()
            if name.endswith(self._apex) and len(name) > len(self._apex):
                self._keep(query, source, transport, now, response)
        return response

    def _some(self, query: bytes, source: bytes, transport: Transport, now: Now) -> bytes | None:
        response = self._core.respond(query, source, transport, now)
        self._left -= 1
        if self._left <= 0 and response is not None:
            self._left = self._one_in
            self._keep(query, source, transport, now, response)
        return response

    def _keep(self, query: bytes, source: bytes, transport: Transport, now: Now, response: bytes) -> None:
        if len(self._noted) >= MOST_NOTED:
            self.unlogged += 1
            return
        end = _end_of_name(query) + TYPE_AND_CLASS_OCTETS
        question = query[_HEADER_OCTETS : min(end, _HEADER_OCTETS + MOST_QUESTION_OCTETS)]
        self._noted.append(NotedQuery(now.unix, source, transport is Transport.TCP, question, _rcode(response)))


def _end_of_name(message: bytes) -> int:
    """Give where the question's name ends: label by label, as a label may have a zero octet in it (RFC 2181 11).

    Of what is answered though its name is cut or compressed, it is behind the end of the octets.
    """
    position = _HEADER_OCTETS
    while position < len(message) and message[position]:
        position += 1 + message[position]
    return position + 1


def _rcode(response: bytes) -> int:
    """Give the whole code: OPT has the upper bits (RFC 6891 6.1.3), and where they count it is the only record."""
    low = response[3] & 0xF
    if response[_COUNTS] != _OPT_ALONE:
        return low
    return response[_end_of_name(response) + TYPE_AND_CLASS_OCTETS + _UPPER_BITS] << 4 | low
