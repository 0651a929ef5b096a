"""Source addresses from which a question reaches a certain worker's socket.

The kernel picks a socket of a SO_REUSEPORT group by a secret hash of both addresses and ports, always the same one
while the group stays, and the group stays as long as the control process lives. So it is learnt once, by looking into
whose queue a datagram or a connection went while the workers were paused. Who reads that socket later, the worker, its
replacement or a sibling, is who a question from that source reaches.
"""

import contextlib
import errno
import itertools
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

Address = tuple[str, int]
Sources = dict[int, Address]
"""The inode of a server's socket, and a source that reaches it."""

FIRST_PORT = 10_000
TRIES = 400
SECONDS = 20.0
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: a closed connection leaves nothing behind, so that its source can be used again at once."""

_NETWORK = 100 + os.getpid() % 150
"""Two runs on one machine must not want the same sources."""

_LISTENING, _UNCONNECTED = "0A", "07"


def host(number: int) -> str:
    """Give a loopback address in a /24 of its own: limits are counted by network."""
    return f"127.{_NETWORK}.{number}.1"


def queues(server: Address, *, tcp: bool) -> dict[int, int]:
    """What lies unread in each socket of the group: octets of datagrams, or connections that were not accepted."""
    wanted = f"{struct.unpack('<I', socket.inet_aton(server[0]))[0]:08X}:{server[1]:04X}"
    found = {}
    for line in Path("/proc/net/tcp" if tcp else "/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted and fields[3] == (_LISTENING if tcp else _UNCONNECTED):
            found[int(fields[9])] = int(fields[4].split(":")[1], 16)
    return found


@contextlib.contextmanager
def paused(pids: list[int]) -> Iterator[None]:
    """Stop these processes, wait until they stand still, and let them go on at the end of the block."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + SECONDS
        while not all(_state(pid) in "TZX" for pid in pids):
            assert time.monotonic() < deadline, "the workers do not stop"
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def learn(server: Address, source: str, *, tcp: bool, pids: list[int]) -> Sources:
    """Give one source on a loopback address for each socket of the server."""
    sources: Sources = {}
    with paused(pids):
        for port in itertools.islice(itertools.count(FIRST_PORT), TRIES):
            before = queues(server, tcp=tcp)
            if not _knock(server, (source, port), tcp=tcp):
                continue
            sources.setdefault(_reached(server, before, tcp=tcp), (source, port))
            if len(sources) == len(before):
                return sources
    raise AssertionError(f"after {TRIES} ports only {len(sources)} of {len(before)} sockets were reached")


def _knock(server: Address, source: Address, *, tcp: bool) -> bool:
    """Send a datagram or connect; False where that source is somebody's."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if tcp:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        try:
            sock.bind(source)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        sock.settimeout(SECONDS)
        sock.connect(server)
        if not tcp:
            sock.send(b"\0")  # too short to be a query: it gets no answer
    return True


def _reached(server: Address, before: dict[int, int], *, tcp: bool) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for inode, waiting in queues(server, tcp=tcp).items():
            if waiting > before[inode]:
                return inode
    raise AssertionError("it went nowhere")
