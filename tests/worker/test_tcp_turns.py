"""Whose turn it is among many TCP connections, and who gives way: with transports of our own, where time is ours too."""

import asyncio

import pytest

from acmedns_py.dns.framing import framed
from acmedns_py.worker import tcp
from acmedns_py.worker.tcp import QUERIES_A_TURN, TURN_SECONDS, TcpConnection, TcpConnections
from tests.dns.example import Z, responder
from tests.dns.packets import query

ONE = framed(query(Z, "SOA"))


class Transport:
    """What a connection needs of its loop; `order` gets its name once for each answer."""

    def __init__(self, host: str, order: list[str]) -> None:
        self.host = host
        self.order = order
        self.closed = False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        """The peer's address."""
        return self.host, 1000

    def write(self, octets: bytes) -> None:
        """Count the answers."""
        while octets:
            self.order.append(self.host)
            octets = octets[2 + int.from_bytes(octets[:2]) :]

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int) -> None:
        """Nothing waits."""

    def pause_reading(self) -> None:
        """Nothing more comes than what a test sends."""

    def resume_reading(self) -> None:
        """Nothing more comes than what a test sends."""


class Listener:
    """What counts the answers."""

    answered = 0


class Crowd:
    """Connections of one worker by the hosts that they come from."""

    def __init__(self, *, total: int = 10_000, per_client: int = 10_000) -> None:
        self.order: list[str] = []
        self.connections = TcpConnections(responder(), idle_seconds=10, total=total, per_client=per_client)

    def connect(self, host: str) -> tuple[TcpConnection, Transport]:
        """Open one more."""
        transport = Transport(host, self.order)
        connection = TcpConnection(self.connections, Listener())
        connection.connection_made(transport)
        return connection, transport

    @staticmethod
    def send(connection: TcpConnection, octets: bytes) -> None:
        """Let octets arrive, as many at once as the loop reads."""
        buffer = connection.get_buffer(-1)
        while octets:
            piece, octets = octets[: len(buffer)], octets[len(buffer) :]
            buffer[: len(piece)] = piece
            connection.buffer_updated(len(piece))


async def settled(crowd: Crowd) -> None:
    """Let the loop run until nobody is in line."""
    while crowd.connections._ready:
        await asyncio.sleep(0)


async def test_a_query_that_waits_for_its_turn_keeps_its_connection():
    """Whoever has asked is not the longest idle one, though it was until then (dns-correctness #55)."""
    crowd = Crowd(total=3, per_client=3)
    made = [crowd.connect(f"192.0.2.{number}") for number in range(3)]
    for connection, _ in made:
        crowd.send(connection, ONE)
        await settled(crowd)
    crowd.send(made[0][0], ONE)
    crowd.connect("192.0.2.9")
    await settled(crowd)
    assert [transport.closed for _, transport in made] == [False, True, False]
    assert crowd.order.count("192.0.2.0") == 2


async def test_half_a_query_keeps_no_connection():
    """Octets that are no query yet make nobody less idle (dns-correctness #54)."""
    crowd = Crowd(total=2, per_client=2)
    made = [crowd.connect(f"192.0.2.{number}") for number in range(2)]
    for connection, _ in made:
        crowd.send(connection, ONE)
        await settled(crowd)
    crowd.send(made[0][0], ONE[:-1])
    crowd.connect("192.0.2.9")
    assert [transport.closed for _, transport in made] == [True, False]


@pytest.mark.parametrize(
    ("second", "shares"), [("2001:db8:0:2ff::2", True), ("2001:db8:0:300::2", False), ("192.0.2.2", False)]
)
async def test_an_ipv6_network_is_one_client(second, shares):
    """A host has more addresses there than anybody has places (dns-correctness #55)."""
    crowd = Crowd(per_client=1)
    _, first = crowd.connect("2001:db8:0:200::1")
    crowd.connect(second)
    assert first.closed is shares


async def test_many_pipelined_queries_wait_for_few_of_others():
    """A connection gets so many answers, then the next one has its turn."""
    crowd = Crowd()
    (greedy, _), (modest, _) = crowd.connect("192.0.2.1"), crowd.connect("192.0.2.2")
    crowd.send(greedy, ONE * 100)
    crowd.send(modest, ONE)
    await settled(crowd)
    assert crowd.order.index("192.0.2.2") == QUERIES_A_TURN
    assert len(crowd.order) == 101


async def test_a_crowd_does_not_keep_the_loop_from_others(monkeypatch):
    """After so much time the rest waits for the loop's next round, where UDP and the feed have their turn."""
    each = TURN_SECONDS / 10
    clock = [0.0]
    crowd = Crowd()
    monkeypatch.setattr(tcp.time, "monotonic", lambda: clock[0])
    respond = crowd.connections.core.respond

    def slow(*arguments: object) -> bytes | None:
        clock[0] += each
        return respond(*arguments)

    monkeypatch.setattr(crowd.connections.core, "respond", slow)
    for number in range(20):
        crowd.send(crowd.connect(f"192.0.2.{number}")[0], ONE)
    answered: list[int] = []
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: answered.append(len(crowd.order)))
    await settled(crowd)
    assert answered == [10]
    assert len(crowd.order) == 20
