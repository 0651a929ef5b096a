"""Asks the kernel to give the worker short turns, and so sooner ones.

Linux's scheduler lets a task that is running finish its turn (1 ms and more) before one that wakes up, unless the
latter asks for shorter turns (EEVDF, Linux 6.12; sched_setattr(2)). A worker needs some microseconds for a query and
sleeps again, so that a short turn costs it nothing, and no query waits for a turn of the control process. It needs no
right.
"""

import ctypes
import os
import platform
import struct
from typing import Final

TURN_NANOSECONDS: Final = 100_000
"""The shortest that the kernel takes."""

_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""Size, policy, flags, nice value, priority, then runtime, deadline and period in nanoseconds."""


def ask_for_short_turns() -> None:
    """Ask; a kernel that does not know of it, or of the architecture, changes nothing."""
    call = _SCHED_SETATTR.get(platform.machine())
    if call is None:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, TURN_NANOSECONDS, 0, 0)
    ctypes.CDLL(None).syscall(call, 0, attributes, 0)
