"""DNS latency at a fixed 1,000 queries a second: idle, and under a flood of wrong logins from 32 clients.

The queries come from a thread of their own process's main loop at fixed times, whether or not earlier ones were
answered, so that a stall is seen by every query that falls into it.
"""

import asyncio
import socket
import struct
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path

from acmedns_py.dns import name
from benchmarks import clients, machine, servers

RATE = 1_000
SECONDS = 8.0
ROUNDS = 3
CLIENTS = 32
NAMES = 10_000
WRONG = "w" * 40
FLOODS = {
    "32 clients with wrong logins, one network": "together",
    "32 clients with wrong logins, 32 networks": "apart",
}
"""From one network the limits refuse most without a hash; from many every hashing thread is busy all the time."""


def run(folder: Path) -> None:
    """Measure, alternating, and print medians of the 99th percentile."""
    names = servers.labels(NAMES)
    database = servers.fill(folder, names)
    figures: dict[str, list[float]] = {"idle": [], **{kind: [] for kind in FLOODS}}
    with servers.ours(folder, database, workers=2):
        asyncio.run(clients.accounts(1))
        for _ in range(ROUNDS):
            figures["idle"].append(_percentile_99())
            for kind, word in FLOODS.items():
                flood = subprocess.Popen([sys.executable, "-m", "benchmarks.latency", word])
                time.sleep(1)
                figures[kind].append(_percentile_99())
                flood.wait(60)
    print(f"\nDNS at {RATE} queries/s over UDP, 99th percentile, median of {ROUNDS} x {SECONDS:g} s")
    idle = machine.median(figures["idle"])
    for kind, seen in figures.items():
        middle = machine.median(seen)
        print(f"  {kind:45} {middle:7.3f} ms  {middle / idle:5.2f}   ({', '.join(f'{f:.3f}' for f in seen)})")


def _percentile_99() -> float:
    """Ask at the fixed rate and give the 99th percentile in milliseconds; an unanswered query counts as a second."""
    query = b"\0\0\0\1\0\0\0\0\0\0" + name.from_text(f"{servers.labels(1)[0]}.{servers.ZONE}") + b"\0\x10\0\1"
    total = int(RATE * SECONDS)
    sent = [0.0] * total
    took = [1.0] * total
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(("127.0.0.1", servers.DNS_PORT))
        sock.setblocking(False)
        began = time.perf_counter()
        number = 0
        while number < total or time.perf_counter() < began + SECONDS + 1:
            due = began + number / RATE
            if number < total and time.perf_counter() >= due:
                sent[number] = due
                sock.send(struct.pack(">H", number & 0xFFFF) + query)
                number += 1
                continue
            try:
                answer = sock.recv(512)
            except BlockingIOError:
                time.sleep(0.00005)
                continue
            index = struct.unpack(">H", answer[:2])[0]
            took[index] = time.perf_counter() - sent[index]
            if number == total and 1.0 not in took:
                break
    return sorted(took)[int(total * 0.99)] * 1000


async def _flood(*, apart: bool) -> None:
    """Send wrong logins for names that don't exist, from one network or each client from its own."""
    accounts = [{"subdomain": "x", "username": str(uuid.uuid4())} for _ in range(CLIENTS)]
    makers = [partial(clients.update, account, password=WRONG) for account in accounts]
    await clients.load(makers, seconds=SECONDS + 2, expect=None, apart=apart)


if __name__ == "__main__":
    asyncio.run(_flood(apart=sys.argv[1] == "apart"))
