"""`python -m acmedns_py.service.backup_process`: one backup, started by the control process, which says of what.

It has the database's password, so it hides its memory as the control process does, and it ends with that one.
"""

import asyncio
import ctypes
import os
import signal
import sys
from functools import partial
from pathlib import Path

import msgspec

from acmedns_py.errors import AcmednsError
from acmedns_py.service.backups import Job
from acmedns_py.service.privileges import hide_memory
from acmedns_py.store.backup import back_up
from acmedns_py.store.backup_file import written

_PR_SET_PDEATHSIG = 1
_LOWEST_PRIORITY = 19


def main() -> int:
    """Write it; what fails is one line on standard error, and exit code 1."""
    hide_memory()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_PRIORITY)
    # A Ctrl+C in the terminal is for the control process, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As an exception, so that the unfinished file is taken away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    file = Path(job.file)
    out = partial(written, file, compressed=True)
    try:
        asyncio.run(back_up(job.url, zone_name=job.zone, out=out, name=job.file))
    except AcmednsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
