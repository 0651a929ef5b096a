"""Promise 4, tried from inside: what a fenced process can't do any more, whoever it runs as."""

import subprocess
import sys

import pytest

from tests.tools import peers

# The last statement of each must fail in a fenced process; the control process's pid is our parent's here.
ATTEMPTS = {
    "open a file": "open(PATH)",
    "list a folder": "os.listdir('/')",
    "read the control process's environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "read the control process's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "trace the control process": "traced(os.getppid())",
    "signal the control process": "os.kill(os.getppid(), 0)",
    "make a UDP socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "connect a socket that it holds": "HELD.connect(('127.0.0.1', PORT))",
    "connect to a Unix socket": "UNIX.connect(PATH + '.socket')",
    "connect out by TCP": "socket.create_connection(('127.0.0.1', PORT), 2)",
    "listen on a port of its own": "socket.socket().bind(('127.0.0.1', 0))",
    "start a program": "os.execv('/bin/true', ['true'])",
}

PROGRAM = """
import ctypes, os, socket, sys
from acmedns_py.worker.fence import raise_fence
PATH, PORT = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
def traced(pid):
    if libc.ptrace(16, pid, 0, 0) != 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")
socket.getaddrinfo("127.0.0.1", 1)
HELD = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
UNIX = socket.socket(socket.AF_UNIX)
if sys.argv[3] == "fenced":
    fence = raise_fence()
    if not fence.whole:
        os.write(1, b"incomplete: " + fence.text.encode())
        os._exit(0)
try:
    {attempt}
except PermissionError:
    os.write(1, b"refused")
else:
    os.write(1, b"done")
os._exit(0)
"""


@pytest.fixture
def attempt(tmp_path):
    """Runs one attempt in a process of its own and gives its outcome."""
    import socket

    path = tmp_path / "database"
    path.write_text("secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_server(f"{path}.socket", family=socket.AF_UNIX),
    ):

        def run(code: str, how: str) -> str:
            return subprocess.run(
                [sys.executable, "-c", PROGRAM.replace("{attempt}", code), path, str(listener.getsockname()[1]), how],
                capture_output=True,
                check=True,
                timeout=30,
                text=True,
            ).stdout

        yield run


@pytest.mark.parametrize("what", ATTEMPTS)
def test_a_fenced_worker_cannot(what, attempt):
    """Each way to what is worth stealing ends in a permission error, for root as well."""
    outcome = attempt(ATTEMPTS[what], "fenced")
    if outcome.startswith("incomplete"):
        peers.missing(f"this kernel can't fence everything: {outcome}")
    assert outcome == "refused"


@pytest.mark.parametrize(
    "what",
    [
        "open a file",
        "make a UDP socket",
        "connect a socket that it holds",
        "connect to a Unix socket",
        "connect out by TCP",
        "listen on a port of its own",
    ],
)
def test_the_attempts_work_without_the_fence(what, attempt):
    """The attempts prove something: unfenced they succeed."""
    assert attempt(ATTEMPTS[what], "free") == "done"
