"""Backups that the running server writes by itself: when, how many are kept, and what a failure does not harm."""

import asyncio
import fcntl
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from acmedns_py.service.backups import Backups, Plan
from acmedns_py.store.backup_file import examined
from tests.server import ZONE, value

EVERY = 3_600


def section(directory: Path, keep: int = 2) -> str:
    """Give the lines of a configuration."""
    return f'[backup]\nevery = "1h"\nkeep = {keep}\ndirectory = "{directory}"\n'


def named(directory: Path, time: datetime, zone: str = ZONE) -> Path:
    """Make a file of the name that a backup of that time has."""
    path = directory / f"{zone}-{time.strftime('%Y%m%dT%H%M%SZ')}.jsonl.gz"
    path.touch()
    return path


def test_the_server_backs_up_keeps_the_newest_and_goes_on_after_a_restart(make_server, database_url, tmp_path: Path):
    """One at once, the oldest goes then, files of others stay; a restart makes none. What a kill left goes at each."""
    now = datetime.now(UTC)
    directory = tmp_path / "backups"
    directory.mkdir()
    older, newer = named(directory, now - timedelta(days=2)), named(directory, now - timedelta(days=1))
    future, others = named(directory, now + timedelta(days=9)), named(directory, now, "other.example")
    (directory / f".{newer.name}.abc.part").touch()
    server = make_server(database_url=database_url, config=section(directory)).start()
    account = server.register()
    made = Path(server.wait_for_log("backup_made")["file"])
    assert set(directory.iterdir()) == {made, newer, future, others}
    assert not older.exists()
    assert examined(made).header.zone == ZONE
    told = server.request("GET", "/health/ready").json["backup"]
    assert told["failed"] is False
    assert made.name == f"{ZONE}-{datetime.fromisoformat(told['last']).strftime('%Y%m%dT%H%M%SZ')}.jsonl.gz"
    assert server.update(account, value(1)).status == 200
    assert server.stop() == 0
    server.log.write_text("")
    left, written, theirs = (directory / f".{name}.abc.part" for name in (newer.name, made.name, others.name))
    left.touch()
    theirs.touch()
    with written.open("wb") as still:
        fcntl.flock(still, fcntl.LOCK_EX)
        server.start()
        deadline = time.monotonic() + 20
        while left.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not left.exists()
        assert written.exists(), "somebody writes it"
        assert theirs.exists(), "it is another zone's"
    written.unlink()
    theirs.unlink()
    assert server.update(account, value(2)).status == 200
    assert server.request("GET", "/health/ready").json["backup"] == told
    assert server.stop() == 0
    assert set(directory.iterdir()) == {made, newer, future, others}
    assert "backup_" not in server.log.read_text()


def test_a_backup_that_fails_is_said_and_harms_nothing(make_server, tmp_path: Path):
    """A place that can't be a directory: an error in the log with its reason, told by readiness, which stays good."""
    (tmp_path / "file").touch()
    server = make_server(config=section(tmp_path / "file" / "backups")).start()
    reason = server.wait_for_log("backup_failed")["reason"]
    assert reason.startswith(f"directory {tmp_path}/file/backups can't be used: Not a directory; let user ")
    ready = server.request("GET", "/health/ready")
    assert (ready.status, ready.json["backup"]) == (200, {"last": None, "failed": True})
    assert server.update(server.register(), value(1)).status == 200


def test_a_clock_that_was_ahead_puts_no_backup_off(tmp_path: Path):
    """What was made while it was counts as none, as soon as the clock is right again."""
    now = datetime.now(UTC)
    backups = Backups(Plan(EVERY, 1, tmp_path), url="sqlite:////none", zone=ZONE)
    assert backups.due_seconds(now) == 0
    backups._last = now + timedelta(days=3_650)
    assert backups.due_seconds(now) == 0
    backups._last = now
    assert backups.due_seconds(now) == EVERY


async def test_what_its_process_fails_with_is_the_reason(tmp_path: Path):
    """A database that is not there, told in the process's own line; the password of the URL is in no log."""
    url = "postgresql://acmedns:secret-word@127.0.0.1:1/none"
    backups = Backups(Plan(EVERY, 1, tmp_path), url=url, zone=ZONE)
    with structlog.testing.capture_logs() as logged:
        running = asyncio.create_task(backups.run())
        while not logged:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
    (event,) = logged
    assert event["event"] == "backup_failed"
    assert event["reason"].startswith("PostgreSQL acmedns@127.0.0.1:1/none can't be reached: ")
    assert "secret-word" not in json.dumps(logged)
    assert backups.state() == {"last": None, "failed": True}
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a look, once
