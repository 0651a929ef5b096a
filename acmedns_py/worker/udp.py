"""DNS over UDP: non-blocking sockets, drained in bounded batches.

Between two batches the event loop reads the feed and the TCP connections, so a flood of queries delays an update by one
batch at the most. The compiled `_batch` takes two system calls for a batch, on wildcard sockets too; where it is not
installed, `drain` takes two for each datagram.
"""

import socket

from acmedns_py.dns.responder import Transport
from acmedns_py.worker import drain
from acmedns_py.worker.clock import now
from acmedns_py.worker.latency import Latency
from acmedns_py.worker.query_log import Core


def _chosen() -> tuple[str, drain.Drain, drain.Drain]:
    """Give the name of what drains here, and its functions for sockets of one address and for wildcard ones."""
    try:
        from acmedns_py.worker import _batch  # noqa: PLC0415 - optional
    except ImportError:
        return "python", drain.plain, drain.wildcard
    return "batch", _batch.drain, _batch.drain


# At import, since a fenced worker can load nothing.
DRAINED_BY, _PLAIN, _WILDCARD = _chosen()


class UdpListener:
    """One UDP socket; the event loop calls `drain` while this worker is to serve it."""

    def __init__(self, sock: socket.socket, core: Core, latency: Latency, *, wildcard: bool) -> None:
        """Take a bound, non-blocking socket; `wildcard` ones answer from the address that was asked (RFC 2181 4)."""
        self._socket = sock
        self._core = core
        self._latency = latency
        self._drain = _WILDCARD if wildcard else _PLAIN
        self.answered = 0

    def fileno(self) -> int:
        """Give the descriptor, for the event loop."""
        return self._socket.fileno()

    def drain(self) -> bool:
        """Answer one batch; tells whether the socket may hold more."""
        core = self._core
        instant = now()
        sent, more = self._drain(self._socket, core.respond, core.truncated, Transport.UDP, instant)
        self.answered += sent
        if self._latency.due():
            self._latency.sent(instant.monotonic, sent)
        return more
