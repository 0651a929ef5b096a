"""Questions to our own sockets: by the service before it says that it is ready, by `acmedns health` at any time.

Each asks the address that is listened on, wildcards on loopback.
"""

import asyncio
import http
import os
import re
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import Final

from acmedns_py.config.settings import Settings
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRClass, RRType
from acmedns_py.dns.framing import FrameReader, FramingError, framed
from acmedns_py.service.sockets import Address, DnsSocket, api_addresses, dns_addresses

PROBE_SECONDS: Final = 0.3
"""One probe's wait before readiness; a lost one is asked again."""

ANSWER_SECONDS: Final = 3.0
"""For the whole of a check: an answer that drips has no more."""

UDP_TRIES: Final = 3
"""A flood may cost a datagram."""

_LONGEST_BODY: Final = 1000
_QUESTION: Final = b"\0\0\0\1\0\0\0\0\0\0"
"""A query's header after its ID: no flag, one question (RFC 1035 4.1.1)."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]")
"""How a response begins (RFC 9112 4)."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]{1,9})\r", re.IGNORECASE)

_INTERIM: Final = (b"HTTP/1.1 1", b"HTTP/1.0 1")
"""What comes before the response (RFC 9110 15.2)."""

Check = Coroutine[None, None, str | None]
"""Gives what is wrong, or None."""


class _NoHttp(Exception):
    """What came is not HTTP."""


def soa_probe(apex: bytes) -> Callable[[DnsSocket], Awaitable[None]]:
    """Give a function that asks the address of a socket for the zone's SOA once and waits briefly for an answer."""

    async def ask(target: DnsSocket) -> None:
        query = _soa_query(apex)
        loop = asyncio.get_running_loop()
        kind = socket.SOCK_STREAM if target.tcp else socket.SOCK_DGRAM
        with socket.socket(target.address.family, kind) as sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await loop.sock_connect(sock, reachable(target.address))
                    await loop.sock_sendall(sock, framed(query) if target.tcp else query)
                    await loop.sock_recv(sock, 512)
            except (TimeoutError, OSError):
                return

    return ask


def unhealthy(settings: Settings) -> tuple[list[str], list[str]]:
    """Ask every address of DNS and of the API at once, for `ANSWER_SECONDS` at the most.

    Gives what is wrong with each, DNS and API apart, nothing where all answer as they should. Raises `AcmednsError`
    where there is no address to ask.
    """
    dns = dns_addresses(settings.dns.listen, port=settings.dns.port, protocol=settings.dns.protocol)
    return asyncio.run(_asked(settings, dns, api_addresses(settings.api.listen)))


async def _asked(settings: Settings, dns: Iterable[Address], api: Iterable[Address]) -> tuple[list[str], list[str]]:
    wrong_dns, wrong_api = await asyncio.gather(
        asyncio.gather(*_dns_checks(settings, dns)), asyncio.gather(*_api_checks(settings, api))
    )
    return [one for one in wrong_dns if one is not None], [one for one in wrong_api if one is not None]


def _dns_checks(settings: Settings, addresses: Iterable[Address]) -> Iterator[Check]:
    """Give a check of the zone's SOA for each DNS address and transport."""
    apex = name.from_text(settings.zone.name)
    protocol = settings.dns.protocol
    for address in addresses:
        if not protocol.startswith("tcp"):
            yield _soa(apex, address, ask=_ask_udp, transport="UDP")
        if not protocol.startswith("udp"):
            yield _soa(apex, address, ask=_ask_tcp, transport="TCP")


def _api_checks(settings: Settings, addresses: Iterable[Address]) -> Iterator[Check]:
    """Give a check of /health/ready for each address of the API."""
    for address in addresses:
        yield _ready(address, tls=settings.api.tls != "none")


def _soa_query(apex: bytes) -> bytes:
    return secrets.token_bytes(2) + _QUESTION + apex + RRType.SOA.to_bytes(2) + RRClass.IN.to_bytes(2)


async def _soa(
    apex: bytes, address: Address, *, ask: Callable[[Address, bytes], Awaitable[bytes]], transport: str
) -> str | None:
    where = f"DNS {address} {transport}"
    query = _soa_query(apex)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            response = await ask(address, query)
    except (OSError, FramingError) as error:
        return f"{where}: {_reason(error)}"
    if len(response) < len(query) or response[:2] != query[:2]:
        return f"{where}: what came is no response to the query"
    authoritative, rcode, answers = response[2] & 0x04, response[3] & 0x0F, int.from_bytes(response[6:8])
    if not authoritative or rcode or not answers:
        return f"{where}: no SOA in the response (rcode {rcode}, {answers} answers)"
    return None


async def _ask_udp(address: Address, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(reachable(address))
        while True:  # until the check's time is over
            await loop.sock_sendall(sock, query)
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS / UDP_TRIES):
                    return await loop.sock_recv(sock, 4096)


async def _ask_tcp(address: Address, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    reader = FrameReader()
    with socket.socket(address.family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, reachable(address))
        await loop.sock_sendall(sock, framed(query))
        while octets := await loop.sock_recv(sock, 4096):
            reader.feed(octets)
            if (message := reader.message()) is not None:
                return message
    raise ConnectionResetError("closed without an answer")


async def _ready(address: Address, *, tls: bool) -> str | None:
    where = f"API {address}"
    # The certificate is for the public name, which this host need not be reachable by.
    context = ssl._create_unverified_context() if tls else None  # noqa: S323, SLF001
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            status, body = await _get(reachable(address), context)
    except (OSError, _NoHttp) as error:
        return f"{where}: {_reason(error)}"
    return None if status == http.HTTPStatus.OK else f"{where}: /health/ready says {status} {body}"


async def _get(place: tuple[str, int], context: ssl.SSLContext | None) -> tuple[int, str]:
    """Give the status of /health/ready, and the beginning of the body where that is not 200."""
    host = f"[{place[0]}]" if ":" in place[0] else place[0]
    reader, writer = await asyncio.open_connection(*place, ssl=context)
    try:
        writer.write(f"GET /health/ready HTTP/1.1\r\nHost: {host}:{place[1]}\r\nConnection: close\r\n\r\n".encode())
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")).startswith(_INTERIM):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise _NoHttp("closed without an answer, or what came is no HTTP") from None
        status = _STATUS.match(head)
        if status is None:
            raise _NoHttp("what came is no HTTP")
        body = b""
        if int(status[1]) != http.HTTPStatus.OK:
            length = _LENGTH.search(head)
            most = min(int(length[1]), _LONGEST_BODY) if length is not None else _LONGEST_BODY
            while len(body) < most and (octets := await reader.read(most - len(body))):
                body += octets
        return int(status[1]), body.decode("utf-8", "replace")
    finally:
        # Without the farewell of TLS, which the other side may never answer.
        writer.transport.abort()


def reachable(address: Address) -> tuple[str, int]:
    """Give where this host reaches its own address: a wildcard on loopback."""
    host, port = address.sockaddr
    if address.host.is_unspecified:
        host = "127.0.0.1" if address.host.version == 4 else "::1"
    return host, port


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_SECONDS:g} s"
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
        # asyncio puts words of its own in the place of the system's.
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
