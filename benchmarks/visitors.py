"""Clients of an HTTPS API at a fixed rate: `python -m benchmarks.visitors API_PORT SECONDS RATE`.

Most requests come over connections that stay open to the end, the others each over a new one. It says "asking" when the
connections are open, and at the end, in JSON, what it has seen. A failure is any other answer than 200, or none.
"""

import asyncio
import json
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Final

from benchmarks.clients import Api, answer

STAYING: Final = 20
NEW_SHARE: Final = 0.03
"""Of the requests that make a handshake of their own: it costs as much as many requests, on both sides."""

_FAULTS: Final = (OSError, EOFError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


@dataclass(slots=True)
class Seen:
    """Answers of 200, failures, connections that stayed to the end, handshakes, and seconds that each answer took."""

    answers: int = 0
    failed: int = 0
    kept: int = 0
    handshakes: int = 0
    took: list[float] = field(default_factory=list)


def trusting_all() -> ssl.SSLContext:
    """Give a context for certificates that nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Visitors:
    """All clients of this process."""

    def __init__(self, api: Api, until: float) -> None:
        self._api = api
        self._until = until
        self._asked = api.request("GET", "/health")
        self.seen = Seen()

    async def stay(self, due: float, pause: float, open_now: asyncio.Barrier) -> None:
        """Ask over one connection; one that breaks is made anew, and does not count as kept."""
        reader, writer = await self._api.connect()
        await open_now.wait()
        kept = True
        while await self._is_time(due):
            try:
                await self._ask(reader, writer, due)
            except _FAULTS:
                self.seen.failed += 1
                kept = False
                writer.close()
                reader, writer = await self._api.connect()
            due += pause
        self.seen.kept += kept
        writer.close()

    async def come_and_go(self, due: float, pause: float, open_now: asyncio.Barrier) -> None:
        """Ask over a new connection each time."""
        await open_now.wait()
        while await self._is_time(due):
            try:
                reader, writer = await self._api.connect()
                self.seen.handshakes += 1
                await self._ask(reader, writer, due)
                writer.close()
            except _FAULTS:
                self.seen.failed += 1
            due += pause

    async def _is_time(self, due: float) -> bool:
        """Wait for the moment, late or not; False where it is after the end."""
        await asyncio.sleep(due - time.perf_counter())
        return time.perf_counter() < self._until

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: float) -> None:
        writer.write(self._asked)
        status, _body = await answer(reader)
        if status != 200:
            raise ValueError(status)
        self.seen.answers += 1
        self.seen.took.append(time.perf_counter() - due)


async def visit(port: int, seconds: float, rate: float) -> Seen:
    """Ask for so long at that rate; gives what was seen."""
    begin = time.perf_counter() + 0.5
    visitors = Visitors(Api(port, tls=trusting_all()), begin + seconds)
    open_now = asyncio.Barrier(STAYING + 2)
    pause = STAYING / (rate * (1 - NEW_SHARE))
    async with asyncio.TaskGroup() as tasks:
        for number in range(STAYING):
            tasks.create_task(visitors.stay(begin + pause * number / STAYING, pause, open_now))
        tasks.create_task(visitors.come_and_go(begin, 1 / (rate * NEW_SHARE), open_now))
        await open_now.wait()
        print("asking", flush=True)
    return visitors.seen


if __name__ == "__main__":
    _, api_port, duration, pace = sys.argv
    print(json.dumps(asdict(asyncio.run(visit(int(api_port), float(duration), float(pace))))))
