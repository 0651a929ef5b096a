"""DNS over TCP (RFC 7766): connections, their time and number limits, pipelining and back pressure.

A connection lives while it brings a whole query at least every idle time and takes its answers; octets that never
become a query do not count. When the limits are reached the longest idle connections go first, so that a new client
is always served (RFC 7766 6.2). Connections that have not asked anything yet hold half of the places at the most, and
who has most of those loses one: so a crowd that says nothing neither drives out clients that ask, nor newcomers whose
first query is still on its way.
"""

import asyncio
import socket
import time
from collections import OrderedDict, deque
from typing import Final, cast

from acmedns_py.dns import source
from acmedns_py.dns.framing import FrameReader, FramingError, framed
from acmedns_py.dns.responder import Transport
from acmedns_py.worker.clock import now
from acmedns_py.worker.latency import Latency
from acmedns_py.worker.query_log import Core
from acmedns_py.worker.sockaddr import packed

WRITE_HIGH_WATER_OCTETS: Final = 64 * 1024
"""Answers that may wait for a slow reader before we stop reading its queries."""

READ_OCTETS: Final = 4 * 1024
"""What is read of a connection at once, into one buffer for all; an ordinary client's queries are below 1 KiB."""

QUERIES_A_TURN: Final = 16
"""Pipelined queries of one connection that are read and answered before the next one has its turn."""

TURN_SECONDS: Final = 0.002
"""What all connections together may take before UDP and the feed have their turn: a worker that is kept from its feed
for 2 s is killed, and no crowd of clients may bring that about. UDP takes a batch of datagrams each time."""

BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""

NOWHERE: Final = source.packed(bytes(4), 0)
"""The source of a connection that has ended before it could be asked for its peer."""


