"""`python -m acmedns_py.service.backup_process`: one backup, started by the control process, which says of what."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import msgspec

from acmedns_py.errors import AcmednsError
from acmedns_py.service.aside import step_aside
from acmedns_py.service.backups import Job
from acmedns_py.store.backup import back_up
from acmedns_py.store.backup_file import written


def main() -> int:
    """Write it; what fails is one line on standard error, and exit code 1."""
    step_aside()
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
