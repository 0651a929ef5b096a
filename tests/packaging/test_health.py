"""`acmedns health` beside a running server: exit code and one line that names what is wrong."""

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.server import ACMEDNS, Server, free_port


def health(server: Server, *, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Ask and give exit code and output, which says the same in JSON."""
    line, document = (
        subprocess.run(
            [ACMEDNS, "health", *option, "-c", server.config],
            env=environ or {},
            capture_output=True,
            text=True,
            check=False,
        )
        for option in ((), ("--json",))
    )
    assert line.stderr == document.stderr == ""
    assert line.stdout.count("\n") == document.stdout.count("\n") == 1
    told = json.loads(document.stdout)
    assert document.returncode == line.returncode == (not told["healthy"])
    if told["healthy"]:
        assert line.stdout.endswith(f", zone {told['zone']}\n")
        assert ("the API waits" in line.stdout) == told["awaits_certificate"]
        assert told["problems"] == []
    else:
        assert line.stdout == f"unhealthy: {'; '.join(told['problems'])}\n"
    return line.returncode, line.stdout.rstrip()


@contextmanager
def dripping(listening: socket.socket, first: bytes, then: bytes) -> Iterator[None]:
    """Answer each connection with `first`, and with `then` again and again for as long as the block lasts."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(first)
            while not over.wait(0.2):
                connection.sendall(then)

    def accept() -> None:
        with suppress(OSError):
            while True:
                drips.submit(drip, listening.accept()[0])

    with ThreadPoolExecutor() as drips:
        accepting = drips.submit(accept)
        try:
            yield
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            accepting.result()


def test_a_running_server_is_healthy(make_server: Callable[..., Server]):
    """DNS over both transports and the API's readiness."""
    server = make_server().start()
    assert health(server) == (0, f"healthy: DNS and API answer, zone {server.zone}")


def test_each_silent_part_is_named(make_server: Callable[..., Server]):
    """Without a server: every address and transport with its reason."""
    server = make_server()
    code, line = health(server)
    dns, api = server.dns[1], server.api[1]
    assert code == 1
    assert line == (
        f"unhealthy: DNS 127.0.0.1:{dns} UDP: Connection refused; DNS 127.0.0.1:{dns} TCP: Connection refused; "
        f"API 127.0.0.1:{api}: Connection refused"
    )


def test_silence_is_told_from_refusal(make_server: Callable[..., Server]):
    """A socket that nobody reads is bound, yet does not answer."""
    server = make_server().start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute, socket.socket() as deaf:
        mute.bind(("127.0.0.1", free_port()))
        deaf.bind(mute.getsockname())
        deaf.listen()
        port = mute.getsockname()[1]
        code, line = health(server, environ={"ACMEDNS_DNS__LISTEN": f"127.0.0.1:{port}"})
    assert code == 1
    assert line == (
        f"unhealthy: DNS 127.0.0.1:{port} UDP: no answer within 3 s; DNS 127.0.0.1:{port} TCP: no answer within 3 s"
    )


@pytest.mark.parametrize(
    ("place", "first", "then"),
    [
        ("ACMEDNS_DNS__LISTEN", b"\x00\xff", b"\0"),
        ("ACMEDNS_API__LISTEN", b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        ("ACMEDNS_API__LISTEN", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"a"),
    ],
)
def test_an_answer_that_drips_has_no_more_time(
    make_server: Callable[..., Server], place: str, first: bytes, then: bytes
):
    """The time is for the whole, however often something comes; nobody waits for its end."""
    server = make_server().start()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with dripping(other, first, then):
            code, line = health(server, environ={place: f"127.0.0.1:{port}", "ACMEDNS_DNS__PROTOCOL": "tcp"})
    assert code == 1
    assert f"127.0.0.1:{port}{' TCP' if 'DNS__LISTEN' in place else ''}: no answer within 3 s" in line


def test_an_interim_response_is_no_answer(make_server: Callable[..., Server]):
    """Nobody has asked for one (RFC 9110 10.1.1), and they may come without end."""
    server = make_server().start()
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with dripping(other, interim, interim):
            code, line = health(server, environ={"ACMEDNS_API__LISTEN": f"127.0.0.1:{other.getsockname()[1]}"})
    assert code == 1
    assert "no answer within 3 s" in line


def test_an_answer_without_the_zone_is_unhealthy(make_server: Callable[..., Server]):
    """A server of another zone refuses, and that is told with its rcode."""
    server = make_server().start()
    code, line = health(server, environ={"ACMEDNS_ZONE__NAME": "other.example.org"})
    assert code == 1
    assert line.startswith(f"unhealthy: DNS 127.0.0.1:{server.dns[1]} UDP: no SOA in the response (rcode 5, 0 answers)")


def test_only_the_configured_transports_are_asked(make_server: Callable[..., Server]):
    """With UDP alone, TCP is not missed."""
    environ = {"ACMEDNS_DNS__PROTOCOL": "udp"}
    server = make_server().start(environ=environ)
    assert health(server, environ=environ)[0] == 0
    assert "TCP" in health(server)[1]


def test_an_api_that_is_not_ready_is_unhealthy(make_server: Callable[..., Server]):
    """The document of /health/ready is shown; here it comes from another server's place."""
    server = make_server().start()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        asking = subprocess.Popen(
            [ACMEDNS, "health", "-c", server.config],
            env={"ACMEDNS_API__LISTEN": f"127.0.0.1:{other.getsockname()[1]}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        connection, _ = other.accept()
        with connection:
            assert connection.recv(4096).startswith(b"GET /health/ready HTTP/1.1\r\n")
            connection.sendall(b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\n\r\n{"ready":false}')
            line, _ = asking.communicate(timeout=30)
    assert asking.returncode == 1
    assert line.endswith('/health/ready says 503 {"ready":false}\n')


def test_tls_with_a_certificate_for_the_public_name(make_server: Callable[..., Server], tmp_path: Path):
    """The certificate names the public host, and the question goes to this host's address."""
    certificate = trustme.CA().issue_cert("auth.example.org")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    environ = {
        "ACMEDNS_API__TLS": "cert",
        "ACMEDNS_API__TLS_CERTIFICATE": str(tmp_path / "chain.pem"),
        "ACMEDNS_API__TLS_KEY": str(tmp_path / "key.pem"),
    }
    server = make_server().start(environ=environ)
    assert health(server, environ=environ)[0] == 0
    assert health(server)[0] == 1


def test_a_wrong_configuration_is_one_line(make_server: Callable[..., Server]):
    """What `serve` would refuse is said here too, with all its problems in the one line that probes show."""
    server = make_server()
    code, line = health(server, environ={"ACMEDNS_DNS__PORT": "0", "ACMEDNS_ZONE__TTL": "-1"})
    assert code == 1
    problems = line.removeprefix("unhealthy: ").split("; ACMEDNS_")
    assert sorted(problem.removeprefix("ACMEDNS_").partition(":")[0] for problem in problems) == [
        "DNS__PORT = 0",
        "ZONE__TTL = -1",
    ]
