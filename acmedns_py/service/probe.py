"""Probe queries of the service to its own DNS sockets, before it says that it is ready."""

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from acmedns_py.dns.codes import RRType
from acmedns_py.dns.framing import framed
from acmedns_py.service.sockets import DnsSocket

PROBE_SECONDS: Final = 0.3
"""One probe's wait; a lost one is asked again."""


def soa_probe(apex: bytes) -> Callable[[DnsSocket], Awaitable[None]]:
    """Give a function that asks the address of a socket for the zone's SOA once and waits briefly for an answer."""

    async def ask(target: DnsSocket) -> None:
        query = secrets.token_bytes(2) + b"\0\0\0\1\0\0\0\0\0\0" + apex + RRType.SOA.to_bytes(2) + b"\0\1"
        loop = asyncio.get_running_loop()
        kind = socket.SOCK_STREAM if target.tcp else socket.SOCK_DGRAM
        with socket.socket(target.address.family, kind) as sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await loop.sock_connect(sock, _reachable(target))
                    await loop.sock_sendall(sock, framed(query) if target.tcp else query)
                    await loop.sock_recv(sock, 512)
            except (TimeoutError, OSError):
                return

    return ask


def _reachable(target: DnsSocket) -> tuple[str, int]:
    host, port = target.address.sockaddr
    if not target.wildcard:
        return host, port
    return ("127.0.0.1" if ipaddress.ip_address(host).version == 4 else "::1"), port
