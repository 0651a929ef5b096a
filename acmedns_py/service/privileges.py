"""What the control process gives up once its sockets are bound, and how it hides its memory from its own workers."""

import ctypes
import grp
import os
import pwd
import resource
from typing import Final

from acmedns_py.errors import ConfigError, WorkerNotStarted
from acmedns_py.store.engine import Owner

_PR_SET_DUMPABLE: Final = 4

FEWEST_DESCRIPTORS: Final = 32
"""With fewer the control process fails before it can say what it lacks."""

WORKER_DESCRIPTORS: Final = 48
"""What a worker has open besides sockets and connections, and room for newcomers until others have given way."""


def drop_privileges(user: str | None, group: str | None) -> None:
    """Become `user`, in `group` or else the user's own, for good; nothing without `user`; raises `ConfigError`."""
    if user is None:
        return
    account, gid = _found(user, group)
    if (account.pw_uid, gid) == (os.geteuid(), os.getegid()):
        return
    try:
        os.initgroups(account.pw_name, gid)
        os.setresgid(gid, gid, gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    except PermissionError as error:
        raise ConfigError(
            "process.user", user, "only root can become another user; start as root, or leave it out"
        ) from error


def server_owner(user: str | None, group: str | None) -> Owner | None:
    """Whose files are to be that root makes for a server that becomes `user`; None without it, or for who is not root.

    Raises `ConfigError`.
    """
    if user is None or os.geteuid() != 0:
        return None
    account, gid = _found(user, group)
    return account.pw_uid, gid


def _found(user: str, group: str | None) -> tuple[pwd.struct_passwd, int]:
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError("process.user", user, "no such user; create it or name another") from error
    try:
        return account, grp.getgrnam(group).gr_gid if group is not None else account.pw_gid
    except KeyError as error:
        raise ConfigError("process.group", group, "no such group; create it or name another") from error


def hide_memory() -> None:
    """Make this process non-dumpable: same-uid processes can't read its /proc entries or trace it (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def raise_descriptor_limit() -> None:
    """Use as many descriptors as the machine allows; raises `WorkerNotStarted` where they can't be enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < FEWEST_DESCRIPTORS:
        raise WorkerNotStarted(
            f"{hard} open files are allowed and at least {FEWEST_DESCRIPTORS} are needed; "
            "raise the limit of open files (ulimit -n, LimitNOFILE)"
        )


def worker_connections(wanted: int, sockets: int) -> int:
    """How many TCP connections a worker may hold: as many as wanted, or as its descriptors leave room for.

    `sockets` are the listening ones that each worker inherits. At its limit of descriptors a worker could not accept
    whom it would make room for.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - sockets - WORKER_DESCRIPTORS))
