"""Starts DNS workers at the priority that the control process had at first, and tells when they have ended.

The control process steps back (nice(2)), so that nothing that comes by the API makes a query wait; whoever is started
would inherit that, and no process may take it back. So workers are started by a thread that was there before. It must
live as long as they do: to the kernel it is their parent, by whose death they die (prctl(2), PR_SET_PDEATHSIG).
"""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from acmedns_py.errors import WorkerNotStarted

CONTROL_NICE: Final = 5
"""A third of a worker's share of a busy core. Measured: 10 makes no query faster, and the API of a busy host slower."""


class Launcher:
    """The thread that starts workers; made before `step_back`."""

    def __init__(self) -> None:
        """Start the thread; raises `WorkerNotStarted` where the system refuses."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="launcher")
        # The executor starts its thread with its first work.
        try:
            self._thread.submit(os.getpid).result()
        except RuntimeError as error:
            raise WorkerNotStarted(f"{error}; raise the limit of processes (ulimit -u, LimitNPROC)") from None

    def start(self, arguments: Sequence[str], pass_fds: Sequence[int]) -> "Child":
        """Run `python -I -m ...` with an empty environment and these descriptors, within the running loop.

        Raises `OSError` and leaves nothing behind. It takes some milliseconds and is waited for, so that there is no
        moment at which a stop could find a worker that is neither there nor not there.
        """
        process = self._thread.submit(_popen, arguments, pass_fds).result()
        try:
            return Child(process)
        except OSError:
            process.kill()
            process.wait()
            raise


def _popen(arguments: Sequence[str], pass_fds: Sequence[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-I", "-m", *arguments], env={}, stdin=subprocess.DEVNULL, pass_fds=pass_fds
    )


class Child:
    """A process that was started; it counts as ended when the kernel has taken it away."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Watch the process from within the running loop."""
        self._process = process
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    @property
    def pid(self) -> int:
        """Its number, for the log."""
        return self._process.pid

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        self._ended.set()

    def kill(self) -> None:
        """Send SIGKILL, which a stopped process obeys too; one that has ended is left alone."""
        self._process.kill()

    async def wait(self) -> None:
        """Return when it has ended and was reaped."""
        await self._ended.wait()


def step_back() -> None:
    """Give workers the precedence over the calling thread, and over all threads that it starts from here on."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + CONTROL_NICE)
