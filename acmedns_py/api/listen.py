"""The API's listeners: already bound sockets, plain or TLS, under one server of connections."""

import asyncio
import socket
from contextlib import suppress

import structlog

from acmedns_py.api.app import Api
from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.api.connection import HttpServer
from acmedns_py.errors import ConfigError

BACKLOG = 512
CANCEL_SECONDS = 0.1
"""How long requests that outlived the grace have to end."""

HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 5.0
"""How long a TLS connection may take to say good-bye."""

CERTIFICATE_CHECK_SECONDS = 30.0
"""How often the certificate's files are looked at; renewals come weeks before an expiry."""

_log = structlog.get_logger(__name__)


class ApiListener:
    """`start` once, then `stop` once; the sockets are closed by `stop`."""

    def __init__(self, *, certificate: CertificateFiles | None = None) -> None:
        """Speaks TLS with `certificate`, plain HTTP without."""
        self._certificate = certificate
        self._connections: HttpServer | None = None
        self._servers: list[asyncio.Server] = []
        self._watch: asyncio.Task[None] | None = None

    async def start(self, sockets: list[socket.socket], app: Api) -> None:
        """Begin to accept on bound sockets."""
        self._connections = HttpServer(app)
        loop = asyncio.get_running_loop()
        tls = self._certificate
        for each in sockets:
            server = await loop.create_server(
                self._connections,
                sock=each,
                backlog=BACKLOG,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
                ssl_shutdown_timeout=CLOSE_SECONDS if tls else None,
            )
            self._servers.append(server)
        if tls is not None:
            self._watch = asyncio.create_task(self._watch_certificate(tls), name="certificate files")

    async def stop(self, grace_seconds: float) -> None:
        """Accept nothing more, let requests in hand finish within the time given, close all connections."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        for server in self._servers:
            server.close()
        if self._connections is not None:
            # One turn of the loop, so that requests that are read already count as being in hand.
            await asyncio.sleep(0)
            self._connections.pre_shutdown()
            try:
                async with asyncio.timeout(grace_seconds):
                    await self._connections.shutdown(grace_seconds)
            except TimeoutError:
                # aiohttp waits for its time twice over: once for the handler, once for the connection.
                await self._connections.shutdown(CANCEL_SECONDS)

    def reload_certificate(self) -> None:
        """Read the certificate's files again; a pair that can't be used changes nothing and is logged."""
        if self._certificate is None:
            return
        try:
            self._certificate.reload()
        except ConfigError as error:
            _log.error("certificate_not_reloaded", problem=str(error))
        else:
            _log.info("certificate_reloaded")

    async def _watch_certificate(self, files: CertificateFiles) -> None:
        while True:
            await asyncio.sleep(CERTIFICATE_CHECK_SECONDS)
            if files.changed():
                self.reload_certificate()
