"""DNS over UDP: drain loops over non-blocking sockets.

A readable socket is drained in bounded batches: `recvfrom`, `respond`, `sendto`, with no task, future or queue in
between. Between two batches the event loop reads the feed and the TCP connections, so a flood of queries delays an
update by one batch at the most.
"""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Final

from acmedns_py.dns.responder import Responder, Transport
from acmedns_py.worker.clock import now
from acmedns_py.worker.sockaddr import packed

BATCH: Final = 128
"""Datagrams between two looks at the feed: about 2 ms of work."""

MAX_QUERY_OCTETS: Final = 4096
"""A longer datagram is cut here and so fails the parser; no query that we answer is near it."""

_CMSG_OCTETS: Final = socket.CMSG_SPACE(struct.calcsize("=I16s"))
_PKTINFO_V4: Final = struct.Struct("=I4s4s")
_PKTINFO_V6: Final = struct.Struct("=16sI")


class UdpListener:
    """One UDP socket; the event loop calls its `reader` while this worker is to serve it.

    The two readers are one loop written twice: a shared inner function would cost each datagram a call.
    """

    def __init__(self, sock: socket.socket, responder: Responder, *, wildcard: bool) -> None:
        """Take a bound, non-blocking socket; `wildcard` ones answer from the address that was asked (RFC 2181 4)."""
        self._socket = sock
        self._responder = responder
        self._wildcard = wildcard
        self.answered = 0

    def fileno(self) -> int:
        """Give the descriptor, for the event loop."""
        return self._socket.fileno()

    def reader(self) -> Callable[[], bool]:
        """Give the function that drains one batch; it tells whether the socket may hold more."""
        return self._drain_wildcard if self._wildcard else self._drain

    def _drain(self) -> bool:
        sock, respond, instant = self._socket, self._responder.respond, now()
        receive, send, udp = sock.recvfrom, sock.sendto, Transport.UDP
        sent = 0
        try:
            for _ in range(BATCH):
                query, source = receive(MAX_QUERY_OCTETS)
                response = respond(query, packed(source), udp, instant)
                if response is not None:
                    try:
                        send(response, source)
                    except OSError as error:
                        if error.errno != errno.EMSGSIZE:
                            continue  # a full send buffer or an unreachable source: the resolver asks again
                        send(self._responder.truncated(response), source)
                    sent += 1
        except BlockingIOError:
            return False
        except OSError:
            # An ICMP error about an earlier answer is reported on the next call; the queue behind it is untouched.
            return True
        finally:
            self.answered += sent
        return True

    def _drain_wildcard(self) -> bool:
        sock, respond, instant = self._socket, self._responder.respond, now()
        sent = 0
        try:
            for _ in range(BATCH):
                query, ancillary, _, source = sock.recvmsg(MAX_QUERY_OCTETS, _CMSG_OCTETS)
                response = respond(query, packed(source), Transport.UDP, instant)
                if response is not None:
                    asked = [_reply_from(item) for item in ancillary]
                    try:
                        sock.sendmsg([response], asked, 0, source)
                    except OSError as error:
                        if error.errno != errno.EMSGSIZE:
                            continue
                        sock.sendmsg([self._responder.truncated(response)], asked, 0, source)
                    sent += 1
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.answered += sent
        return True


def _reply_from(item: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """Turn the packet information of a query into that of its answer: same address, interface left to the routes."""
    level, kind, data = item
    if level == socket.IPPROTO_IP:
        _, local, _ = _PKTINFO_V4.unpack(data)
        return level, kind, _PKTINFO_V4.pack(0, local, b"\0\0\0\0")
    address, interface = _PKTINFO_V6.unpack(data)
    # A link-local address means nothing without its interface.
    scoped = interface if address[0] == 0xFE and address[1] & 0xC0 == 0x80 else 0
    return level, kind, _PKTINFO_V6.pack(address, scoped)
