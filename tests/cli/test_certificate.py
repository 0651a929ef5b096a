"""`acmedns certificate show`, run in this process: from the files alone."""

import json
import time

import pytest
from typer.testing import CliRunner

from acmedns_py.certificate.pem import read_certificate, self_signed
from acmedns_py.certificate.rule import Pause
from acmedns_py.certificate.state import State
from acmedns_py.cli import app

DIRECTORY = "https://ca.example.org/dir"


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Run it on a configuration with this `api.tls`; gives exit code and output."""
    monkeypatch.setenv("NO_COLOR", "1")
    path = tmp_path / "config.toml"

    def run(*options, tls="acme"):
        path.write_text(
            f'[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n[api]\ntls = "{tls}"\n'
            f'[database]\nurl = "sqlite:///{tmp_path}/acmedns.db"\n'
        )
        return CliRunner().invoke(app, ["certificate", "show", "-c", str(path), *options])

    return run


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "acmedns.db.certificate")
    state.prepare()
    return state


def test_certificate_of_a_ca_is_shown(show, state):
    """Exit 0; facts one a line, or JSON; never the key."""
    made = read_certificate(self_signed(["auth.example.org"], "p384", time.time()).pem, DIRECTORY)
    state.keep_certificate(made)
    told = show()
    assert told.exit_code == 0, told.output
    assert f"issuer:{' ' * 14}{DIRECTORY}" in told.output
    assert "PRIVATE" not in told.output
    found = json.loads(show("--json").output)
    assert (found["names"], found["serial"], found["key_type"]) == (["auth.example.org"], f"{made.serial:x}", "p384")
    assert (found["problem"], found["failures"]) == (None, 0)


def test_self_signed_one_is_shown_with_the_reason(show, state):
    """Exit 1: no client accepts it."""
    state.keep_certificate(self_signed(["auth.example.org"], "p256", time.time()))
    state.keep_pause(Pause(3, 1e9, 1e9 + 600, "the CA says no"))
    told = show("--json")
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert (found["issuer"], found["problem"], found["failures"]) == ("self-signed", "the CA says no", 3)
    assert found["next_try_not_before"] == "2001-09-09T01:56:40+00:00"


@pytest.mark.parametrize("asked", [["renew", "--force"], ["renew"], ["revoke", "--yes"]])
def test_what_needs_the_running_server_says_so(show, state, tmp_path, asked):
    """One line, and nothing is touched."""
    show()
    told = CliRunner().invoke(app, ["certificate", *asked, "-c", str(tmp_path / "config.toml")])
    assert told.exit_code == 1
    assert told.output.count("\n") == 1
    assert f"no server listens at {tmp_path}/acmedns.db.sock" in told.output
    assert not (tmp_path / "acmedns.db").exists()


def test_revoked_one_is_not_good(show, state):
    """Exit 1: who looks at its CA does not accept it."""
    made = read_certificate(self_signed(["auth.example.org"], "p384", time.time()).pem, DIRECTORY)
    state.keep_certificate(made)
    state.keep_revoked(made.serial_text)
    told = show()
    assert told.exit_code == 1
    assert "revoked:             yes" in told.output


def test_nothing_to_show_is_one_line(show, state):
    """No such certificate, none yet, or a damaged one, which stays where it is."""
    for tls, text in (("none", 'api.tls is "none"'), ("acme", "acmedns serve gets one")):
        told = show(tls=tls)
        assert told.exit_code == 1
        assert text in told.output
    state.certificate_path.write_bytes(b"Directory: x\nnonsense")
    told = show()
    assert told.exit_code == 1
    assert told.output.count("\n") == 1
    assert "holds no whole private key" in told.output
    assert state.certificate_path.exists()
