"""The local socket: the operator's routes over HTTP on a Unix socket, for whoever the file's permissions let in.

The file is made 0600 by the user that the server runs as, after the database's lock was had: so a file that is in the
way and that nobody listens on was left by a server that crashed, and is replaced. Who asks is told by the kernel
(SO_PEERCRED, unix(7)).
"""

import asyncio
import os
import pwd
import socket
import stat
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from acmedns_py.accounts.administration import Operator
from acmedns_py.api.admin import AdminRoutes, template
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.asked import Asked
from acmedns_py.api.traffic import Traffic
from acmedns_py.errors import ListenError

LOCAL = "local socket"
"""The source of what came this way, in the audit log."""

MOST_OCTETS = 1_048_576
"""The longest body: allow-lists can be long."""

BACKLOG = 64

PATH_OCTETS = 107
"""The longest path of a Unix socket (unix(7))."""

_PEER = struct.Struct("iII")
"""The pid, uid and gid of struct ucred."""

_log = structlog.get_logger(__name__)


class LocalListener:
    """`bind`, then `start`, then `stop`, which removes the file; a second `stop` does nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bound: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        self._connections: web.Server | None = None
        self._listening: asyncio.Server | None = None

    def bind(self) -> None:
        """Make the socket; who connects waits for `start`. Raises `ListenError` where that can't be."""
        self._bound = _bound(self._path)
        found = self._path.stat()
        self._identity = (found.st_dev, found.st_ino)

    async def start(self, routes: AdminRoutes, traffic: Traffic) -> None:
        """Begin to answer, and to count what is answered."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            began = time.perf_counter()
            answered = await _answered(routes, request)
            traffic.answered(template(_path(request)), answered.status, time.perf_counter() - began)
            return answered

        self._connections = _Server(answer)
        self._listening = await asyncio.get_running_loop().create_unix_server(self._connections, sock=self._bound)

    async def stop(self, grace_seconds: float) -> None:
        """Accept nothing more, let requests in hand finish within the time given, and remove the file."""
        if self._bound is None:
            return
        bound, self._bound = self._bound, None
        if self._listening is None or self._connections is None:
            bound.close()
        else:
            self._listening.close()
            self._connections.pre_shutdown()
            await self._connections.shutdown(grace_seconds)
        with suppress(OSError):
            found = self._path.stat()
            # Another's by now, if somebody has removed ours.
            if (found.st_dev, found.st_ino) == self._identity:
                self._path.unlink()


class _Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, which answers what is no HTTP as the routes answer."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Say what it is; aiohttp would log the octets, and answer in text."""
        return _unreadable(request)


class _Server(web.Server):
    """Makes the connections and knows them."""

    def __call__(self) -> _Connection:
        options: dict[str, Any] = {"access_log": None}
        return _Connection(self, loop=asyncio.get_running_loop(), **options)


def _path(request: web.BaseRequest) -> str:
    return request.raw_path.partition("?")[0]


async def _answered(routes: AdminRoutes, request: web.BaseRequest) -> Answer:
    try:
        body = await _body(request)
    except (web.RequestPayloadError, ConnectionError):
        return _unreadable(request)
    if len(body) > MOST_OCTETS:
        return json_answer(
            413, {"error": "payload_too_large", "detail": f"the body has more than {MOST_OCTETS} octets"}
        )
    told = await routes.answer(
        Asked(request.method, _path(request), dict(request.query), body, Operator(peer_name(request), LOCAL))
    )
    return json_answer(told.status, told.document, told.headers)


async def _body(request: web.BaseRequest) -> bytes:
    """The body, or so much of it that it is seen to be too long."""
    body = b""
    while len(body) <= MOST_OCTETS and (more := await request.content.read(MOST_OCTETS + 1)):
        body += more
    return body


def _unreadable(request: web.BaseRequest) -> Answer:
    """The last answer on a connection that brought what is no HTTP, or broke off."""
    _log.warning("admin_request_unreadable", actor=peer_name(request), source=LOCAL)
    detail = "this is no HTTP request, or broke off; acmedns account and the like send what is understood here"
    answer = json_answer(400, {"error": "bad_request", "detail": detail})
    answer.force_close()
    return answer


def peer_name(request: web.BaseRequest) -> str:
    """Who is at the other end, as "user:root"."""
    assert request.transport is not None, "a request in hand has a connection"
    connection: socket.socket = request.transport.get_extra_info("socket")
    return user_name(_peer(connection)[1])


def user_name(uid: int) -> str:
    """A user of this machine for the audit log."""
    try:
        return f"user:{pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user:{uid}"


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    pid, uid, gid = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return pid, uid, gid


def _bound(path: Path) -> socket.socket:
    """Make the socket, readable and writable for its owner alone from its first moment on."""
    if len(os.fsencode(path)) > PATH_OCTETS:
        raise ListenError(
            str(path),
            "admin socket",
            f"the path has more than {PATH_OCTETS} octets",
            "set admin.socket to a shorter one",
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Of the process; nothing else makes files while this runs, as nothing is awaited.
    before = os.umask(0o177)
    try:
        _make_directory(path.parent)
        _clear(path)
        sock.bind(str(path))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ListenError(
            str(path),
            "admin socket",
            error.strerror or str(error),
            f"set admin.socket to a path in a directory that user {os.geteuid()} may write",
        ) from error
    except ListenError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def _make_directory(directory: Path) -> None:
    """Make the last part of a directory's path, for the owner alone; what is missing above it is the operator's."""
    if not directory.exists():
        directory.mkdir()
        directory.chmod(0o700)


def _clear(path: Path) -> None:
    """Remove the socket of a server that is no more; raises `ListenError` where what is there must stay."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(
            str(path), "admin socket", "there is a file of another kind", "move it away, or set admin.socket elsewhere"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            _log.info("admin_socket_replaced", path=str(path))
            return
        except FileNotFoundError:
            return
        pid, uid, _gid = _peer(probe)
    raise ListenError(
        str(path),
        "admin socket",
        f"another server listens there (pid {pid}, {user_name(uid)})",
        "stop it, or set admin.socket elsewhere",
    )
