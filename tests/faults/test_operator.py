"""What an operator is told is done is served by every worker, whatever happens to workers and processes meanwhile."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.ask import from_every_worker, rcode, values
from tests.command import command
from tests.faults.test_workers import wait_for_workers
from tests.server import value

CHANGES = {
    "disable": (["disable", "{name}"], ("NOERROR", set())),
    "delete": (["delete", "{name}", "--yes"], ("NXDOMAIN", set())),
    "clear": (["clear", "{name}"], ("NOERROR", set())),
    "set": (["values", "{name}", "--set", value(2)], ("NOERROR", {value(1), value(2)})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_paused_worker_is_gone_before_a_change_is_acknowledged(make_server, database_url, change):
    """It could come back and answer with what was taken away (promise 1, dns-correctness #82)."""
    arguments, (code, left) = CHANGES[change]
    server = make_server(database_url=database_url).start()
    account = server.register()
    assert server.update(account, value(1)).status == 200
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    done = command(server, "account", *(one.format(name=account["subdomain"]) for one in arguments))
    assert done.returncode == 0, done.stderr
    assert not Path(f"/proc/{pid}").exists(), "it could come back"
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert (rcode(response), values(response)) == (code, left)
    wait_for_workers(server, other_than=[pid])
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert (rcode(response), values(response)) == (code, left)


def test_without_a_live_worker_a_change_is_not_acknowledged(make_server):
    """It is durable and said to be, but not done; the workers that come have it."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    pids = server.worker_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    done = command(server, "account", "delete", account["subdomain"], "--yes")
    assert done.returncode == 1
    assert "it is done, but not every DNS worker answers so yet" in done.stderr
    assert "nothing to repeat" in done.stderr
    wait_for_workers(server, other_than=pids)
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert rcode(response) == "NXDOMAIN"
    assert command(server, "account", "show", account["subdomain"]).returncode == 1


def test_a_crash_loses_nothing_that_was_acknowledged(make_server):
    """Neither the change nor its entry in the audit log."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    assert command(server, "account", "disable", account["subdomain"]).returncode == 0
    server.kill()
    server.start()
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert (rcode(response), values(response)) == ("NOERROR", set())
    entries = [json.loads(line) for line in command(server, "audit", "--json").stdout.splitlines()]
    assert [one["action"] for one in entries] == ["account_registered", "account_disabled"]


def test_without_a_live_worker_no_password_is_lost(make_server):
    """A new account is told all the same, and written; a registration is taken back before the client hears 503."""
    server = make_server().start()
    file = server.folder / "lego.json"

    def stop_workers():
        pids = server.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        return pids

    pids = stop_workers()
    # Without the second that a start of Python takes, in which the workers might be replaced.
    wish = ("--subdomain", "kept", "--format", "lego", "--url", server.api_url, "-o", str(file), "example.org")
    done = command(server, "account", "new", *wish)
    assert done.returncode == 1
    assert "the account is there, but not every DNS worker answers so yet" in done.stderr
    wait_for_workers(server, other_than=pids)
    pids = stop_workers()
    refused = server.request("POST", "/register")
    assert (refused.status, refused.json) == (503, {"error": "not_served"})
    wait_for_workers(server, other_than=pids)
    kept = json.loads(file.read_text())["example.org"]
    assert server.update(kept, value(1)).status == 200
    for response in from_every_worker(server.dns, f"kept.{server.zone}"):
        assert (rcode(response), values(response)) == ("NOERROR", {value(1)})
    listed = command(server, "account", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["username"] for line in listed] == [kept["username"]]
