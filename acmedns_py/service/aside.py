"""Work beside serving: in a process of its own at the lowest priority, so that hosts that update do not wait for it.

The control process calls `done_aside`; what runs there begins with `step_aside`, and ends with the control process.
"""

import asyncio
import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import Final

from acmedns_py.errors import AsideFailed
from acmedns_py.service.privileges import hide_memory

END_SECONDS: Final = 1.0
"""What the process gets to end in while the server stops, or when its time is over."""

_PR_SET_PDEATHSIG: Final = 1
_LOWEST_PRIORITY: Final = 19


async def done_aside(module: str, *arguments: str, given: bytes = b"", seconds: float | None = None) -> bytes:
    """Run `python -m module` with these arguments, and `given` on its standard input; gives its standard output.

    Raises `AsideFailed` with the last line of its standard error where it fails, or is not done in time; None is no
    limit. A cancelled call ends it.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", module, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise AsideFailed(f"its process can't be started: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(seconds):
            told, said = await process.communicate(given)
    except TimeoutError:
        await _end(process)
        raise AsideFailed(f"it was not done after {seconds:g} s") from None
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise AsideFailed(last[0] if last else f"its process ended with {process.returncode}")
    return told


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it put away what it has begun; not for long, as the server may be stopping."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()


def step_aside() -> None:
    """Become such a process: it may read the configuration's passwords, so it hides its memory as control does."""
    hide_memory()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_PRIORITY)
    # A Ctrl+C in the terminal is for the control process, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As an exception, so that what was begun is put away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
