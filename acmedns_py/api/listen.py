"""The API's listeners: already bound sockets, plain or TLS, under one server of connections."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

import structlog

from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.api.client import address
from acmedns_py.api.connection import App, HttpServer
from acmedns_py.api.places import TENURE_SECONDS, Place, Places, places_for_descriptors
from acmedns_py.errors import ConfigError

BACKLOG = 512
RECEIVE_OCTETS = 32_768
"""Buffer of a connection in the kernel (which doubles it), and so the most that one read brings, TLS or not."""

ACCEPT_AGAIN_SECONDS = 1.0
"""Pause where the machine has no descriptor or memory left for a connection; asyncio's own."""

CANCEL_SECONDS = 0.1
"""How long requests that outlived the grace have to end."""

HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 5.0
"""How long a TLS connection may take to say good-bye."""

CERTIFICATE_CHECK_SECONDS = 30.0
"""How often the certificate's files are looked at; renewals come weeks before an expiry."""

Closed = Literal["loopback", "wait"]
"""How a listener that lacks its certificate treats connections: plain HTTP within this machine, or none at all."""

_log = structlog.get_logger(__name__)


class ApiListener:
    """`start` once, then `stop` once; the sockets are closed by `stop`."""

    def __init__(
        self,
        *,
        certificate: CertificateFiles | None = None,
        most_connections: int | None = None,
        tenure_seconds: float = TENURE_SECONDS,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
        closed: Callable[[], Closed | None] = lambda: None,
    ) -> None:
        """Speaks TLS with `certificate`, plain HTTP without; at most as many connections as descriptors allow.

        `closed` is asked at each connection whether the certificate is still to come.
        """
        self._certificate = certificate
        self._closed = closed
        self._most_connections = most_connections
        self._tenure_seconds = tenure_seconds
        self._trusted_proxies = trusted_proxies
        self._connections: HttpServer | None = None
        self._places: Places | None = None
        self._sockets: list[socket.socket] = []
        self._accepting = False
        self._connecting: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def certificate(self) -> CertificateFiles | None:
        """What it speaks TLS with."""
        return self._certificate

    async def start(self, sockets: list[socket.socket], app: App) -> None:
        """Begin to accept on bound sockets."""
        self._connections = HttpServer(app)
        self._places = Places(
            self._most_connections or places_for_descriptors(),
            on_change=self._accept_on,
            tenure_seconds=self._tenure_seconds,
            trusted_proxies=self._trusted_proxies,
        )
        self._sockets = sockets
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_OCTETS)
            each.setblocking(False)
            each.listen(BACKLOG)
        self._accept_on()
        if self._certificate is not None:
            self._watch = asyncio.create_task(self._watch_certificate(self._certificate), name="certificate files")

    async def stop(self, grace_seconds: float) -> None:
        """Accept nothing more, let requests in hand finish within the time given, close all connections."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        if self._again is not None:
            self._again.cancel()
        self._pause_accepting()
        for each in self._sockets:
            each.close()
        self._sockets = []
        if self._places is not None:
            self._places.vacate_unestablished()
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=grace_seconds)
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

    def _accept_on(self) -> None:
        """Look at the sockets again, after a pause."""
        if self._accepting or self._again is not None:
            return
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            loop.add_reader(each, self._accept, each)
            self._accepting = True

    def _pause_accepting(self) -> None:
        loop = asyncio.get_running_loop()
        self._accepting = False
        for each in self._sockets:
            loop.remove_reader(each)

    def _accept(self, listening: socket.socket) -> None:
        """Take one connection in, if there is a place for it; without, it stays in the kernel's backlog."""
        assert self._places is not None, "started"
        # Only when there is a newcomer is anyone to leave for it: so one for each call, and each call for one.
        if not self._places.room():
            self._pause_accepting()
            return
        try:
            accepted, peer = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            _log.error("connection_not_accepted", problem=str(error))
            self._pause_accepting()
            self._again = asyncio.get_running_loop().call_later(ACCEPT_AGAIN_SECONDS, self._try_again)
            return
        closed = self._closed()
        if closed == "wait" or (closed == "loopback" and not _within_this_machine(peer[0])):
            accepted.close()
            return
        place = self._places.take(accepted, peer[0])
        if place is None:
            accepted.close()
            return
        accepted.setblocking(False)
        connecting = asyncio.create_task(self._connect(accepted, place, self._certificate if closed is None else None))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    def _try_again(self) -> None:
        self._again = None
        self._accept_on()

    async def _connect(self, accepted: socket.socket, place: Place, tls: CertificateFiles | None) -> None:
        """Establish a connection; one that fails (no TLS, too late, not wanted any more) just frees its place."""
        assert self._connections is not None, "started"
        connections = self._connections
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connections.connection(place),
                accepted,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
                ssl_shutdown_timeout=CLOSE_SECONDS if tls else None,
            )
        except OSError:
            place.release()

    async def _watch_certificate(self, files: CertificateFiles) -> None:
        while True:
            await asyncio.sleep(CERTIFICATE_CHECK_SECONDS)
            if files.changed():
                self.reload_certificate()


def _within_this_machine(peer: str) -> bool:
    found = address(peer)
    return found is not None and found.is_loopback
