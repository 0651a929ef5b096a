"""One network floods with one question while its rate is limited: it is told to come by TCP, others notice nothing."""

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

from tests.dns.packets import TC, query
from tests.faults import places
from tests.faults.asking import Everywhere, Fixed, Report, TcpLine
from tests.faults.checker import Faults
from tests.server import Server

LIMIT = 40
"""Equal answers in a second for one network."""

PACE_SECONDS = 0.25
"""Between two questions of others, who stay below the limit themselves."""

HOSTS = 20
OTHERS = 204


def make_limited_server(folder: Path) -> Server:
    """A server with a low limit."""
    folder.mkdir()
    server = Server(folder, database_url=f"sqlite:///{folder}/acmedns.db")
    text = server.config.read_text()
    server.config.write_text(text.replace("[dns]\n", f"[dns]\nrate_limit = {LIMIT}\n"))
    return server


async def limited_network(report: Report, server: Server, seconds: float) -> None:
    """Flood a server, which is not yet started and is stopped in the end, for so long."""
    subject = Fixed(f"www.{server.zone}", "A", "NOERROR", (frozenset({"192.0.2.1"}),))
    report.event("attack: one network floods")
    ended = threading.Event()
    try:
        server.start()
        async with contextlib.AsyncExitStack() as opened:
            pids = await Faults(server, report).live()
            others = await Everywhere.open(report, server.dns, places.host(OTHERS), pids)
            opened.push_async_callback(others.close)
            by_tcp = TcpLine(report, server.dns, ("127.72.0.250", places.FIRST_PORT))
            opened.push_async_callback(by_tcp.close)
            flood = asyncio.create_task(asyncio.to_thread(_flood, report, server.dns, subject, ended))
            try:
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline:
                    await others.ask(subject)
                    await by_tcp.ask(subject)
                    report.counts["rounds of questions beside a limited network"] += 1
                    await asyncio.sleep(PACE_SECONDS)
            finally:
                ended.set()
                await flood
    finally:
        server.close()
    counts = report.counts
    if counts["limited network: told to come by TCP"] <= counts["limited network: answered"]:
        report.finding("the flooding network was not limited")


def _flood(report: Report, server: places.Address, subject: Fixed, ended: threading.Event) -> None:
    with contextlib.ExitStack() as opened:
        socks = []
        for number in range(HOSTS):
            sock = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((f"127.72.0.{1 + number}", 0))
            sock.connect(server)
            sock.settimeout(0.5)
            socks.append(sock)
        octets = query(subject.name, subject.qtype)
        while not ended.is_set():
            for sock in socks:
                sock.send(octets)
            for sock in socks:
                try:
                    response = sock.recv(4096)
                except TimeoutError:
                    report.counts["limited network: silence"] += 1
                    continue
                told = int.from_bytes(response[2:4]) & TC
                report.counts["limited network: told to come by TCP" if told else "limited network: answered"] += 1
