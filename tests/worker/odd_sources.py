"""Run in a network namespace with two links, `near` and `far`: asks from odd sources, and says what came.

Argument: the name of the function that drains.
"""

import socket
import struct
import sys

from tests.worker.draining import SECONDS, door, named, unchanged


def from_port_0() -> None:
    """Nothing can be sent there; what was asked before and behind is answered."""
    ports = []

    def respond(octets: bytes, source: bytes, *_: object) -> bytes:
        ports.append(int.from_bytes(source[2:4], "big"))
        return octets

    with (
        door("127.0.0.1", DRAIN, wildcard=WILDCARD) as (here, client),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw,
    ):
        client.send(b"before")
        raw.sendto(struct.pack("!4H", 0, here.port, 8 + 4, 0) + b"zero", ("127.0.0.1", 0))
        client.send(b"behind")
        sent, _ = here.drain(respond)
        assert ports == [client.getsockname()[1], 0, client.getsockname()[1]]
        assert sent == 2
        assert [client.recv(100), client.recv(100)] == [b"before", b"behind"]


def asked_from(source: str, asked: str) -> None:
    """Ask a wildcard socket at the one address from the other."""
    with door(asked, DRAIN, wildcard=True) as (here, _), socket.socket(here.sock.family, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.bind(socket.getaddrinfo(source, 0, type=socket.SOCK_DGRAM)[0][4])
        client.connect(socket.getaddrinfo(asked, here.port, type=socket.SOCK_DGRAM)[0][4])
        client.send(b"x")
        assert here.drain(unchanged) == (1, False), (source, asked)
        assert client.recv(100) == b"x"


DRAIN = named(sys.argv[1])
WILDCARD = sys.argv[1] != "plain"
from_port_0()
if WILDCARD:
    asked_from("198.51.100.2", "198.51.100.1")
    asked_from("2001:db8::2", "2001:db8::1")
    asked_from("2001:db8::1", "fe80::1%near")
    asked_from("fe80::1%near", "fe80::1%near")
print("answered")
