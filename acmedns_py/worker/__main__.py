"""`python -m acmedns_py.worker FD`: one DNS worker, started by the control process only."""

import contextlib
import fcntl
import os
import signal
import sys
import termios
from pathlib import Path

# The control process alone decides when a worker stops: a signal to its group, such as Ctrl-C, must not tear answers
# away. It is done before anything else is loaded. A session of its own would do the same, but the kernel would then
# share the processor out between sessions (sched(7), autogroup), and a password hash in the control process, which
# has the lowest priority there, would make a worker wait.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.setpgid(0, 0)

# A server may be started with these closed; the next descriptors of the worker must not take their places.
for descriptor in (1, 2):
    try:
        os.fstat(descriptor)
    except OSError:
        os.open("/dev/null", os.O_WRONLY)

# Who breaks into a worker must not be able to type into the terminal that the server was started from (ioctl_tty(2)).
with contextlib.suppress(OSError), Path("/dev/tty").open("rb") as terminal:
    fcntl.ioctl(terminal, termios.TIOCNOTTY)

from acmedns_py.worker.main import main  # noqa: E402 - the lines above can't wait for it

main(sys.argv)