class Crowds:
    """Connections by client, the oldest of each first."""

    def __init__(self) -> None:
        self._crowds: dict[bytes, OrderedDict[TcpConnection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Give the number of connections."""
        return self._count

    def of(self, connection: "TcpConnection") -> "OrderedDict[TcpConnection, None]":
        """Give those of this connection's client, perhaps none."""
        return self._crowds.get(connection.client) or OrderedDict()

    def largest(self) -> "OrderedDict[TcpConnection, None]":
        """Give those of the client that has most; there must be one."""
        return max(self._crowds.values(), key=len)

    def add(self, connection: "TcpConnection") -> None:
        """Take one more."""
        self._crowds.setdefault(connection.client, OrderedDict())[connection] = None
        self._count += 1

    def discard(self, connection: "TcpConnection") -> None:
        """Take one out if it is there."""
        crowd = self._crowds.get(connection.client)
        if crowd is None or connection not in crowd:
            return
        del crowd[connection]
        self._count -= 1
        if not crowd:
            del self._crowds[connection.client]


class TcpConnections:
    """All TCP connections of this worker, oldest activity first, within `total` and `per_client` connections."""

    def __init__(self, core: Core, *, idle_seconds: float, total: int, per_client: int) -> None:
        """Take the limits; `sweep` must be called about once a second."""
        self.core = core
        self.latency = Latency()
        self._idle_seconds = idle_seconds
        self._total = total
        self._per_client = per_client
        self._connections: OrderedDict[TcpConnection, float] = OrderedDict()
        self.buffer = memoryview(bytearray(READ_OCTETS))
        self._ready: deque[TcpConnection] = deque()
        self._turn: asyncio.Handle | None = None
        self._by_client = Crowds()
        self._silent = Crowds()

    def __len__(self) -> int:
        """Give the number of open connections."""
        return len(self._connections)

    def opened(self, connection: "TcpConnection") -> None:
        """Count a new connection and shed the longest idle one where a limit is passed."""
        siblings = self._by_client.of(connection)
        if len(siblings) >= self._per_client:
            next(iter(siblings)).shed()
        elif len(self._connections) >= self._total:
            self._most_dispensable().shed()
        self._by_client.add(connection)
        self._silent.add(connection)
        self._connections[connection] = now().monotonic

    def _most_dispensable(self) -> "TcpConnection":
        if len(self._silent) > self._total // 2:
            return next(iter(self._silent.largest()))
        return next(iter(self._connections))

    def active(self, connection: "TcpConnection") -> None:
        """Note that this connection brought a query."""
        if connection in self._connections:
            self._connections[connection] = now().monotonic
            self._connections.move_to_end(connection)
            self._by_client.of(connection).move_to_end(connection)
            self._silent.discard(connection)

    def closed(self, connection: "TcpConnection") -> None:
        """Forget a connection; a second call does nothing."""
        self._connections.pop(connection, None)
        self._by_client.discard(connection)
        self._silent.discard(connection)

    def ready(self, connection: "TcpConnection") -> None:
        """Put a connection with queries in line; once is enough until it has been served."""
        self._ready.append(connection)
        self._schedule()

    def _schedule(self) -> None:
        if self._turn is None and self._ready:
            self._turn = asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        until = time.monotonic() + TURN_SECONDS
        try:
            while self._ready and time.monotonic() < until:
                connection = self._ready.popleft()
                if connection.answer_some():
                    self._ready.append(connection)
        finally:
            self._schedule()

    def sweep(self) -> None:
        """Close the connections that have been idle for too long."""
        limit = now().monotonic - self._idle_seconds
        while self._connections:
            connection, since = next(iter(self._connections.items()))
            if since > limit:
                return
            connection.shed()

    def close_all(self) -> None:
        """Close every connection behind the answers that it is still owed."""
        for connection in list(self._connections):
            connection.finish()


class TcpConnection(asyncio.BufferedProtocol):
    """One client's connection; answers go out in the order of the queries.

    What is held for it is bounded: once octets wait for their turn one more read ends the reading, and no query is
    answered while the client has not taken earlier answers.
    """

    def __init__(self, connections: TcpConnections, listener: "TcpListener") -> None:
        """Belong to `connections`, counted at `listener`."""
        self._connections = connections
        self._listener = listener
        self._reader = FrameReader()
        self._source = NOWHERE
        self._transport: asyncio.Transport | None = None
        self._congested = False
        self._ending = False
        self._in_line = False
        self.client = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio's name)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        peer = transport.get_extra_info("peername")
        if peer:
            self._source = packed(peer)
            self.client = source.client(self._source)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_OCTETS)
        self._connections.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer that all connections share: it is emptied before another is read (asyncio's name)."""
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take these octets in; queries are looked for in the connection's turn (asyncio's name)."""
        assert self._transport is not None
        self._reader.feed(bytes(self._connections.buffer[:nbytes]))
        if self._reader.whole:
            # Its turn may come late: nobody may take it for idle until then.
            self._connections.active(self)
        if self._in_line or nbytes == READ_OCTETS:
            # The loop would read on before what has come gets its turn.
            self._transport.pause_reading()
        self._go_on()

    def eof_received(self) -> bool:
        """Answer what a half-closed connection has asked, then close (asyncio's name)."""
        self.finish()
        return True

    def finish(self) -> None:
        """Read nothing more, answer what has arrived, and close behind it."""
        self._ending = True
        self._go_on()

    def _go_on(self) -> None:
        if not self._in_line:
            self._in_line = True
            self._connections.ready(self)

    def answer_some(self) -> bool:
        """Answer some queries; tells whether the connection wants another turn. The rest waits for the client."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self._in_line = False
            return False
        instant = now()
        answers = bytearray()
        taken = answered = 0
        drained = False
        while taken < QUERIES_A_TURN and not self._congested and len(answers) < WRITE_HIGH_WATER_OCTETS:
            query = self._query()
            if query is None:
                drained = True
                break
            taken += 1
            response = self._connections.core.respond(query, self._source, Transport.TCP, instant)
            if response is not None:
                answered += 1
                answers += framed(response)
        self._listener.answered += answered
        if answers:
            transport.write(bytes(answers))
        latency = self._connections.latency
        if latency.due():
            latency.sent(instant.monotonic, answered)
        self._in_line = not drained and not self._congested
        if self._ending and drained:
            transport.close()
        elif self._ending or self._congested or not drained:
            transport.pause_reading()
        else:
            transport.resume_reading()
        return self._in_line

    def _query(self) -> bytes | None:
        try:
            return self._reader.message()
        except FramingError:
            self._ending = True
            return None

    def pause_writing(self) -> None:
        """Answer no more to a client that does not take its answers (asyncio's name)."""
        self._congested = True

    def resume_writing(self) -> None:
        """Go on where it was left (asyncio's name)."""
        self._congested = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it (asyncio's name)."""
        self._transport = None
        self._connections.closed(self)

    def shed(self) -> None:
        """Close at once; answers that the client did not take in all its idle time are dropped."""
        self._connections.closed(self)
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()


class TcpListener:
    """One listening socket that this worker accepts from between `start` and `stop`."""

    def __init__(self, sock: socket.socket, connections: TcpConnections) -> None:
        """Take a bound, listening, non-blocking socket."""
        self._socket = sock
        self._connections = connections
        self._server: asyncio.Server | None = None
        self._wanted = False
        self.answered = 0

    async def start(self) -> None:
        """Accept connections."""
        if self._wanted:
            return
        self._wanted = True
        # The server closes the socket that it is given, and this one may be wanted again.
        server = await asyncio.get_running_loop().create_server(
            lambda: TcpConnection(self._connections, self), sock=self._socket.dup()
        )
        # The loop has set the line of those who wait to the number that it accepts in one turn, 100.
        self._socket.listen(BACKLOG)
        if self._wanted and self._server is None:
            self._server = server
        else:
            # Stopped meanwhile, and perhaps started again: one server is enough.
            server.close()

    def stop(self) -> None:
        """Accept no more; open connections go on."""
        self._wanted = False
        if self._server is not None:
            self._server.close()
            self._server = None
