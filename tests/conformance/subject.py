"""The server that takes the exam, known by its address alone, and how it is asked."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.message

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case
from tests.conformance.judge import differences
from tests.conformance.repeat import command
from tests.dns.example import Z
from tests.dns.packets import query, read

SECONDS = 10
LAST_QUERY = "to repeat the last query"
SENTINELS = (0x5E17, 0x5E18, 0x5E19)
"""IDs of queries that every server answers, sent one after the other behind a row's own: when the last answer has
come, silence before it was meant. One would do where a server answers in order; several threads may not."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server on an address; `identity` is its NSID where that is known, and `tcp_idle_seconds` its idle time.

    `asked` has the last query of `ask`, for whoever has to repeat it.
    """

    name: str
    host: str
    port: int
    identity: bytes | None = None
    tcp_idle_seconds: int | None = None
    asked: list[tuple[bytes, Transport]] = field(default_factory=list, compare=False)

    def ask(self, octets: bytes, transport: Transport) -> bytes | None:
        """Send one message and give the answer, None for silence or a closed connection."""
        self.asked[:] = [(octets, transport)]
        return self.ask_udp(octets) if transport is Transport.UDP else self.ask_tcp(octets)

    def ask_udp(self, octets: bytes) -> bytes | None:
        """Send one datagram and give the answer, None for silence."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(SECONDS)
            sock.connect((self.host, self.port))
            sock.send(octets)
            for sentinel in SENTINELS:
                sock.send(query(Z, "SOA", ident=sentinel))
                while (received := sock.recv(65535))[:2] != struct.pack("!H", sentinel):
                    if int.from_bytes(received[:2], "big") not in SENTINELS:
                        return received
        return None

    def ask_tcp(self, octets: bytes) -> bytes | None:
        """Send one message over a connection of its own and give the answer, None where there is none.

        The sending side is closed behind the message, so that a server that has nothing to say closes as well.
        """
        with self.connection() as sock:
            sock.sendall(framed(octets))
            end_of_queries(sock)
            return received(sock)

    def answer(self, octets: bytes, transport: Transport = Transport.UDP) -> dns.message.Message:
        """Send one message that must be answered and give what came, parsed strictly."""
        response = self.ask(octets, transport)
        assert response is not None, "silence"
        return read(response)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """A TCP connection until the end of the block."""
        with socket.create_connection((self.host, self.port), SECONDS) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock

    def check(self, case: Case, transport: Transport) -> None:
        """Ask a row over one transport; fails with what differs."""
        found = differences(case, self.ask(case.query, transport))
        assert not found, "\n".join([f"{self.name}: {case.title}", *found, *([case.choice] if case.choice else [])])

    def repeat(self) -> str:
        """The command that repeats the last query, empty before the first one."""
        return "".join(command(octets, self.host, self.port, transport) for octets, transport in self.asked)


def end_of_queries(sock: socket.socket) -> None:
    """Close the sending side, which the server may have answered by closing both already."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def framed(octets: bytes) -> bytes:
    """Give a message behind its length (RFC 1035 4.2.2)."""
    return struct.pack("!H", len(octets)) + octets


def received(sock: socket.socket) -> bytes | None:
    """Read one message, None where the connection ends before it is whole."""
    length = _exactly(sock, 2)
    return None if length is None else _exactly(sock, int.from_bytes(length, "big"))


def _exactly(sock: socket.socket, octets: int) -> bytes | None:
    got = b""
    while len(got) < octets:
        try:
            piece = sock.recv(octets - len(got))
        except ConnectionResetError:
            return None
        if not piece:
            return None
        got += piece
    return got
