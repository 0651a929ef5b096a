"""HTTP as octets: what is sent is what the test wrote, what comes back is seen before any library smooths it."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 20


@dataclass(frozen=True)
class Reply:
    """One response: header names in lower case, as often as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The only header of that name, or None."""
        found = [value for each, value in self.headers if each == name.lower()]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body as JSON; fails where its type says something else."""
        assert self.header("content-type") == "application/json"
        return json.loads(self.body)


class Wire:
    """One connection to the API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, *, tls: ssl.SSLContext | None = None, source: str = "127.0.0.1") -> "Wire":
        """Connect from a loopback address."""
        options: dict[str, Any] = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), **options)
        return cls(reader, writer)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    async def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self, *, head: bool = False) -> Reply:
        """Read one response; one to HEAD has no body whatever its length says."""
        async with asyncio.timeout(SECONDS):
            block = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            start, *lines = block.strip().split("\r\n")
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
            length = int(dict(headers).get("content-length", "0"))
            body = b"" if head else await self.reader.readexactly(length)
        return Reply(int(start.split()[1]), headers, body)

    async def ended(self) -> bytes:
        """What still comes until the server hangs up."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


def request(
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | list[tuple[str, str]] = (),  # type: ignore[assignment]
    *,
    version: str = "1.1",
) -> bytes:
    """A request; the length is added where there is a body, a type never is."""
    listed = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    if body is not None:
        listed.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *(f"{name}: {value}" for name, value in listed)]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + (body or b"")
