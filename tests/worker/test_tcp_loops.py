"""TCP on both event loops: clients of every habit at once get every answer, and nothing of them is left behind."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time

import pytest
import uvloop

from acmedns_py.dns.framing import framed
from acmedns_py.worker.tcp import TcpConnections, TcpListener
from tests.dns.example import MANY, Z, responder
from tests.dns.packets import query

CLIENTS, CONNECTIONS_EACH = 6, 12
SECONDS = 20
HABITS = ("keeps", "half-closes", "lies", "resets", "reads late", "stops amid a query")
PIECES = (1, 7, 100, 4095, 4096, 4097, 20_000)
ENDED_BY_US = ("half-closes", "lies")
"""What a connection must end behind, once all that was asked is answered."""


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request):
    """A runner on each loop."""
    with asyncio.Runner(loop_factory=request.param) as found:
        yield found


def test_clients_of_every_habit_get_every_answer(runner):
    """However queries are cut and however many come at once (dns-correctness #52, #53, #54)."""
    found: list[str] = []

    async def live() -> TcpConnections:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(repr(context)))
        connections = TcpConnections(responder(), idle_seconds=SECONDS, total=1000, per_client=1000)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            sock.setblocking(False)
            listener = TcpListener(sock, connections)
            await listener.start()
            await asyncio.gather(
                *(asyncio.to_thread(client, sock.getsockname(), seed, found) for seed in range(CLIENTS))
            )
            listener.stop()
        async with asyncio.timeout(SECONDS):
            while len(connections):
                await asyncio.sleep(0.01)
        return connections

    left = runner.run(live())
    assert found == []
    assert (len(left._silent), len(left._by_client), list(left._ready)) == (0, 0, [])


def test_a_listener_that_was_stopped_accepts_nobody(runner):
    """However often it was started and stopped before the loop had its turn."""

    async def live() -> int:
        connections = TcpConnections(responder(), idle_seconds=SECONDS, total=10, per_client=10)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            sock.setblocking(False)
            listener = TcpListener(sock, connections)
            first = asyncio.create_task(listener.start())
            await asyncio.sleep(0)
            listener.stop()
            await listener.start()
            await first
            listener.stop()
            await asyncio.sleep(0.05)
            with await asyncio.to_thread(socket.create_connection, sock.getsockname()):
                await asyncio.sleep(0.1)
                return len(connections)

    assert runner.run(live()) == 0


def client(address: tuple[str, int], seed: int, found: list[str]) -> None:
    """Open connections one after the other, each with a habit; what goes wrong is found."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for number in range(CONNECTIONS_EACH):
        habit = HABITS[(seed + number) % len(HABITS)]
        many = chance.random() < 0.5
        count = chance.choice((1, 15, 16, 17, 40, 120) if many else (0, 1, 16, 17, 292, 600))
        what = f"{habit}, {count} {'long' if many else 'short'} answers"
        try:
            connection(address, chance, habit, framed(query(f"{MANY}.{Z}") if many else query(Z, "SOA")), count)
        except (OSError, AssertionError) as error:
            found.append(f"{what}: {error!r}")


def connection(address: tuple[str, int], chance: random.Random, habit: str, one: bytes, count: int) -> None:
    """Send so many queries with this habit and expect as many answers."""
    octets = one * count
    if habit == "lies":
        octets += chance.choice((b"\0\0", b"\0\5", b"\0\x0b"))
    elif habit == "stops amid a query":
        octets += one[: chance.randrange(1, len(one))]
    with socket.create_connection(address, SECONDS) as sock:
        if habit == "resets":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.settimeout(0.2)
            with contextlib.suppress(OSError):
                sock.sendall(octets)
            return
        sender = threading.Thread(
            target=send, args=(sock, octets, chance), kwargs={"half_close": habit == "half-closes"}
        )
        sender.start()
        if habit == "reads late":
            time.sleep(0.3)
        got = received(sock, count, to_the_end=habit in ENDED_BY_US)
        sender.join()
        assert got == count, f"{got} answers"


def send(sock: socket.socket, octets: bytes, chance: random.Random, *, half_close: bool) -> None:
    """Send in pieces of all sizes; a connection that is closed behind a lie takes no more of them."""
    with contextlib.suppress(OSError):
        while octets:
            size = chance.choice(PIECES)
            sock.sendall(octets[:size])
            octets = octets[size:]
        if half_close:
            sock.shutdown(socket.SHUT_WR)


def received(sock: socket.socket, count: int, *, to_the_end: bool) -> int:
    """Count the answers until there are so many, or until the end where one must come."""
    got, buffer = 0, b""
    while got < count or to_the_end:
        piece = sock.recv(65536)
        if not piece:
            break
        buffer += piece
        while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2]):
            buffer = buffer[2 + int.from_bytes(buffer[:2]) :]
            got += 1
    return got
