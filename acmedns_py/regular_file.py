"""Files that are read whole: regular ones of bounded size, so that no pipe and no device holds a program up."""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, most: int) -> bytes:
    """Give what a file holds; raises `OSError`, also for what is no regular file or has more than `most` octets."""
    # Without waiting for who would write into a pipe.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - of a descriptor
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        octets = file.read(most + 1)
    if len(octets) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} octets")
    return octets
