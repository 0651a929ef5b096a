"""Draining a UDP socket in Python, for installations without the compiled batch module `_batch`.

Both functions, and `_batch.drain` in their place, answer one bounded batch: receive, `respond`, send, with no task,
future or queue in between.

`plain` and `wildcard` are one loop written twice: a shared inner function would cost each datagram a call.
"""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Final

from acmedns_py.dns.responder import Now, Transport
from acmedns_py.worker.sockaddr import packed

Respond = Callable[[bytes, bytes, Transport, Now], bytes | None]
"""`Responder.respond`: octets and source of a query to those of its answer, None for silence; raises nothing."""

Truncated = Callable[[bytes], bytes]
"""`Responder.truncated`: the form of an answer that fits any path."""

Drain = Callable[[socket.socket, Respond, Truncated, Transport, Now], tuple[int, bool]]
"""Answers a batch on a non-blocking socket; gives how many answers were sent, and whether there may be more to read."""

BATCH: Final = 128
"""Datagrams between two looks at the feed: about 2 ms of work. The same in `_batch.c`."""

MAX_QUERY_OCTETS: Final = 4096
"""A longer datagram is cut here and so fails the parser; no query that we answer is near it. The same in `_batch.c`."""

_CMSG_OCTETS: Final = socket.CMSG_SPACE(struct.calcsize("=I16s"))
_PKTINFO_V4: Final = struct.Struct("=I4s4s")
_PKTINFO_V6: Final = struct.Struct("=16sI")


def plain(
    sock: socket.socket, respond: Respond, truncated: Truncated, transport: Transport, now: Now
) -> tuple[int, bool]:
    """Answer a batch on a socket that is bound to one address."""
    receive, send = sock.recvfrom, sock.sendto
    sent = 0
    try:
        for _ in range(BATCH):
            query, source = receive(MAX_QUERY_OCTETS)
            response = respond(query, packed(source), transport, now)
            if response is not None:
                try:
                    send(response, source)
                except OSError as error:
                    if error.errno != errno.EMSGSIZE:
                        continue  # a full send buffer or an unreachable source: the resolver asks again
                    send(truncated(response), source)
                sent += 1
    except BlockingIOError:
        return sent, False
    except OSError:
        # An ICMP error about an earlier answer is reported on the next call; the queue behind it is untouched.
        return sent, True
    return sent, True


def wildcard(
    sock: socket.socket, respond: Respond, truncated: Truncated, transport: Transport, now: Now
) -> tuple[int, bool]:
    """Answer a batch on a wildcard socket, from the addresses that were asked (RFC 2181 4)."""
    sent = 0
    try:
        for _ in range(BATCH):
            query, ancillary, _, source = sock.recvmsg(MAX_QUERY_OCTETS, _CMSG_OCTETS)
            response = respond(query, packed(source), transport, now)
            if response is not None:
                asked = [_reply_from(item) for item in ancillary]
                try:
                    sock.sendmsg([response], asked, 0, source)
                except OSError as error:
                    if error.errno != errno.EMSGSIZE:
                        continue
                    sock.sendmsg([truncated(response)], asked, 0, source)
                sent += 1
    except BlockingIOError:
        return sent, False
    except OSError:
        return sent, True
    return sent, True


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
