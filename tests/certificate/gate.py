"""A gate before a CA: every request goes through it, and one of them is where the client dies.

It speaks HTTPS on both sides and hands the client's Host header on, so that all URLs of the CA lead through it.
"""

import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

KINDS = {
    "dir": "directory",
    "nonce-plz": "newNonce",
    "sign-me-up": "newAccount",
    "order-plz": "newOrder",
    "my-order": "order",
    "authZ": "authorization",
    "chalZ": "challenge",
    "finalize-order": "finalize",
    "certZ": "certificate",
}
"""Resources of RFC 8555 by the first part of Pebble's paths."""

_FORWARDED = ("Host", "Content-Type", "User-Agent", "Accept")
_RETURNED = ("Content-Type", "Location", "Link", "Replay-Nonce", "Retry-After")


@dataclass(frozen=True)
class Step:
    """A request: the resource, and which of those to it.

    The client dies "unheard", before the CA gets it, "unanswered", after the CA has done it, or just "before" the CA
    gets it all the same.
    """

    kind: str
    number: int
    moment: Literal["unheard", "before", "unanswered"]

    def __str__(self) -> str:
        """As a row of a table."""
        told = {
            "unheard": "asked, and the CA has not heard it",
            "before": "asked, and dead before the CA looks",
            "unanswered": "done by the CA, and its answer lost",
        }
        return f"{self.kind} {self.number}: {told[self.moment]}"


class Gate:
    """`directory` is the CA's URL by way of it."""

    def __init__(self, port: int, step: Step | None, kill: Callable[[], None], decided: Callable[[], None]) -> None:
        """`decided` returns when the CA has made up its mind about the proof that it was told to look at."""
        self.directory = f"https://127.0.0.1:{port}/dir"
        self.seen: Counter[str] = Counter()
        self._step = step
        self._kill = kill
        self._decided = decided
        self.passed = threading.Event()
        """The step is over, with all that the CA does at it."""
        self._lock = threading.Lock()

    def _at(self, path: str) -> tuple[str, Step | None]:
        """Count a request; gives its kind, and the step where this is the one."""
        kind = KINDS[path.split("/")[1]]
        with self._lock:
            self.seen[kind] += 1
            if self._step is None or (kind, self.seen[kind]) != (self._step.kind, self._step.number):
                return kind, None
            # Once: the next life goes through.
            step, self._step = self._step, None
            return kind, step

    def forward(self, path: str, ask: Callable[[], "Answer"]) -> "Answer | None":
        """Let a request through; None where nobody lives who waits for the answer."""
        kind, step = self._at(path)
        if step is not None and step.moment != "unanswered":
            self._kill()
        answer = None
        if step is None or step.moment != "unheard":
            answer = ask()
            if kind == "challenge":
                self._decided()
        if step is None:
            return answer
        if step.moment == "unanswered":
            self._kill()
        self.passed.set()
        return None


@dataclass(frozen=True)
class Answer:
    """What the CA says."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@contextmanager
def gate(
    upstream: str,
    *,
    certificate: tuple[Path, Path],
    bundle: Path,
    step: Step | None,
    kill: Callable[[], None],
    decided: Callable[[], None],
) -> Iterator[Gate]:
    """Stand before the CA at `upstream` for the block; `certificate` is the gate's own, chain and key."""
    inside = ssl.create_default_context(cafile=bundle)
    host = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass()

        def do_HEAD(self) -> None:
            self._pass()

        def do_POST(self) -> None:
            self._pass()

        def _pass(self) -> None:
            # Whole, while the client lives who sends it.
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = passing.forward(self.path, lambda: self._ask(body))
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for header, text in answer.headers:
                self.send_header(header, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def _ask(self, body: bytes) -> Answer:
            connection = http.client.HTTPSConnection(host, context=inside, timeout=30)
            try:
                headers = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
                connection.request(self.command, self.path, body or None, headers)
                response = connection.getresponse()
                told = [(name, text) for name, text in response.headers.items() if name in _RETURNED]
                return Answer(response.status, told, response.read())
            finally:
                connection.close()

        def log_message(self, *_what: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    passing = Gate(server.server_port, step, kill, decided)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield passing
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
