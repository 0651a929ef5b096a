"""Questions to our own sockets: by the service before it says that it is ready, by `acmedns health` at any time.

Each asks the address that is listened on, wildcards on loopback.
"""

import asyncio
import http.client
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from acmedns_py.config.settings import Settings
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRClass, RRType
from acmedns_py.dns.framing import FrameReader, FramingError, framed
from acmedns_py.service.sockets import Address, DnsSocket, api_addresses, dns_addresses

PROBE_SECONDS: Final = 0.3
"""One probe's wait before readiness; a lost one is asked again."""

ANSWER_SECONDS: Final = 3.0
UDP_TRIES: Final = 3
"""A flood may cost a datagram."""

_LONGEST_BODY: Final = 1000
_QUESTION: Final = b"\0\0\0\1\0\0\0\0\0\0"
"""A query's header after its ID: no flag, one question (RFC 1035 4.1.1)."""

Check = Callable[[], str | None]
"""Gives what is wrong, or None."""


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
    """Ask every address of DNS and of the API at once.

    Gives what is wrong with each, DNS and API apart, nothing where all answer as they should. Raises `AcmednsError`
    where there is no address to ask.
    """
    dns, api = list(_dns_checks(settings)), list(_api_checks(settings))
    with ThreadPoolExecutor(max_workers=len(dns) + len(api)) as threads:
        found = list(threads.map(lambda check: check(), dns + api))
    wrong_dns, wrong_api = (
        [problem for problem in part if problem is not None] for part in (found[: len(dns)], found[len(dns) :])
    )
    return wrong_dns, wrong_api


def _dns_checks(settings: Settings) -> Iterator[Check]:
    """Give a check of the zone's SOA for each DNS address and transport."""
    apex = name.from_text(settings.zone.name)
    protocol = settings.dns.protocol
    for address in dns_addresses(settings.dns.listen, port=settings.dns.port, protocol=protocol):
        if not protocol.startswith("tcp"):
            yield partial(_soa, apex, address, ask=_ask_udp, transport="UDP")
        if not protocol.startswith("udp"):
            yield partial(_soa, apex, address, ask=_ask_tcp, transport="TCP")


def _api_checks(settings: Settings) -> Iterator[Check]:
    """Give a check of /health/ready for each address of the API."""
    for address in api_addresses(settings.api.listen):
        yield partial(_ready, address, tls=settings.api.tls != "none")


def _soa_query(apex: bytes) -> bytes:
    return secrets.token_bytes(2) + _QUESTION + apex + RRType.SOA.to_bytes(2) + RRClass.IN.to_bytes(2)


def _soa(apex: bytes, address: Address, *, ask: Callable[[Address, bytes], bytes], transport: str) -> str | None:
    where = f"DNS {address} {transport}"
    query = _soa_query(apex)
    try:
        response = ask(address, query)
    except (OSError, FramingError) as error:
        return f"{where}: {_reason(error)}"
    if len(response) < len(query) or response[:2] != query[:2]:
        return f"{where}: what came is no response to the query"
    authoritative, rcode, answers = response[2] & 0x04, response[3] & 0x0F, int.from_bytes(response[6:8])
    if not authoritative or rcode or not answers:
        return f"{where}: no SOA in the response (rcode {rcode}, {answers} answers)"
    return None


def _ask_udp(address: Address, query: bytes) -> bytes:
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS / UDP_TRIES)
        sock.connect(reachable(address))
        for attempt in range(UDP_TRIES):
            try:
                sock.send(query)
                return sock.recv(4096)
            except TimeoutError:
                if attempt == UDP_TRIES - 1:
                    raise
    raise AssertionError("the last try returns or raises")


def _ask_tcp(address: Address, query: bytes) -> bytes:
    reader = FrameReader()
    with socket.create_connection(reachable(address), timeout=ANSWER_SECONDS) as sock:
        sock.sendall(framed(query))
        while octets := sock.recv(4096):
            reader.feed(octets)
            if (message := reader.message()) is not None:
                return message
    raise ConnectionResetError("closed without an answer")


def _ready(address: Address, *, tls: bool) -> str | None:
    where = f"API {address}"
    # The certificate is for the public name, which this host need not be reachable by.
    connection = (
        http.client.HTTPSConnection(
            *reachable(address),
            timeout=ANSWER_SECONDS,
            context=ssl._create_unverified_context(),  # noqa: S323, SLF001
        )
        if tls
        else http.client.HTTPConnection(*reachable(address), timeout=ANSWER_SECONDS)
    )
    try:
        connection.request("GET", "/health/ready", headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read(_LONGEST_BODY).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{where}: {_reason(error)}"
    finally:
        connection.close()
    return None if response.status == http.HTTPStatus.OK else f"{where}: /health/ready says {response.status} {body}"


def reachable(address: Address) -> tuple[str, int]:
    """Give where this host reaches its own address: a wildcard on loopback."""
    host, port = address.sockaddr
    if address.host.is_unspecified:
        host = "127.0.0.1" if address.host.version == 4 else "::1"
    return host, port


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_SECONDS:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
