"""The start of a worker: what it gives up before anything else is loaded."""

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from acmedns_py.feed.frames import FrameStream, Hello, worker_decoder


def status(pid: int) -> tuple[int, int, int]:
    """The process group, the session and the number of the controlling terminal (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[2]), int(fields[3]), int(fields[4])


def test_a_worker_leaves_group_and_terminal_but_not_the_session():
    """Ctrl-C is not for it, it can type into nobody's shell, and the kernel weighs it against its control process."""
    ours, theirs = socket.socketpair()
    terminal, other_end = pty.openpty()
    program = (
        "import subprocess, sys; fd = int(sys.argv[1]);"
        "sys.exit(subprocess.run([sys.executable, '-I', '-m', 'acmedns_py.worker', sys.argv[1]], pass_fds=[fd]).returncode)"
    )
    command = ["setsid", "--ctty", "--wait", sys.executable, "-c", program, str(theirs.fileno())]
    with (
        ours,
        subprocess.Popen(
            command, stdin=other_end, stdout=other_end, stderr=other_end, pass_fds=[theirs.fileno()]
        ) as it,
    ):
        theirs.close()
        os.close(other_end)
        ours.settimeout(20)
        stream = FrameStream(worker_decoder)
        while not (said := stream.receive(ours.recv(4096))):
            pass
        assert isinstance(said[0], Hello)
        (worker,) = [child.pid for child in psutil.Process(it.pid).children(recursive=True) if "-I" in child.cmdline()]
        parent = psutil.Process(worker).ppid()
        group, session, tty = status(worker)
        assert (group, session, tty) == (worker, status(parent)[1], 0)
        assert status(parent)[2] != 0
        ours.close()
        it.wait(20)
    os.close(terminal)
