"""Word to systemd about our state (sd_notify(3)): one datagram to the socket that it names."""

import contextlib
import os
import socket
from typing import Final

WAIT_SECONDS: Final = 0.5
"""For a listener whose queue is full: one that has stopped to read must not stop us."""


def notify(state: str) -> None:
    """Send e.g. "READY=1" or "STOPPING=1"; nothing where systemd does not listen, and no error if it can't be told."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_SECONDS)
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        sock.sendall(state.encode())
