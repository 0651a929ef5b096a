"""Word to systemd about our state (sd_notify(3)): one datagram to the socket that it names."""

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send e.g. "READY=1" or "STOPPING=1"; nothing where systemd does not listen, and no error if it can't be told."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        # A listener that has stopped to read must not stop us.
        sock.setblocking(False)
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        sock.sendall(state.encode())
