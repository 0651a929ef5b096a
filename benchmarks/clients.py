"""Clients that load the API: keep-alive connections that each send the next request when the last is answered."""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Callable, Sequence

from benchmarks.servers import API_PORT

Request = Callable[[int], bytes]

_networks = itertools.count(secrets.randbelow(50_000))


def _fresh_network() -> tuple[str, int]:
    """Give an address in a /24 of its own: registrations are limited by network, and what is measured is the rest."""
    number = next(_networks)
    return f"127.{1 + number // 256 % 254}.{number % 256}.1", 0


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """Give the octets of an HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{API_PORT}", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def call(octets: bytes) -> tuple[int, bytes]:
    """Send one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", API_PORT, local_addr=_fresh_network())
    try:
        writer.write(octets)
        return await answer(reader)
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer: status and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return status, await reader.readexactly(length)


async def accounts(count: int) -> list[dict[str, str]]:
    """Register accounts, one after the other."""
    made = []
    for _ in range(count):
        status, body = await call(request("POST", "/register"))
        assert status == 201, body
        made.append(json.loads(body))
    return made


def update(account: dict[str, str], number: int, *, password: str | None = None) -> bytes:
    """Give an update of one account whose value differs for each number."""
    return request(
        "POST",
        "/update",
        json.dumps({"subdomain": account["subdomain"], "txt": f"{number:043d}"}).encode(),
        {"X-Api-User": account["username"], "X-Api-Key": password or account["password"]},
    )


async def load(
    makers: Sequence[Request], *, seconds: float, expect: int | None, apart: bool = False
) -> tuple[int, float]:
    """Let each maker's client send for so long; gives the number of answers and the seconds that it took.

    With `apart` each client sits in a network of its own.
    """
    until = time.perf_counter() + seconds
    began = time.perf_counter()
    counts = await asyncio.gather(
        *(_client(make, until, expect, _fresh_network() if apart else None) for make in makers)
    )
    return sum(counts), time.perf_counter() - began


async def _client(make: Request, until: float, expect: int | None, source: tuple[str, int] | None) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", API_PORT, local_addr=source)
    count = 0
    try:
        while time.perf_counter() < until:
            writer.write(make(count))
            status, body = await answer(reader)
            assert expect is None or status == expect, (status, body)
            count += 1
    finally:
        writer.close()
    return count
