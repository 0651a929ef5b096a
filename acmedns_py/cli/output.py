"""Standard output and error: any text can be written there, and what can't be is told in one line."""

import errno
import io
import os
import stat
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import typer

from acmedns_py.config.problems import one_line


def prepare() -> None:
    """Make standard output and error fit for every text; to be called before anything is written."""
    _hold_descriptors()
    for stream in (sys.stdout, sys.stderr):
        # A label may hold what the terminal's encoding has not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _hold_descriptors() -> None:
    """Open what was closed of the standard descriptors: a socket must not get such a number.

    Standard output is opened so that nothing can be written there: what somebody waits for must not vanish.
    """
    for number, name, mode, access in (
        (0, "stdin", "r", os.O_RDONLY),
        (1, "stdout", "w", os.O_RDONLY),
        (2, "stderr", "w", os.O_WRONLY),
    ):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one, as those below it are held.
            os.open(os.devnull, access)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - held until the end


_WRITING: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What the writing of an answer fails with."""


@contextmanager
def told() -> Iterator[None]:
    """Run a command; what it could not write, or what the system denies it, is told in one line, and ends it with 1."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            _end(f"{error.filename} can't be used: {error.strerror}")
        if error.errno in _WRITING:
            _end(f"{_unwritable(error)}; what was asked for may have been done all the same: look before you repeat it")
        _end(f"{error.strerror or error}, in {_place(error)}; what was asked for may have been done: look")
    finally:
        _drop_unwritten()


def require_output() -> None:
    """End the command with one line where standard output is known to take nothing: before a secret is made for it."""
    try:
        os.write(1, b"")
        _require_room()
    except OSError as error:
        _end(f"{_unwritable(error)}; nothing was done")


def _require_room() -> None:
    """Raise `OSError` where standard output is a file on a full disk, which takes the writing of nothing."""
    if not stat.S_ISREG(os.fstat(1).st_mode):
        return
    disk = os.fstatvfs(1)
    if disk.f_blocks and not (disk.f_bavail if os.geteuid() else disk.f_bfree):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def told_once(cure: str) -> Iterator[None]:
    """Write what is known nowhere else; where that fails `cure` says what to do, and the command ends with 1."""
    try:
        yield
    except OSError as error:
        _end(f"{_unwritable(error)}; {cure}")


def _place(error: OSError) -> str:
    """Give where in this program it happened, for whoever has to find out why."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "acmedns_py" in Path(frame.filename).parts] or list(frames)
    return f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}"


def _unwritable(error: OSError) -> str:
    reason = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
    return f"standard output can't be written: {reason}"


def _end(text: str) -> NoReturn:
    typer.echo(one_line(f"acmedns: {text}"), err=True)
    raise SystemExit(1)


def _drop_unwritten() -> None:
    """Let go of what could not be written: the interpreter would try once more at its end, and complain."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
