"""Clients that load the API: keep-alive connections that each send the next request when the last is answered."""

import asyncio
import itertools
import json
import secrets
import ssl
import time
from collections.abc import Callable, Sequence

Request = Callable[[int], bytes]

_networks = itertools.count(secrets.randbelow(50_000))


def _fresh_network() -> tuple[str, int]:
    """Give an address in a /24 of its own: registrations are limited by network, and what is measured is the rest."""
    number = next(_networks)
    return f"127.{1 + number // 256 % 254}.{number % 256}.1", 0


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer: status and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return status, await reader.readexactly(length)


class Api:
    """The API of a server on this machine."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """Speaks plain HTTP without `tls`."""
        self._port = port
        self._tls = tls

    async def connect(self, source: tuple[str, int] | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection, from an address where one is given."""
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=source, ssl=self._tls)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """Give the octets of an HTTP/1.1 request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def call(self, octets: bytes) -> tuple[int, bytes]:
        """Send one request on a connection of its own."""
        reader, writer = await self.connect(_fresh_network())
        try:
            writer.write(octets)
            return await answer(reader)
        finally:
            writer.close()

    async def accounts(self, count: int) -> list[dict[str, str]]:
        """Register accounts, one after the other."""
        made = []
        for _ in range(count):
            status, body = await self.call(self.request("POST", "/register"))
            assert status == 201, body
            made.append(json.loads(body))
        return made

    def update(self, account: dict[str, str], number: int, *, password: str | None = None) -> bytes:
        """Give an update of one account whose value differs for each number."""
        return self.request(
            "POST",
            "/update",
            json.dumps({"subdomain": account["subdomain"], "txt": f"{number:043d}"}).encode(),
            {"X-Api-User": account["username"], "X-Api-Key": password or account["password"]},
        )

    async def load(
        self,
        makers: Sequence[Request],
        *,
        seconds: float,
        expect: int | None,
        apart: bool = False,
        rate: float | None = None,
    ) -> tuple[int, float]:
        """Let each maker's client send for so long; gives the number of answers and the seconds that it took.

        With `apart` each client sits in a network of its own. With a `rate` all of them together send at most so many
        requests a second.
        """
        began = time.perf_counter()
        pause = 0.0 if rate is None else len(makers) / rate
        counts = await asyncio.gather(
            *(
                self._client(
                    make,
                    began + pause * number / len(makers),
                    began + seconds,
                    expect,
                    _fresh_network() if apart else None,
                    pause,
                )
                for number, make in enumerate(makers)
            )
        )
        return sum(counts), time.perf_counter() - began

    async def _client(
        self,
        make: Request,
        due: float,
        until: float,
        expect: int | None,
        source: tuple[str, int] | None,
        pause: float,
    ) -> int:
        reader, writer = await self.connect(source)
        count = 0
        try:
            while time.perf_counter() < until:
                if pause:
                    await asyncio.sleep(due - time.perf_counter())
                    due += pause
                writer.write(make(count))
                status, body = await answer(reader)
                assert expect is None or status == expect, (status, body)
                count += 1
        finally:
            writer.close()
        return count
