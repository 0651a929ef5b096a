"""The API's own certificate at the doors of a server whose CA is away: renew's exit code, health of a closed API."""

import os
import socket
import subprocess
import time
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from acmedns_py.certificate.pem import read_certificate, self_signed
from acmedns_py.certificate.state import State
from acmedns_py.cli import app, certificate
from tests.server import ACMEDNS, ZONE, Server

DIRECTORY = "https://127.0.0.1:1/dir"
"""Nobody listens there."""


@pytest.fixture
def make_certified(make_server: Callable[..., Server]) -> Callable[..., Server]:
    """Make servers that are to get their certificate by themselves, with further lines of [certificate]."""

    def make(*lines: str) -> Server:
        server = make_server(config="\n".join(["[certificate]", f'directory = "{DIRECTORY}"', *lines]))
        server.config.write_text(server.config.read_text().replace("[api]", '[api]\ntls = "acme"'))
        return server

    return make


def keep_certificate_of_ca(server: Server) -> None:
    """Put one there that counts as the CA's."""
    state = State(server.folder / "acmedns.db.certificate")
    state.prepare()
    state.keep_certificate(read_certificate(self_signed([ZONE], "p256", time.time()).pem, DIRECTORY))


def health(server: Server, **environ: str) -> tuple[int, str]:
    """Give exit code and line of `acmedns health`."""
    done = subprocess.run(
        [ACMEDNS, "health", "-c", server.config],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    return done.returncode, done.stdout.rstrip()


def test_renewal_that_is_due_and_not_had_is_exit_code_1(make_certified):
    """In the pause after a failure too, forced or not; one line says why and when the next try is."""
    server = make_certified().start()
    server.wait_for_log("certificate_not_issued")
    told = server.acmedns("certificate", "renew")
    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (1, "", 1)
    assert "acmedns: the last try failed, and the next is due at 20" in told.stderr
    assert "can't be reached" in told.stderr
    assert server.acmedns("certificate", "renew", "--force").returncode == 1


def test_renewal_that_does_not_end_is_not_waited_for_without_end(make_certified, monkeypatch):
    """A CA that takes the connection and says nothing: one line, and how to learn the outcome."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = make_certified()
        text = server.config.read_text().replace(DIRECTORY, f"https://127.0.0.1:{silent.getsockname()[1]}/dir")
        server.config.write_text(text)
        server.start()
        monkeypatch.setattr(certificate, "PATIENCE_SECONDS", 0.0)
        told = CliRunner().invoke(app, ["certificate", "renew", "--force", "-c", str(server.config)])
    assert told.exit_code == 1
    assert told.output.count("\n") == 1
    assert "the server is still at it after 0 min; acmedns certificate show tells what comes of it" in told.output


def test_renewal_that_is_not_due_is_no_failure(make_certified):
    """So that it may stand in a crontab."""
    server = make_certified()
    keep_certificate_of_ca(server)
    server.start()
    told = server.acmedns("certificate", "renew")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("nothing is due until 20")


def test_health_needs_the_certificate_files_of_a_closed_api_alone(make_certified, tmp_path):
    """Once the API answers, any user may ask; one who can't read them is told who can."""
    server = make_certified('until_first = "wait"').start()
    closed = tmp_path / "file" / "state"
    closed.parent.write_text("")
    assert health(server) == (0, f"healthy: DNS answers, the API waits for its certificate, zone {ZONE}")
    code, line = health(server, ACMEDNS_CERTIFICATE__STATE_DIR=str(closed))
    assert code == 1
    assert line.startswith(f"unhealthy: API 127.0.0.1:{server.api[1]}: ")
    assert "whether it waits for its first certificate can't be told" in line
    assert line.endswith("can't be read (Not a directory); run this as the server's user, or make it that user's")
    server.stop()
    keep_certificate_of_ca(server)
    server.start()
    code, line = health(server, ACMEDNS_CERTIFICATE__STATE_DIR=str(closed))
    assert (code, line) == (0, f"healthy: DNS and API answer, zone {ZONE}")
