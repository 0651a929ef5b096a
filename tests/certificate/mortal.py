"""`python mortal.py EVENT PATTERN NUMBER COMMAND ...`: a Python program that is killed just before a change on disk.

EVENT is Python's audit event, os.rename or os.remove, PATTERN that of the file's name, NUMBER which of those changes.
SIGKILL by its own hand, so that not a step of it lies between: seen from outside it is as any other.
"""

import os
import runpy
import signal
import sys
from fnmatch import fnmatch
from pathlib import Path


def main() -> None:
    """Watch, and run the command in this process."""
    wanted, pattern, number, *command = sys.argv[1:]
    left = int(number)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == wanted:
            # The last of (source, destination), the first of (path, ...).
            changed = arguments[1] if event == "os.rename" else arguments[0]
            if fnmatch(Path(os.fsdecode(changed)).name, pattern):  # type: ignore[arg-type]
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


main()
