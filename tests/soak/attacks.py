"""Clients that take what there is and give nothing: slow, silent, and many."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

from acmedns_py.dns.framing import framed
from acmedns_py.dns.wire import HEADER_OCTETS
from acmedns_py.worker.tcp import READ_OCTETS
from tests.faults.asking import Report
from tests.faults.places import RESET_AT_CLOSE, Address

HOSTS = 8
CONNECTIONS_A_HOST = 60
"""Together more than the server may hold, and more of each client than it may."""

DRIP_SECONDS = 0.5
FLOOD_SECONDS = 0.5
"""How long a flood waits for one connection."""

Stop = asyncio.Event
Attack = Callable[[Report, Address, Stop], Awaitable[None]]


async def slow_loris(report: Report, server: Address, stop: Stop) -> None:
    """An octet now and then of a query that never ends."""
    await _crowd(report, server, stop, "slow", first=b"\x0f\xff" + bytes(12), then=b"\0")


async def silent(report: Report, server: Address, stop: Stop) -> None:
    """Connect, and say nothing."""
    await _crowd(report, server, stop, "silent", first=b"", then=b"")


async def unkept_promise(report: Report, server: Address, stop: Stop) -> None:
    """Say how long the query will be, and stop."""
    await _crowd(report, server, stop, "promising", first=b"\0\x30", then=b"")


async def dense(report: Report, server: Address, stop: Stop) -> None:
    """As many of the smallest messages as fit into what is read at once, and no answer taken."""
    octets = framed(bytes(HEADER_OCTETS)) * (READ_OCTETS // len(framed(bytes(HEADER_OCTETS))))
    await _crowd(report, server, stop, "dense", first=octets, then=octets)


async def flood(report: Report, server: Address, stop: Stop) -> None:
    """Open and close connections as quickly as one thread can, from many networks."""
    ended = threading.Event()
    thread = asyncio.create_task(asyncio.to_thread(_flood, report, server, ended))
    try:
        await stop.wait()
    finally:
        # A cancelled task ends no thread, and asyncio waits for threads without end.
        ended.set()
        await thread


def _flood(report: Report, server: Address, ended: threading.Event) -> None:
    number = 0
    while not ended.is_set():
        number += 1
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            sock.settimeout(FLOOD_SECONDS)
            try:
                sock.bind((f"127.71.{number // 250 % 250}.{1 + number % 250}", 0))
                sock.connect(server)
                report.counts["flood connections"] += 1
            except OSError:
                report.counts["flood connections refused"] += 1


async def _crowd(report: Report, server: Address, stop: Stop, kind: str, *, first: bytes, then: bytes) -> None:
    async with asyncio.TaskGroup() as group:
        for host in range(HOSTS):
            for _ in range(CONNECTIONS_A_HOST):
                group.create_task(_one(report, server, f"127.70.{host}.1", stop, kind, first, then))


async def _one(report: Report, server: Address, host: str, stop: Stop, kind: str, first: bytes, then: bytes) -> None:
    """Hold one connection, and make another when the server closes it."""
    while not stop.is_set():
        try:
            # With so small a limit nothing is read ahead of what somebody takes, and here nobody takes anything.
            reader, writer = await asyncio.open_connection(*server, local_addr=(host, 0), limit=1)
        except OSError:
            report.counts[f"{kind} connections refused"] += 1
            await _pause(stop)
            continue
        report.counts[f"{kind} connections"] += 1
        try:
            writer.write(first)
            while not stop.is_set() and not reader.at_eof():
                await _pause(stop)
                writer.write(then)
                await writer.drain()
                if reader.at_eof():
                    report.counts[f"{kind} connections closed on them"] += 1
        except OSError:
            report.counts[f"{kind} connections closed on them"] += 1
        finally:
            writer.transport.abort()


async def _pause(stop: Stop) -> None:
    try:
        async with asyncio.timeout(DRIP_SECONDS):
            await stop.wait()
    except TimeoutError:
        return


ATTACKS: tuple[Attack, ...] = (slow_loris, silent, unkept_promise, dense, flood)
