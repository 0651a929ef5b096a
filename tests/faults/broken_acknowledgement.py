"""Runs the server with an acknowledgement that lies: `python broken_acknowledgement.py KIND acmedns serve ...`.

For the proof that the checker of promise 1 finds what it is there to find.
"""

import asyncio
import sys

from acmedns_py.cli import main
from acmedns_py.service.link import State, WorkerLink
from acmedns_py.service.workers import WorkerPool

SILENT_SECONDS = 0.2


def wait_for_nobody() -> None:
    """Say 200 as soon as a change is durable."""

    async def served(self: WorkerPool, cursor: int) -> None:
        return

    WorkerPool.served = served  # type: ignore[method-assign]


def wait_for_no_paused_worker() -> None:
    """Let a worker that has been silent for a moment count no more, though it is not killed before its time."""
    counting = WorkerPool._counting

    def heard(self: WorkerPool) -> list[WorkerLink]:
        return [link for link in counting(self) if link.silent_seconds() < SILENT_SECONDS]

    async def served(self: WorkerPool, cursor: int) -> None:
        while not self._is_served(cursor):
            await asyncio.sleep(SILENT_SECONDS / 10)

    WorkerPool._counting = heard  # type: ignore[method-assign]
    WorkerPool.served = served  # type: ignore[method-assign]


def let_the_dead_live() -> None:
    """Take a worker that was silent for too long for dead, and replace it, without ending its process."""

    async def bury(self: WorkerLink, reason: str) -> None:
        self.state = State.DEAD
        self.serving = False
        self._changed(self)

    WorkerLink.bury = bury  # type: ignore[method-assign]


BROKEN = {
    "waits-for-nobody": wait_for_nobody,
    "waits-for-no-paused-worker": wait_for_no_paused_worker,
    "lets-the-dead-live": let_the_dead_live,
}

if __name__ == "__main__":
    BROKEN[sys.argv[1]]()
    sys.argv = sys.argv[2:]
    main()
