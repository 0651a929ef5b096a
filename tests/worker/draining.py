"""The three functions that drain UDP sockets, each on sockets that are as the service binds them."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

from acmedns_py.dns.responder import Transport
from acmedns_py.service.sockets import Address, bind_dns
from acmedns_py.worker import drain
from tests.dns.example import NOW
from tests.server import free_port
from tests.tools import peers

NAMES = ("batch", "plain", "wildcard")
SECONDS = 30

Answer = Callable[..., Any]
"""What stands for `Responder.respond`: gets octets, source, transport and time."""


def named(name: str) -> drain.Drain:
    """Give a function by its name; "batch" is the compiled one, without which the running test is skipped or fails."""
    if name != "batch":
        return {"plain": drain.plain, "wildcard": drain.wildcard}[name]
    try:
        from acmedns_py.worker import _batch
    except ImportError:
        peers.missing("the batch module is not built here; with gcc and Python's headers, make peers builds it")
    return _batch.drain


def unchanged(octets: bytes, *_: object) -> bytes:
    """Answer with the query, or truncate to the same."""
    return octets


class Door:
    """A bound UDP socket and who asks there."""

    def __init__(self, host: str, function: drain.Drain, *, wildcard: bool) -> None:
        """Bind `host`, or the wildcard address of its family."""
        address = ipaddress.ip_address(host.partition("%")[0])
        any_address = ipaddress.ip_address("0.0.0.0" if address.version == 4 else "::")
        self.port = free_port()
        (bound,) = bind_dns([Address(any_address if wildcard else address, self.port)], protocol="udp", workers=1)
        self.sock = bound.sock
        self._host = host
        self._drain = function

    def client(self) -> socket.socket:
        """Give a socket that takes answers from the asked address alone."""
        sock = socket.socket(self.sock.family, socket.SOCK_DGRAM)
        sock.settimeout(SECONDS)
        sock.connect(socket.getaddrinfo(self._host, self.port, type=socket.SOCK_DGRAM)[0][4])
        return sock

    def drain(self, respond: Answer, truncated: Answer = unchanged) -> tuple[int, bool]:
        """Drain one batch."""
        return self._drain(self.sock, respond, truncated, Transport.UDP, NOW)


@contextlib.contextmanager
def door(host: str, function: drain.Drain, *, wildcard: bool = False) -> Iterator[tuple[Door, socket.socket]]:
    """Give a door and one client of it until the end of the block."""
    made = Door(host, function, wildcard=wildcard)
    with made.sock, made.client() as client:
        yield made, client
