"""Who has the precedence: workers keep the priority of the start, whatever the control process takes upon itself."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest

from acmedns_py.service.launch import CONTROL_NICE, Launcher, step_back
from tests.faults.test_workers import wait_for_workers


def nice(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def test_control_steps_back_and_workers_do_not(make_server):
    """Each thread of the control process but the launcher, and no worker, has the lower priority (promise 5)."""
    server = make_server().start()
    server.update(server.register(), "x" * 43)
    control = server.process.pid
    threads = {int(path.name): (path / "comm").read_text() for path in Path(f"/proc/{control}/task").iterdir()}
    before = nice(0)
    kept = [thread for thread in threads if nice(thread) == before]
    assert len(kept) == 1, threads
    assert nice(control) == before + CONTROL_NICE
    first = server.worker_pids()
    assert [nice(pid) for pid in first] == [before, before]
    os.kill(first[0], signal.SIGKILL)
    pids = wait_for_workers(server, other_than=[first[0]])
    assert [nice(pid) for pid in pids] == [before, before]


async def test_a_child_counts_as_ended_when_it_is_reaped():
    """Not before: no process of that number is left, not even a dead one."""
    launcher = Launcher()
    child = launcher.start(["http.server", "--help"], pass_fds=[])
    await child.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
    child.kill()


async def test_a_paused_child_can_be_killed():
    """SIGKILL reaches what SIGSTOP holds."""
    child = Launcher().start(["code"], pass_fds=[])
    os.kill(child.pid, signal.SIGSTOP)
    child.kill()
    async with asyncio.timeout(20):
        await child.wait()


def test_only_threads_to_come_follow():
    """What `step_back` gives away holds for the calling thread and its children."""
    seen = {}

    def inside() -> None:
        step_back()
        child = threading.Thread(target=lambda: seen.update(child=nice(threading.get_native_id())))
        child.start()
        child.join()
        seen["self"] = nice(threading.get_native_id())

    before = nice(0)
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert (seen["self"], seen["child"], nice(0)) == (before + CONTROL_NICE, before + CONTROL_NICE, before)
