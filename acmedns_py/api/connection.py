"""One HTTP connection, with the time limits that aiohttp does not have.

aiohttp closes a connection that idles between requests, but lets the octets of a request's head drip in for as
long as that, and waits for ever for a client that does not read. Here a head must be complete within ten
seconds: of the connection's start for the first request, of its own first octet for each later one; and as long
as that, a client may leave an answer unread. (The body has a limit of its own, in `bodies`.)

A connection is waiting (for a head) or busy (from the complete head to the end of the answer). Where the server
holds as many as it may, one that waits gives its place to a new one (see `places`).

Nor does aiohttp bound what it keeps of octets that come behind a request in hand. Here nothing that comes behind
octets that are no HTTP is kept, and a client that sends more than a request ahead is not read until its answers
are out.
"""

import asyncio
from typing import Any, Protocol

from aiohttp import StreamReader, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from acmedns_py.api.places import Place

PATIENCE_SECONDS = 10.0
"""For a head to come, and for an answer to go; between Go's advice (5 s, acme-dns) and nginx's default (60 s)."""

IDLE_SECONDS = 90.0
"""nginx keeps 75 s, acme-dns 120 s."""

LINE_OCTETS = 8_190
"""aiohttp's and nginx's limit for the request line and for each header."""

LINGER_SECONDS = 5.0
"""How long the rest of a refused body is read and thrown away, so that the client gets to read the answer."""

AHEAD_OCTETS = 32_768
"""What is taken of later requests while one is in hand: the largest body that is read, and a head."""


class App(Protocol):
    """What answers the requests of a listener."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""

    def refused(self, request: web.BaseRequest, error: BaseException | None) -> web.StreamResponse:
        """The answer to octets that are no request that HTTP knows."""


class Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, under a deadline while it waits and a limit while it is busy."""

    __slots__ = ("_ahead", "_body", "_deadline", "_held", "_place", "_unreadable", "busy")

    def __init__(self, server: "HttpServer", place: Place, **options: Any) -> None:
        super().__init__(server, **options)
        self._place = place
        self._deadline: asyncio.TimerHandle | None = None
        self._ahead = 0
        self._body: StreamReader = EMPTY_PAYLOAD
        self._held = False
        self._unreadable = False
        self.busy = False

    @property
    def waits(self) -> bool:
        """Whether there is no request in hand, nor one that is about to be."""
        return not self.busy and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_clock()

    async def start(self) -> None:
        """Serve the requests; a connection may be lost in the very turn of the loop in which it was made."""
        if self._manager is not None:
            await super().start()

    def data_received(self, data: bytes) -> None:
        """Start the clock of a later head with its first octets; keep no more than a bounded part."""
        if self._unreadable:
            # aiohttp would keep one more error for each piece.
            return
        if self._deadline is None and not self.busy:
            self._start_clock()
        super().data_received(data)
        self._ahead += len(data)
        self._weigh()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock, free the place."""
        self._stop_clock()
        super().connection_lost(exc)
        self._place.release()

    def head_complete(self) -> None:
        """The server made a request of what was read."""
        self._stop_clock()
        self.busy = True
        self._weigh()

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
            self._weigh()
            self._place.idle()

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
        return server.app.refused(request, exc)

    def _weigh(self) -> None:
        """Read on or not, by what is kept already."""
        if self._messages:
            last, self._body = self._messages[-1]
            self._unreadable = not isinstance(last, RawRequestMessage)
        elif not self.busy:
            self._ahead = 0
        held = self._held
        if self._unreadable:
            # Alone it is answered at once, and a client that is heard to its end gets to read the answer.
            self._held = self.busy and bool(self._messages)
        else:
            # The body of the request in hand is not kept but read, so it must not be held up.
            behind = bool(self._messages) or self._body.is_eof()
            self._held = behind and self._ahead > AHEAD_OCTETS
        if self._held:
            self._pause_transport_reading()
        elif held and not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        # aiohttp resumes for reasons of its own.
        if not self._held:
            super()._resume_transport_reading()

    def _start_clock(self) -> None:
        self._deadline = self._loop.call_later(PATIENCE_SECONDS, self.give_up)

    def give_up(self) -> None:
        """Close at once, whatever is still to be sent."""
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
    """Makes the connections of all listeners and knows them."""

    def __init__(self, app: App) -> None:
        super().__init__(app, request_factory=self._request)
        self.app = app
        self._options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "access_log": None,
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": LINGER_SECONDS,
            "max_line_size": LINE_OCTETS,
            "max_field_size": LINE_OCTETS,
            "auto_decompress": False,
        }

    def connection(self, place: Place) -> Connection:
        """A protocol for one more connection."""
        place.guest = connection = Connection(self, place, **self._options)
        return connection

    def _request(
        self, message: Any, payload: Any, protocol: web.RequestHandler, writer: Any, task: "asyncio.Task[None]"
    ) -> web.BaseRequest:
        assert isinstance(protocol, Connection), "made by no other"
        protocol.head_complete()
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())
