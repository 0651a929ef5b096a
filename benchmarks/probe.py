"""A cheap client that asks at fixed times and times the answers: `python -m benchmarks.probe PORT SECONDS`.

It runs in a process of its own at a real-time priority where it may, as a client on another machine would not have to
take turns with the server. An answer's time is the one at which the kernel received it, and a query is sent when it is
due whether or not earlier ones were answered, so that a stall is seen by every query that falls into it.
"""

import contextlib
import gc
import json
import os
import select
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks import queries
from benchmarks.zones import Recipe

RATE = 1_000
SOCKETS = 16
"""Source ports, by which the kernel chooses a worker."""

NAMES = 1_000
PATIENCE_SECONDS = 1.0
"""What an unanswered query counts as."""

_SO_TIMESTAMPNS = 35
"""Linux's number on nearly all processors; `socket` does not name it."""

_TIMESPEC = struct.Struct("@ll")


@dataclass(frozen=True, slots=True)
class Seen:
    """One run in milliseconds: percentiles of the answers, how late queries were sent; and this client's own share."""

    median: float
    percentile_99: float
    late_percentile_99: float
    lost: int
    busy: float
    real_time: bool


def ask(port: int, seconds: float, labels: list[str]) -> Seen:
    """Ask for these names at the fixed rate."""
    messages = [queries.message(queries.challenge_name(label), 16)[2:] for label in labels]
    total = int(RATE * seconds)
    sent, late, took = [0] * total, [0.0] * total, [PATIENCE_SECONDS] * total
    real_time = False
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        real_time = True
    gc.disable()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_connected(port)) for _ in range(SOCKETS)]
        computed, began = time.process_time(), time.time_ns()
        number = answered = 0
        while answered < total:
            due = began + number * 1_000_000_000 // RATE
            wait = (due - time.time_ns()) / 1e9
            if number < total and wait <= 0:
                sent[number] = time.time_ns()
                late[number] = (sent[number] - due) / 1e9
                sockets[number % SOCKETS].send(struct.pack("!H", number & 0xFFFF) + messages[number % len(messages)])
                number += 1
                continue
            if number == total and wait < -PATIENCE_SECONDS:
                break
            readable, _, _ = select.select(sockets, (), (), wait if number < total else PATIENCE_SECONDS / 10)
            for sock in readable:
                index, received = _received(sock, number)
                took[index] = (received - sent[index]) / 1e9
                answered += 1
        busy = (time.process_time() - computed) * 1e9 / (time.time_ns() - began)
    return Seen(
        median=_percentile(took, 0.5),
        percentile_99=_percentile(took, 0.99),
        late_percentile_99=_percentile(late, 0.99),
        lost=total - answered,
        busy=busy,
        real_time=real_time,
    )


def _connected(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.connect(("127.0.0.1", port))
    return sock


def _received(sock: socket.socket, number: int) -> tuple[int, int]:
    """Give the query that an answer is for, and the time in nanoseconds at which the kernel had the answer."""
    answer, ((_, _, stamp),), _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(_TIMESPEC.size))
    seconds, nanoseconds = _TIMESPEC.unpack(stamp)
    # The last query with this ID; there are 65,536 of them, which last for a minute.
    index = number - 1 - ((number - 1 - int.from_bytes(answer[:2], "big")) & 0xFFFF)
    return index, seconds * 1_000_000_000 + nanoseconds


def _percentile(figures: list[float], part: float) -> float:
    return sorted(figures)[int(len(figures) * part)] * 1000


if __name__ == "__main__":
    print(json.dumps(asdict(ask(int(sys.argv[1]), float(sys.argv[2]), Recipe(NAMES, 1).labels()))))
