"""UDP at a real worker: the octets of the core, from the address that was asked, never in fragments."""

import socket
import subprocess
import sys

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.exam import CASES
from tests.dns.example import NOW, SOURCE, TWO, Z, responder
from tests.dns.packets import query, without_server_cookie
from tests.server import free_port
from tests.worker.running import workers

SECONDS = 30


pytestmark = pytest.mark.usefixtures("drained_by")


@pytest.fixture(scope="module")
def port(drained_by):
    """Workers on loopback, v4 and v6."""
    number = free_port()
    with workers("127.0.0.1", "::1", port=number, count=2):
        yield number


def asked(host: str, port: int, octets: bytes) -> bytes:
    """Ask from a connected socket, which takes answers from the asked address alone."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.connect((host, port))
        sock.send(octets)
        return sock.recv(4096)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_row_of_the_exam_comes_over_the_wire(port, host):
    """v4 and v6 carry exactly what the core says (dns-correctness #50); silence is silence."""
    door = responder()
    sentinel = query(Z, "SOA", ident=1)
    for case in CASES:
        if case.tcp_only:
            continue
        expected = door.respond(case.query, SOURCE, Transport.UDP, NOW)
        if expected is not None:
            got = asked(host, port, case.query)
            assert without_server_cookie(got) == without_server_cookie(expected), case.title
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(SECONDS)
            sock.connect((host, port))
            sock.send(case.query)
            sock.send(sentinel)
            assert sock.recv(4096) == door.respond(sentinel, SOURCE, Transport.UDP, NOW), case.title


def test_a_datagram_of_any_length_does_no_harm(port):
    """Empty and largest datagrams are answered or passed over; the next question is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for length in (0, 1, 11, 4095, 4096, 4097, 65507):
            sock.sendto(b"\xff" * length, ("127.0.0.1", port))
    assert asked("127.0.0.1", port, query(Z, "SOA"))


@pytest.mark.parametrize(("wildcard", "hosts"), [("0.0.0.0", ["127.0.0.1", "127.0.0.2", "127.1.2.3"]), ("::", ["::1"])])
def test_a_wildcard_answers_from_the_address_that_was_asked(wildcard, hosts):
    """A resolver drops answers from elsewhere (RFC 2181 4; dns-correctness #49)."""
    number = free_port()
    with workers(wildcard, port=number):
        for host in hosts:
            assert asked(host, number, query(f"{TWO}.{Z}")) == responder().respond(
                query(f"{TWO}.{Z}"), SOURCE, Transport.UDP, NOW
            )


def test_what_does_not_fit_the_path_is_truncated_not_fragmented():
    """On a path of 600 octets a longer answer becomes TC with question and OPT (RFC 9715 3.1; dns-correctness #47)."""
    done = subprocess.run(
        [
            "unshare",
            "-rn",
            "sh",
            "-c",
            f"ip link set lo mtu 600 up && exec {sys.executable} -m tests.worker.small_path",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "TC and TCP"


def test_the_log_says_by_what_udp_is_drained(make_server, drained_by):
    """Whoever wonders about the speed finds it with each worker's start."""
    server = make_server().start(before=(sys.executable,))
    for worker in ("0", "1"):
        assert server.wait_for_log('"worker_fence', f'"worker": {worker}')["udp"] == drained_by
