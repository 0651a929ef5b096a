"""What stands between resolvers and a good name server and spoils what goes through: one address for each fault.

python -m tests.check.middlebox UPSTREAM ADDRESS=FAULT ...; prints one line once it listens.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import sys
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

PORT = 53
SECONDS = 3

UDP, TCP = "udp", "tcp"

Box = Callable[[str, bytes, Callable[[bytes], bytes]], bytes | None]
"""Transport, query and the way to the good server in; what goes back out, None for silence."""


def _only(transport: str) -> Box:
    return lambda used, query, ask: ask(query) if used == transport else None


def _swallows(_used: str, query: bytes, _ask: Callable[[bytes], bytes]) -> None:
    """Answer nothing, and tell of each question."""
    print("swallowed", dns.message.from_wire(query).question[0], flush=True)


def _drops(unwanted: Callable[[dns.message.Message], bool]) -> Box:
    def box(used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes | None:
        return None if used == UDP and unwanted(dns.message.from_wire(query)) else ask(query)

    return box


def _garbage(_used: str, query: bytes, _ask: Callable[[bytes], bytes]) -> bytes:
    return query[:2] + b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"


def _lower_case(_used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    response = dns.message.from_wire(ask(query))
    response.question[0].name = response.question[0].name.canonicalize()
    return response.to_wire()


_CANARY = b"\x0e_acmedns-check"
_FIRST: list[float] = []
LATE_SECONDS = 2.0


def _forgets(_used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    """Deny every canary, as a cache or another database does."""
    response = dns.message.from_wire(ask(query))
    if _CANARY in query:
        response.answer.clear()
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()


def _lags(used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    """Deny it for two seconds, as a slow secondary does."""
    if _CANARY not in query:
        return ask(query)
    _FIRST.append(time.monotonic())
    return _forgets(used, query, ask) if time.monotonic() < _FIRST[0] + LATE_SECONDS else ask(query)


_TURNS = itertools.cycle((0, 1))


def _two_serials(_used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    """Have every other answer come from a worker that has missed a change."""
    return _older(ask(query), by=next(_TURNS))


_FIRST_SERIAL: list[float] = []
CATCHING_UP_SECONDS = 0.7


def _catches_up(used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    """Have a serial from before the first question for it, and soon that of the good server."""
    response = ask(query)
    if dns.message.from_wire(query).question[0].rdtype != dns.rdatatype.SOA:
        return response
    _FIRST_SERIAL.append(time.monotonic())
    return response if time.monotonic() > _FIRST_SERIAL[0] + CATCHING_UP_SECONDS else _older(response)


def _older(octets: bytes, by: int = 1) -> bytes:
    response = dns.message.from_wire(octets)
    for rrset in response.answer:
        if rrset.rdtype == dns.rdatatype.SOA:
            (soa,) = rrset
            rrset.clear()
            rrset.add(soa.replace(serial=soa.serial - by))
    return response.to_wire()


def _long_ttl(_used: str, query: bytes, ask: Callable[[bytes], bytes]) -> bytes:
    response = dns.message.from_wire(ask(query))
    for rrset in response.answer:
        rrset.ttl = 3600
    return response.to_wire()


FAULTS: dict[str, Box] = {
    "none": lambda _used, query, ask: ask(query),
    "silent": _swallows,
    "only-tcp": _only(TCP),
    "only-udp": _only(UDP),
    "garbage": _garbage,
    "no-edns": _drops(lambda query: query.edns >= 0),
    "no-edns-512": _drops(lambda query: query.edns >= 0 and query.payload == 512),
    "only-edns": _drops(lambda query: query.edns < 0),
    "lower-case": _lower_case,
    "two-serials": _two_serials,
    "catches-up": _catches_up,
    "forgets": _forgets,
    "lags": _lags,
    "long-ttl": _long_ttl,
    "other-source": lambda _used, query, ask: ask(query),
}


def main(upstream: str, *places: str) -> None:
    """Stand in the way for ever."""
    watched = selectors.DefaultSelector()
    for place in places:
        address, _, fault = place.partition("=")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, PORT))
        watched.register(udp, selectors.EVENT_READ, (fault, None))
        tcp = socket.create_server((address, PORT))
        watched.register(tcp, selectors.EVENT_READ, (fault, tcp))
    print("listening", flush=True)
    # Answers of this one come from nobody's address.
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind((upstream, 0))
    while True:
        for key, _ in watched.select():
            fault, listener = key.data
            try:
                if listener is None:
                    query, source = key.fileobj.recvfrom(65535)
                    back = FAULTS[fault](UDP, query, lambda octets: _udp(upstream, octets))
                    if back is not None:
                        (elsewhere if fault == "other-source" else key.fileobj).sendto(back, source)
                else:
                    _serve_tcp(listener.accept()[0], fault, upstream)
            except OSError as error:
                print(f"not passed on: {error}", flush=True)


def _serve_tcp(connection: socket.socket, fault: str, upstream: str) -> None:
    with connection:
        connection.settimeout(SECONDS)
        query = _framed(connection)
        back = FAULTS[fault](TCP, query, lambda octets: _tcp(upstream, octets)) if query else None
        if back is not None:
            connection.sendall(len(back).to_bytes(2) + back)


def _udp(upstream: str, query: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.sendto(query, (upstream, PORT))
        return sock.recv(65535)


def _tcp(upstream: str, query: bytes) -> bytes:
    with socket.create_connection((upstream, PORT), timeout=SECONDS) as sock:
        sock.sendall(len(query).to_bytes(2) + query)
        return _framed(sock)


def _framed(sock: socket.socket) -> bytes:
    length = _exactly(sock, 2)
    return _exactly(sock, int.from_bytes(length)) if length else b""


def _exactly(sock: socket.socket, count: int) -> bytes:
    octets = b""
    while len(octets) < count and (more := sock.recv(count - len(octets))):
        octets += more
    return octets


if __name__ == "__main__":
    main(*sys.argv[1:])
