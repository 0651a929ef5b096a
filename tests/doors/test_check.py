"""The check by the running server where DNS above it can't be had: begun at a wish and by the clock, never in the way."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
import structlog

from acmedns_py.errors import AsideFailed
from acmedns_py.service.aside import done_aside
from acmedns_py.service.checks import Checks
from tests.command import command
from tests.server import value

CHECK = "/admin/v1/check"

DEAD_ROOT = ". 3600 NS a.root-servers.net.\na.root-servers.net. 3600 A 127.0.0.99\n"
"""Nobody answers at this address, and says so."""


@pytest.fixture
def checking(make_server, tmp_path: Path):
    """A running server that has a root of its own, and checks when it is told to."""
    hints = tmp_path / "hints"
    hints.write_text(DEAD_ROOT)
    return make_server(config=f'[check]\nevery = "off"\nroot_hints = "{hints}"\n').start()


def token(server) -> str:
    """Make a token for the operator's routes."""
    return command(server, "token", "new", "watch", "--scope", "write").stdout.split()[-1]


def ask(server, shown: str, method="GET") -> dict:
    """Ask the route as a program elsewhere does."""
    reply = server.request(method, CHECK, headers={"Authorization": f"Bearer {shown}"})
    assert reply.status == 200, reply
    return reply.json


def children_of(pid: int) -> set[int]:
    """The processes that a process has started."""
    return {
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    }


def test_it_is_begun_at_a_wish_and_told_when_it_is_done(checking):
    """One at a time; the report is that of the command, and `last` has its exit code."""
    shown = token(checking)
    before = ask(checking, shown)
    assert (before["report"], before["begun"], before["failure"], before["running"]) == (None, None, None, False)
    done = command(checking, "check", "last")
    assert done.returncode == 3
    assert "acmedns check now" in done.stderr
    assert ask(checking, shown, "POST")["begun"] is True
    assert ask(checking, shown, "POST")["begun"] in {True, False}
    line = checking.wait_for_log('"check_done"', seconds=60)
    found = ask(checking, shown)
    assert found["report"]["zone"] == checking.zone
    assert line["exit_code"] == found["report"]["exit_code"] == command(checking, "check", "last").returncode
    assert line["findings"] == line["new"]
    # A root that nobody reaches is no failure of anybody's.
    assert line["unconfirmed"] == found["unconfirmed"] == 0
    assert json.loads(command(checking, "check", "last", "--json").stdout)["report"] == found["report"]


def test_one_that_fails_is_one_line_and_leaves_the_last_report(checking):
    """A configuration that is wrong by now: said in the log and by the route; the server goes on."""
    shown = token(checking)
    good = checking.config.read_text()
    ask(checking, shown, "POST")
    checking.wait_for_log('"check_done"', seconds=60)
    report = ask(checking, shown)["report"]
    checking.config.write_text(good.replace("[dns]", "[dns]\nnonsense = 1"))
    ask(checking, shown, "POST")
    reason = checking.wait_for_log('"check_failed"')["reason"]
    assert "dns.nonsense" in reason
    assert "\n" not in reason
    found = ask(checking, shown)
    assert (found["failure"], found["report"]) == (reason, report)
    assert checking.update(checking.register(), value(1)).status == 200
    checking.config.write_text(good)
    assert "came to no report" in command(checking, "check", "last").stderr


def test_a_stop_waits_for_no_check_and_leaves_none_behind(make_server, tmp_path: Path):
    """Of a root that never answers, its process is ended."""
    hints = tmp_path / "hints"
    # Addresses for documentation: whatever is sent there is lost.
    hints.write_text(DEAD_ROOT.replace("127.0.0.99", "192.0.2.1"))
    server = make_server(config=f'[check]\nevery = "off"\nroot_hints = "{hints}"\n').start()
    shown = token(server)
    before = children_of(server.process.pid)
    ask(server, shown, "POST")
    deadline = time.monotonic() + 20
    while not (new := children_of(server.process.pid) - before):
        assert time.monotonic() < deadline
    (pid,) = new
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 5
    assert server.stop() == 0
    assert not Path(f"/proc/{pid}").exists()
    assert "check_done" not in server.log.read_text()


async def test_it_comes_again_after_its_time_whatever_came_of_it(tmp_path: Path):
    """By the clock: a configuration that is not there fails each time, and the last word is told."""
    checks = Checks(every_seconds=1, config=tmp_path / "none.toml")
    with structlog.testing.capture_logs() as logged:
        running = asyncio.create_task(checks.run())
        while len(logged) < 2:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
    assert [event["event"] for event in logged] == ["check_failed", "check_failed"]
    assert "none.toml" in str(checks.shown()["failure"])


def test_a_renewal_that_fails_begins_one(make_server, tmp_path: Path):
    """monitoring.md 1. At once, where the first one by the clock is minutes away; not where it is off."""
    (tmp_path / "hints").write_text(DEAD_ROOT)
    ca = '[certificate]\ndirectory = "https://127.0.0.1:1/dir"\n'
    server = make_server(config=f'[check]\nroot_hints = "{tmp_path}/hints"\n{ca}')
    server.config.write_text(server.config.read_text().replace("[api]", '[api]\ntls = "acme"'))
    server.start()
    server.wait_for_log("certificate_not_issued")
    server.wait_for_log('"check_done"', seconds=60)


@pytest.mark.parametrize(("every", "begun"), [(21_600, True), (0, False)])
def test_renewals_that_fail_begin_one_an_hour(monkeypatch, every, begun):
    """However often they are tried; an operator's wish counts each time."""
    clock = [0.0]
    monkeypatch.setattr("acmedns_py.service.checks.time.monotonic", lambda: clock[0])
    checks = Checks(every_seconds=every, config=None)
    wished: list[float] = []
    monkeypatch.setattr(checks, "begin", lambda: wished.append(clock[0]))
    for clock[0] in (0.0, 1.0, 3599.0, 3600.0, 3601.0):
        checks.renewal_failed()
    assert wished == ([0.0, 3600.0] if begun else [])


async def test_after_new_failures_it_looks_again_once(monkeypatch):
    """Some minutes later; what fails on and on then waits for its usual time, or for a wish where that is never."""
    monkeypatch.setattr("acmedns_py.service.checks.SECOND_LOOK_SECONDS", 0.0)
    runs = 0

    async def done_aside(*_: str, seconds: float) -> bytes:
        nonlocal runs
        assert seconds
        runs += 1
        # Another failure each time.
        found = {"id": "ns-silent", "verdict": "FAIL", "subject": f"run {runs}", "seen": ""}
        section = {"name": "reach", "not_tested": None, "findings": [found]}
        return json.dumps({"exit_code": 2, "sections": [section]}).encode()

    monkeypatch.setattr("acmedns_py.service.checks.done_aside", done_aside)
    checks = Checks(every_seconds=0, config=None)
    with structlog.testing.capture_logs() as logged:
        running = asyncio.create_task(checks.run())
        for wishes in (1, 2):
            assert checks.begin()
            while runs < 2 * wishes or checks.shown()["running"]:
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            assert runs == 2 * wishes
        running.cancel()
        await asyncio.wait({running})
    assert {event["event"] for event in logged} == {"check_done"}
    assert checks.last is not None
    assert not checks.last.problems


async def test_work_aside_that_is_never_done_is_ended():
    """Its time over, it is told so; what it has printed is nothing."""
    with pytest.raises(AsideFailed, match=r"it was not done after 0\.3 s"):
        await done_aside("http.server", "0", seconds=0.3)
    with pytest.raises(AsideFailed, match="No module named acmedns_nothing"):
        await done_aside("acmedns_nothing")
