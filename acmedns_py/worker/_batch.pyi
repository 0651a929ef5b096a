# The compiled batch module: `drain.plain` and `drain.wildcard` in one.

import socket

from acmedns_py.dns.responder import Now, Transport
from acmedns_py.worker.drain import Respond, Truncated

def drain(
    sock: socket.socket, respond: Respond, truncated: Truncated, transport: Transport, now: Now, /
) -> tuple[int, bool]: ...
