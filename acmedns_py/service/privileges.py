"""What the control process gives up once its sockets are bound, and how it hides its memory from its own workers."""

import ctypes
import grp
import os
import pwd
import resource
from typing import Final

from acmedns_py.errors import ConfigError

_PR_SET_DUMPABLE: Final = 4


def drop_privileges(user: str | None, group: str | None) -> None:
    """Become `user`, in `group` or else the user's own, for good; nothing without `user`; raises `ConfigError`."""
    if user is None:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError("process.user", user, "no such user; create it or name another") from error
    try:
        gid = grp.getgrnam(group).gr_gid if group is not None else account.pw_gid
    except KeyError as error:
        raise ConfigError("process.group", group, "no such group; create it or name another") from error
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


def hide_memory() -> None:
    """Make this process non-dumpable: same-uid processes can't read its /proc entries or trace it (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def raise_descriptor_limit() -> None:
    """Use as many descriptors as the machine allows; TCP connections of the workers need them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
