"""TCP at a real worker: any cut of the stream, many queries at once, limits in time and number (RFC 7766)."""

import contextlib
import socket
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from acmedns_py.dns.responder import Transport
from acmedns_py.service.workers import Limits
from tests.conformance.exam import CASES
from tests.dns.example import MANY, NOW, POLICY, SOURCE, Z, responder
from tests.dns.packets import query, without_server_cookie
from tests.server import free_port
from tests.worker.running import workers

SECONDS = 10


def framed(octets: bytes) -> bytes:
    """Give a message behind its length."""
    return struct.pack("!H", len(octets)) + octets


def connected(port: int, source: str = "127.0.0.1") -> socket.socket:
    """Connect to the workers from a loopback address."""
    return socket.create_connection(("127.0.0.1", port), SECONDS, (source, 0))


def received(sock: socket.socket) -> bytes | None:
    """Read one message, None where the connection ends."""
    length = _exactly(sock, 2)
    return _exactly(sock, struct.unpack("!H", length)[0]) if length else None


def _exactly(sock: socket.socket, octets: int) -> bytes | None:
    got = b""
    while len(got) < octets:
        piece = sock.recv(octets - len(got))
        if not piece:
            return None
        got += piece
    return got


@pytest.fixture(scope="module")
def port():
    """Two workers with usual limits."""
    number = free_port()
    with workers("127.0.0.1", port=number, count=2):
        yield number


@pytest.fixture
def strict_port():
    """One worker with an idle time of a second, and room for 4 connections, 3 of one client."""
    number = free_port()
    with workers("127.0.0.1", port=number, limits=Limits(4, 3), policy=replace(POLICY, tcp_idle_seconds=1.0)):
        yield number


def test_every_row_of_the_exam_comes_over_one_connection(port):
    """The core's octets, and never TC (dns-correctness #51)."""
    door = responder()
    with connected(port) as sock:
        for case in CASES:
            expected = None if case.udp_only else door.respond(case.query, SOURCE, Transport.TCP, NOW)
            if expected is not None:
                sock.sendall(framed(case.query))
                assert without_server_cookie(received(sock)) == without_server_cookie(expected), case.title


def test_twenty_queries_in_one_segment_get_twenty_answers(port):
    """Matched by their IDs (dns-correctness #52)."""
    with connected(port) as sock:
        sock.sendall(b"".join(framed(query(Z, "SOA", ident=number)) for number in range(20)))
        assert {received(sock)[:2] for _ in range(20)} == {struct.pack("!H", number) for number in range(20)}


def test_thousands_of_pipelined_queries_are_all_answered(port):
    """More than are answered in one turn, with answers that fill the socket's buffers."""
    with connected(port) as sock:
        sock.settimeout(30)
        octets = b"".join(framed(query(f"{MANY}.{Z}", ident=number)) for number in range(2000))
        sock.sendall(octets)
        assert [received(sock)[:2] for _ in range(2000)] == [struct.pack("!H", number) for number in range(2000)]


