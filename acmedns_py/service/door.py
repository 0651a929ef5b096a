"""The way of commands to the operator's routes: the running server's socket, its API, or the database itself."""

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec

from acmedns_py.config.settings import Settings
from acmedns_py.errors import AcmednsError
from acmedns_py.service.places import socket_path

ANSWER_SECONDS: Final = 60.0
"""How long the server may take; a page of a million accounts is searched in a few."""


MOST_OCTETS: Final = 64 * 1024 * 1024
"""Of an answer; a page of a thousand accounts with all their values has less."""

MOST_DETAIL: Final = 2_000
"""Characters of what is told of a refusal; ours are shorter."""


class NotDone(AcmednsError):
    """The routes refused; the text says why and what to do, `word` is for programs."""

    def __init__(self, word: str, detail: str) -> None:
        """`word` is one of the routes' error words."""
        super().__init__(detail)
        self.word = word


class Door(Protocol):
    """What a command asks through."""

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the document of a good answer; raises `NotDone`, or another `AcmednsError`."""


@contextmanager
def open_door(settings: Settings) -> Iterator[Door]:
    """Give a way to the routes for as long as the block lasts.

    Raises `AcmednsError` where there is neither a server that this user may speak to nor a database to work on.
    """
    path = socket_path(settings)
    connection = _connected(path)
    if connection is not None:
        with closing(connection):
            yield _HttpDoor(connection, str(path))
        return
    # The whole of the store and of the routes, which nobody needs who asks a server.
    from acmedns_py.service.offline import open_database  # noqa: PLC0415

    with open_database(settings, path) as found:
        yield found


@contextmanager
def open_server(settings: Settings) -> Iterator[Door]:
    """Give a way to the routes of the running server, for what it alone can do; raises `NotDone` without one."""
    path = socket_path(settings)
    connection = _connected(path)
    if connection is None:
        raise NotDone("no_server", f"no server listens at {path}; this is for a running one: start acmedns serve")
    with closing(connection):
        yield _HttpDoor(connection, str(path))


@contextmanager
def open_remote(url: str, token: str) -> Iterator[Door]:
    """Give a way to the routes of a server elsewhere, by its API's HTTPS URL and an operator's token.

    Nothing is sent before the first question; raises `NotDone` for a URL that would show the token to others.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise NotDone("unusable", f"{url} is no HTTPS URL, and a token is sent over no other; name one with --api-url")
    with closing(http.client.HTTPSConnection(parts.hostname, parts.port, timeout=ANSWER_SECONDS)) as connection:
        yield _HttpDoor(connection, url, prefix=parts.path.rstrip("/"), headers={"Authorization": f"Bearer {token}"})


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__("localhost")
        self.sock = connected

    def connect(self) -> None:
        """Refuse: the library would go on at port 80 of this host, where another program may listen."""
        raise ConnectionResetError("it closed the connection")


def _connected(path: Path) -> _UnixConnection | None:
    """Connect to a server's socket; None where nobody listens there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(ANSWER_SECONDS)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        cure = "run this as the user that the server runs as, or as root"
        raise NotDone("no_access", f"the socket {path} can't be used: {error.strerror or error}; {cure}") from error
    return _UnixConnection(sock)


class _HttpDoor:
    def __init__(
        self, connection: http.client.HTTPConnection, place: str, *, prefix: str = "", headers: Mapping[str, str] = {}
    ) -> None:
        self._connection = connection
        self._place = place
        self._prefix = prefix
        self._headers = headers

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        target = f"{self._prefix}{path}?{urlencode(query)}" if query else f"{self._prefix}{path}"
        sent = None if body is None else msgspec.json.encode(body)
        try:
            self._connection.request(method, target, body=sent, headers=dict(self._headers))
            response = self._connection.getresponse()
            status, octets = response.status, response.read(MOST_OCTETS)
        except (OSError, http.client.HTTPException) as error:
            reason = f"no answer within {ANSWER_SECONDS:g} s" if isinstance(error, TimeoutError) else str(error)
            cure = "see the server's log, and whether it was done, before you repeat it"
            raise NotDone("no_answer", f"the server at {self._place} broke off: {reason}; {cure}") from error
        try:
            document: dict[str, Any] = msgspec.json.decode(octets, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotDone("no_answer", f"what listens at {self._place} is no acmedns server") from error
        return good(status, document)


def good(status: int, document: dict[str, Any]) -> dict[str, Any]:
    """Give the document of a good answer; raises `NotDone` with what a refusal says."""
    if status >= http.HTTPStatus.BAD_REQUEST:
        raise NotDone(str(document.get("error", "failed")), str(document.get("detail", document))[:MOST_DETAIL])
    return document
