"""One HTTP connection, with the time limits that aiohttp does not have.

aiohttp closes a connection that idles between requests, but lets the octets of a request's head drip in for as
long as that, and waits for ever for a client that does not read. Here a head must be complete within ten
seconds: of the connection's start for the first request, of its own first octet for each later one; and as long
as that, a client may leave an answer unread. (The body has a limit of its own, in `bodies`.)

A connection is waiting (for a head) or busy (from the complete head to the end of the answer). Where the server
holds as many as it may, one that waits gives its place to a new one.
"""

import asyncio
from typing import Any

from aiohttp import web

from acmedns_py.api.app import Api

PATIENCE_SECONDS = 10.0
"""For a head to come, and for an answer to go; between Go's advice (5 s, acme-dns) and nginx's default (60 s)."""

IDLE_SECONDS = 90.0
"""nginx keeps 75 s, acme-dns 120 s."""

LINE_OCTETS = 8_190
"""aiohttp's and nginx's limit for the request line and for each header."""

LINGER_SECONDS = 5.0
"""How long the rest of a refused body is read and thrown away, so that the client gets to read the answer."""

MOST_CONNECTIONS = 1_000


class Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, under a deadline while it waits."""

    __slots__ = ("_deadline", "busy")

    def __init__(self, server: "HttpServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_clock()

    def data_received(self, data: bytes) -> None:
        """Start the clock of a later head with its first octets."""
        if self._deadline is None and not self.busy:
            self._start_clock()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def head_complete(self) -> None:
        """The server made a request of what was read."""
        self._stop_clock()
        self.busy = True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, under a clock; then the connection waits again."""
        self._start_clock()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._stop_clock()
            self.busy = False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in our own form; aiohttp would log the offending octets, perhaps a password."""
        server = self._manager
        assert isinstance(server, HttpServer), "made by no other"
        return server.api.refused(request, exc)

    def _start_clock(self) -> None:
        self._deadline = self._loop.call_later(PATIENCE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        transport = self.transport
        self.force_close()
        if transport is not None:
            # Closing alone would wait until the client has read what is written.
            transport.abort()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class HttpServer(web.Server):
    """Makes the connections of all listeners and counts them."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, request_factory=self._request)
        self.api = api
        self._options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "access_log": None,
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": LINGER_SECONDS,
            "max_line_size": LINE_OCTETS,
            "max_field_size": LINE_OCTETS,
            "auto_decompress": False,
        }

    def __call__(self) -> Connection:
        """A protocol for one more connection."""
        return Connection(self, **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection in; beyond the limit, for the oldest that waits, or not at all."""
        if len(self._connections) >= MOST_CONNECTIONS:
            for other in self._connections:
                # One that was closed a moment ago is still in the table: it can't give its place again.
                if isinstance(other, Connection) and other.connected and not other.busy:
                    other.force_close()
                    break
            else:
                transport.abort()
        super().connection_made(handler, transport)

    def _request(
        self, message: Any, payload: Any, protocol: web.RequestHandler, writer: Any, task: "asyncio.Task[None]"
    ) -> web.BaseRequest:
        assert isinstance(protocol, Connection), "made by no other"
        protocol.head_complete()
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())
