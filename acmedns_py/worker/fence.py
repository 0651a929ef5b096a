"""What the worker gives up for good: new privileges, files, outgoing TCP, other processes.

The process that reads packets from the Internet needs the sockets it inherited and nothing else. Landlock (Linux
5.13 and later; kernel documentation, userspace-api/landlock) takes the rest away, for root too, and what was given
up can't be had again. There is no wrapper for it in Python that is kept up, so the three system calls are made here.
A fenced process can open no file, so everything it may ever import must have been imported before.
"""

import ctypes
import os
import struct
from typing import Final, NamedTuple

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_SIGKILL: Final = 9

# The numbers are the same on every architecture.
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1

# What each version of the interface can take away, as the number of known file rights, network rights and scopes.
# All known rights are handled and none is granted back.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NEWEST_FILE_RIGHTS: Final = 16
_NETWORK_SINCE: Final = 4
_NETWORK_RIGHTS: Final = 0b11  # bind and connect TCP
_SCOPES_SINCE: Final = 6
_SCOPES: Final = 0b11  # abstract Unix sockets, signals


class Fence(NamedTuple):
    """How far the fence reaches: `whole` where files and outgoing TCP are given up, `text` for the log."""

    whole: bool
    text: str


def raise_fence() -> Fence:
    """Give up what can be given up; a kernel that can't is no error, its lack is in the text.

    After this call no file can be opened and no module imported.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # A paused worker does not see its feed close, so a dead parent must end it from outside.
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Fence(whole=False, text=f"no_new_privs refused: {os.strerror(ctypes.get_errno())}")
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return Fence(whole=False, text=f"kernel without Landlock: {os.strerror(ctypes.get_errno())}")
    attributes = struct.pack("=Q", (1 << _FILE_RIGHTS.get(version, _NEWEST_FILE_RIGHTS)) - 1)
    if version >= _NETWORK_SINCE:
        attributes += struct.pack("=Q", _NETWORK_RIGHTS)
    if version >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return Fence(whole=False, text=f"Landlock refused its ruleset: {os.strerror(ctypes.get_errno())}")
    try:
        if libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
            return Fence(whole=False, text=f"Landlock refused: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(ruleset)
    if version < _NETWORK_SINCE:
        return Fence(whole=False, text=f"Landlock {version}: files given up, outgoing TCP not")
    return Fence(whole=True, text=f"Landlock {version}: files and outgoing TCP given up")
