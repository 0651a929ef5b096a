"""Workers that die, hang and come back: no acknowledged value is ever missing from an answer, and no query waits."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.ask import ask, from_every_worker, rcode, values
from tests.server import value


def wait_for_workers(server, *, other_than=(), seconds=30):
    """Wait until all workers are live and none has one of these pids; gives their pids."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        workers = server.request("GET", "/health/ready").json["workers"]
        if all(w["state"] == "live" and w["pid"] not in other_than for w in workers):
            return [w["pid"] for w in workers]
        time.sleep(0.02)
    raise AssertionError(f"workers not back: {workers}\n{server.log.read_text()}")


def wait_until_gone(pid, seconds=20):
    """Wait until the kernel knows no such process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request, tmp_path):
    """The environment of a control process with the one event loop or the other."""
    if request.param == "uvloop":
        return {}
    (tmp_path / "uvloop.py").write_text("raise ImportError('not wanted in this test')")
    return {"PYTHONPATH": str(tmp_path)}


def test_a_killed_worker_is_back_and_fed(make_server, loop):
    """Its place is taken by a new process that holds every value."""
    server = make_server().start(environ=loop)
    account = server.register()
    server.update(account, value(1))
    pids = server.worker_pids()
    os.kill(pids[0], signal.SIGKILL)
    assert pids[1] in wait_for_workers(server, other_than=[pids[0]])
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert values(response) == {value(1)}


def test_no_query_waits_for_a_dead_worker(make_server):
    """Its siblings read its sockets: every question right after the kill is answered, none asked twice (dns-correctness #75)."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    for _ in range(3):
        pids = wait_for_workers(server)
        os.kill(pids[1], signal.SIGKILL)
        for response in from_every_worker(server.dns, account["fulldomain"], times=16):
            assert values(response) == {value(1)}
        wait_for_workers(server, other_than=[pids[1]])


def test_a_paused_worker_is_killed_before_an_update_stops_waiting(make_server):
    """At the 200 the paused process no longer exists, so that it can't come back with old data."""
    server = make_server().start()
    account = server.register()
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    assert server.update(account, value(2)).status == 200
    assert not Path(f"/proc/{pid}").exists(), "it could come back"
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert values(response) == {value(2)}
    wait_for_workers(server, other_than=[pid])


def test_without_a_live_worker_an_update_is_503_and_its_repeat_is_served(make_server):
    """Committed but not served is never a 200; the value stays, and the repeat waits for it."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    pids = server.worker_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    reply = server.update(account, value(2))
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) >= 1
    wait_for_workers(server, other_than=pids)
    assert server.update(account, value(2)).status == 200
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert values(response) == {value(1), value(2)}


@pytest.mark.parametrize("paused", [False, True])
def test_no_worker_outlives_the_control_process(make_server, paused):
    """An orphan would answer with old data for ever; one that is paused is ended too."""
    server = make_server().start()
    pids = server.worker_pids()
    if paused:
        os.kill(pids[0], signal.SIGSTOP)
    server.kill()
    for pid in pids:
        wait_until_gone(pid)


def test_a_worker_that_keeps_dying_makes_the_service_unready(make_server):
    """After the fifth death within a minute readiness fails and the log says so; answers go on from the sibling."""
    server = make_server().start()
    for _ in range(5):
        pids = wait_for_workers(server)
        os.kill(pids[0], signal.SIGKILL)
        wait_until_gone(pids[0])
    server.wait_for_log("worker_keeps_dying")
    reply = server.request("GET", "/health/ready")
    assert reply.status == 503
    assert reply.json["workers_keep_dying"] is True
    assert rcode(ask(server.dns, f"www.{server.zone}", "A")) == "NOERROR"


def test_values_survive_a_storm_of_kills(make_server, loop):
    """Updates go on while workers die one after the other; whatever was acknowledged is in every later answer."""
    server = make_server(workers=3).start(environ=loop)
    account = server.register()
    acknowledged = set()
    for number in range(12):
        if number % 3 == 0:
            os.kill(server.worker_pids()[number // 3 % 3], signal.SIGKILL)
        if server.update(account, value(number)).status == 200:
            acknowledged.add(value(number))
        for response in from_every_worker(server.dns, account["fulldomain"], times=4):
            assert acknowledged <= values(response)
    assert len(acknowledged) >= 10


def test_the_worker_runs_fenced_and_holds_nothing(make_server, loop):
    """no_new_privs, an empty environment, and no descriptor but sockets and the loop's own (promise 4).

    A ring of io_uring would be a way around the fence.
    """
    server = make_server().start(environ=loop)
    for pid in server.worker_pids():
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert environment.strip(b"\0") == b""
        targets = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        kinds = {target.split(":")[0] for target in targets if not target.endswith("server.log")}
        assert kinds <= {"socket", "anon_inode", "pipe", "/dev/null"}, targets
        assert not [target for target in targets if "uring" in target]
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "_sqlite3" not in maps
        assert "_argon2" not in maps
    server.wait_for_log("worker_fence")
