"""What the worker gives up for good: new privileges, files, connections of its own, other processes and programs.

The process that reads packets from the Internet needs the sockets it inherited and nothing else. Two walls of the
kernel take the rest away, for root too, and what was given up can't be had again. Landlock (Linux 5.13 and later;
kernel documentation, userspace-api/landlock) closes files, TCP, signals and other processes. A seccomp filter
(seccomp(2)) refuses the system calls that make or connect sockets, because Landlock lets Unix sockets with a path and
UDP pass, and a database may trust whoever comes by its Unix socket. No wrapper for either is kept up without a C
library beside it, so the few system calls are made here.

A fenced process can open no file, so everything it may ever import must have been imported before.
"""

import ctypes
import os
import platform
import struct
from typing import Final, NamedTuple

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
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

# Of each architecture: its AUDIT_ARCH number, and the numbers of socket, connect, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev, and io_uring_setup, _enter and _register (rings would go around the filter).
_REFUSED_CALLS: Final = {
    "x86_64": (0xC000003E, (41, 42, 59, 322, 101, 310, 311, 425, 426, 427)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117, 270, 271, 425, 426, 427)),
}
_SECCOMP_MODE_FILTER: Final = 2
_SECCOMP_ALLOW: Final = 0x7FFF0000
_SECCOMP_EPERM: Final = 0x00050001
_X32_CALLS: Final = 0x40000000
_BPF_LOAD: Final = 0x20
_BPF_JUMP_EQUAL: Final = 0x15
_BPF_JUMP_AT_LEAST: Final = 0x35
_BPF_RETURN: Final = 0x06
_CALL_OFFSET: Final = 0
_ARCHITECTURE_OFFSET: Final = 4


class Fence(NamedTuple):
    """How far the fence reaches: `whole` where both walls stand, `text` for the log."""

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
        return Fence(whole=False, text=f"no_new_privs refused: {_error()}")
    landlock_lack, landlock = _landlock(libc)
    seccomp_lack, seccomp = _seccomp(libc)
    return Fence(whole=not (landlock_lack or seccomp_lack), text=f"{landlock}; {seccomp}")


def _error() -> str:
    return os.strerror(ctypes.get_errno())


def _landlock(libc: ctypes.CDLL) -> tuple[bool, str]:
    """Close files, TCP, signals and other processes; gives whether something is lacking, and what was done."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return True, f"kernel without Landlock ({_error()})"
    attributes = struct.pack("=Q", (1 << _FILE_RIGHTS.get(version, _NEWEST_FILE_RIGHTS)) - 1)
    if version >= _NETWORK_SINCE:
        attributes += struct.pack("=Q", _NETWORK_RIGHTS)
    if version >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return True, f"Landlock refused its ruleset ({_error()})"
    try:
        if libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
            return True, f"Landlock refused ({_error()})"
    finally:
        os.close(ruleset)
    return False, f"Landlock {version}"


def _seccomp(libc: ctypes.CDLL) -> tuple[bool, str]:
    """Refuse the system calls of `_REFUSED_CALLS`; gives whether something is lacking, and what was done."""
    machine = platform.machine()
    if machine not in _REFUSED_CALLS:
        return True, f"no seccomp filter for {machine}"
    architecture, calls = _REFUSED_CALLS[machine]
    checks = [(_BPF_JUMP_AT_LEAST, _X32_CALLS), *((_BPF_JUMP_EQUAL, call) for call in calls)]
    program = [
        (_BPF_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_BPF_JUMP_EQUAL, 0, len(checks) + 2, architecture),
        (_BPF_LOAD, 0, 0, _CALL_OFFSET),
        *((code, len(checks) - index, 0, number) for index, (code, number) in enumerate(checks)),
        (_BPF_RETURN, 0, 0, _SECCOMP_ALLOW),
        (_BPF_RETURN, 0, 0, _SECCOMP_EPERM),
    ]
    octets = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(octets)))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, fprog, 0, 0) != 0:
        return True, f"seccomp refused ({_error()})"
    return False, "seccomp"
