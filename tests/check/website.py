"""An HTTPS server that is not the API: python -m tests.check.website CHAIN KEY STATUS SKEW BODY ADDRESS.

It answers each request with the status and the text, or what @FILE holds, and with a Date header that is off by SKEW
seconds; prints one line once it listens, and one for each request.
"""

from __future__ import annotations

import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PORT = 443


def main(chain: str, key: str, status: str, skew: str, body: str, address: str) -> None:
    """Serve for ever."""
    octets = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode("ascii")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            self.send_response(int(status))
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time()) + int(skew))

    server = HTTPServer((address, PORT), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    # The handshake is the handler's, so that one that fails ends nothing.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