def test_single_octets_make_a_query(port):
    """However slowly it comes (dns-correctness #53)."""
    with connected(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in framed(query(Z, "SOA")):
            sock.sendall(bytes([octet]))
        assert received(sock) == responder().respond(query(Z, "SOA"), SOURCE, Transport.TCP, NOW)


def test_a_half_closed_connection_still_gets_its_answer(port):
    """A client may say that it has no more to ask (dns-correctness #53)."""
    with connected(port) as sock:
        sock.sendall(framed(query(f"{MANY}.{Z}")) * 200)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(200):
            assert received(sock) is not None
        assert received(sock) is None


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\x0b" + b"x" * 11])
def test_a_length_that_can_be_no_query_closes_the_connection(port, octets):
    """Zero and eleven octets (dns-correctness #54)."""
    with connected(port) as sock:
        sock.sendall(octets)
        assert received(sock) is None


@pytest.mark.parametrize("octets", [b"", b"\0", b"\xff\xff", b"\0\x30" + b"x" * 20])
def test_a_promise_that_is_not_kept_is_closed_on_the_idle_timer(strict_port, octets):
    """Octets that never become a query hold no connection (dns-correctness #54, #55)."""
    with connected(strict_port) as sock:
        sock.sendall(octets)
        assert received(sock) is None


def test_a_client_that_takes_no_answers_is_dropped(strict_port):
    """Its memory is bounded, its time too, and others are served meanwhile."""
    with connected(strict_port) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.settimeout(0.2)
        sent = 0
        try:
            while sent < 4_000_000:
                sent += greedy.send(framed(query(f"{MANY}.{Z}")) * 50)
        except TimeoutError:
            pass
        assert sent < 4_000_000, "back pressure never came"
        with connected(strict_port) as other:
            other.sendall(framed(query(Z, "SOA")))
            assert received(other) is not None
        greedy.settimeout(SECONDS)
        with pytest.raises(OSError):  # noqa: PT012 - any of the sends may be the one
            for _ in range(1000):
                greedy.recv(1 << 16)
                greedy.sendall(b"\0")


def test_a_reset_behind_queries_and_a_bad_length_stops_nobody():
    """A connection that ends while its queries wait for their turn is forgotten; the worker goes on."""
    number = free_port()
    with workers("127.0.0.1", port=number) as pool:
        pids = [state["pid"] for state in pool.states()]
        for _ in range(30):
            sock = connected(number)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(framed(query(Z, "SOA")) * 2000 + b"\0\0")
            sock.close()
            with connected(number) as other:
                other.sendall(framed(query(Z, "SOA")))
                assert received(other) is not None
        assert [state["pid"] for state in pool.states()] == pids


def test_answers_that_nobody_takes_are_not_made():
    """Connections that ask for much and read nothing cost a bounded piece of memory each (dns-correctness #54)."""
    number = free_port()
    with workers("127.0.0.1", port=number) as pool:
        worker = psutil.Process(pool.states()[0]["pid"])
        before = worker.memory_info().rss
        greedy = []
        try:
            for _ in range(30):
                sock = connected(number)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.setblocking(False)
                greedy.append(sock)
                with contextlib.suppress(BlockingIOError):
                    sock.send(framed(query(f"{MANY}.{Z}")) * 3000)
            with connected(number) as other:
                for _ in range(50):
                    other.sendall(framed(query(Z, "SOA")))
                    assert received(other) is not None
            assert worker.memory_info().rss - before < 30 * 500_000
        finally:
            for sock in greedy:
                sock.close()


def test_a_new_client_is_served_where_the_limit_is_reached(strict_port):
    """The longest idle connection goes first (dns-correctness #55)."""
    idle = [connected(strict_port) for _ in range(3)]
    try:
        for sock in idle:
            sock.sendall(framed(query(Z, "SOA")))
            assert received(sock) is not None
        with connected(strict_port) as late:
            late.sendall(framed(query(Z, "SOA")))
            assert received(late) is not None
            assert received(idle[0]) is None
            idle[2].sendall(framed(query(Z, "SOA")))
            assert received(idle[2]) is not None
    finally:
        for sock in idle:
            sock.close()


@pytest.fixture
def crowded():
    """A worker with room for 8 connections, and a function by which a crowd of 20 from one address fills it."""
    number = free_port()
    with workers("127.0.0.1", port=number, limits=Limits(8, 8)), contextlib.ExitStack() as opened:

        def crowd() -> None:
            silent = [opened.enter_context(connected(number, "127.0.0.9")) for _ in range(20)]
            # The last ones have been accepted when as many of the first had to go.
            assert all(received(sock) is None for sock in silent[:12])

        yield number, crowd


def test_a_silent_crowd_drives_nobody_out_who_has_asked(crowded):
    """However long ago that was (RFC 7766 6.2.3; dns-correctness #55)."""
    port, crowd = crowded
    with connected(port, "127.0.0.8") as early:
        early.sendall(framed(query(Z, "SOA")))
        assert received(early) is not None
        crowd()
        early.sendall(framed(query(Z, "SOA")))
        assert received(early) is not None


def test_a_silent_crowd_drives_no_newcomer_out_before_its_first_query(crowded):
    """Its query may be on its way for longer than a crowd takes to connect."""
    port, crowd = crowded
    crowd()
    with connected(port, "127.0.0.8") as late:
        crowd()
        late.sendall(framed(query(Z, "SOA")))
        assert received(late) is not None


def test_the_line_of_those_who_wait_to_be_accepted_is_as_long_as_it_was_made(port):
    """The event loop would shorten it to the 100 that it accepts in one turn."""
    shown = subprocess.run(
        ["ss", "--no-header", "--tcp", "--listening", "--numeric", "sport", "=", f":{port}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    most = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert [int(line.split()[2]) for line in shown.splitlines()] == [min(1024, most)] * 2
