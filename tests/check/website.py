"""An HTTPS server in the API's place: python -m tests.check.website CHAIN KEY SKEW ADDRESS STATUS BODY [STATUS BODY].

It answers each request with the status and the text, or what @FILE holds, and a POST with the second ones where there
are two; all with a Date header that is off by SKEW seconds. Prints one line once it listens, and one for each request.
"""

from __future__ import annotations

import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PORT = 443


def main(chain: str, key: str, skew: str, address: str, *answers: str) -> None:
    """Serve for ever."""
    statuses, bodies = list(map(int, answers[::2])), list(map(_octets, answers[1::2]))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(0)

        def do_POST(self) -> None:
            self._answer(-1)

        def do_DELETE(self) -> None:
            self._answer(0)

        def _answer(self, number: int) -> None:
            self.send_response(statuses[number])
            self.send_header("Content-Length", str(len(bodies[number])))
            self.end_headers()
            self.wfile.write(bodies[number])

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time()) + int(skew))

    server = HTTPServer((address, PORT), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    # The handshake is the handler's, so that one that fails ends nothing.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("listening", flush=True)
    server.serve_forever()


def _octets(text: str) -> bytes:
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode("ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
