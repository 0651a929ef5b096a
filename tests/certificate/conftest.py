"""Pebble on loopback, which believes every proof: for what is between us and a CA, without the DNS."""

import json
import os
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import acme.client
import pytest
import requests

from acmedns_py.certificate import proving
from acmedns_py.certificate.options import Access
from tests.lab.authority import Trust
from tests.server import free_port
from tests.tools import peers

START_SECONDS = 60


@dataclass(frozen=True)
class Pebble:
    """A running CA: `directory` is its URL, `management` that of its other side, `access` what trusts both."""

    directory: str
    management: str
    access: Access
    log: Path
    process: "subprocess.Popen[bytes]"

    def orders(self) -> int:
        """Count the orders that it has taken."""
        return len(re.findall(r"There are now \d+ orders in the db", self.log.read_text()))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CA of the tests makes up its mind in milliseconds."""
    monkeypatch.setattr(proving, "POLL_SECONDS", 0.02)
    sleep = time.sleep
    monkeypatch.setattr(acme.client.time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """What issues for the CA's own HTTPS."""
    return Trust(tmp_path)


@pytest.fixture
def make_pebble(tmp_path: Path, trust: Trust) -> Iterator[Callable[..., Pebble]]:
    """Start a CA with further settings, or on the port of one that has ended; all are gone after the test.

    With the address of a name server as `resolver` it asks that for proofs, and believes none.
    """
    chain, key = trust.issue("127.0.0.1", "localhost")
    with ExitStack() as ends:

        def start(
            *, port: int | None = None, env: dict[str, str] | None = None, resolver: str = "", **settings: Any
        ) -> Pebble:
            port = port or free_port()
            other_port = free_port()
            log = tmp_path / f"pebble-{port}-{time.monotonic_ns()}.log"
            document = {
                "listenAddress": f"127.0.0.1:{port}",
                "managementListenAddress": f"127.0.0.1:{other_port}",
                "certificate": str(chain),
                "privateKey": str(key),
                "httpPort": 5002,
                "tlsPort": 5001,
                "retryAfter": {"authz": 1, "order": 1},
                **settings,
            }
            configuration = log.with_suffix(".json")
            configuration.write_text(json.dumps({"pebble": document}))
            always = {
                "PEBBLE_VA_ALWAYS_VALID": "0" if resolver else "1",
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_AUTHZREUSE": "0",
            }
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [peers.need("pebble"), "-config", configuration, "-strict", "-dnsserver", resolver],
                    env={"PATH": os.environ["PATH"], **always, "PEBBLE_WFE_NONCEREJECT": "0", **(env or {})},
                    stdout=output,
                    stderr=output,
                )
            ends.callback(process.wait)
            ends.callback(process.kill)
            management = f"https://127.0.0.1:{other_port}"
            directory = f"https://127.0.0.1:{port}/dir"
            end = time.monotonic() + START_SECONDS
            # Pebble says that it listens before it does.
            while not all(_answers(url, trust.bundle) for url in (directory, f"{management}/roots/0")):
                assert time.monotonic() < end, log.read_text()
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            return Pebble(directory, management, Access(trust.bundle, "", "", ""), log, process)

        yield start


def _answers(url: str, bundle: Path) -> bool:
    try:
        return requests.get(url, verify=str(bundle), timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture
def answering(trust: Trust) -> Iterator[Callable[..., tuple[str, Access]]]:
    """An HTTPS server in a CA's place that always answers the same; gives its URL and what trusts it.

    The answer is a document or octets; `{CA}` in its texts and headers stands for where the server is.
    Its own certificate may be of another time (`not_before`, `not_after`).
    """
    with ExitStack() as ends:

        def make(status: int, headers: dict[str, str], document: object, **validity: datetime) -> tuple[str, Access]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*trust.issue("127.0.0.1", "localhost", **validity))

            def here(text: str) -> str:
                return text.replace("{CA}", f"https://127.0.0.1:{server.server_port}")

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    body = document if isinstance(document, bytes) else here(json.dumps(document)).encode()
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    self.send_response_only(status)
                    for header, text in {"Content-Type": "application/problem+json", **headers}.items():
                        self.send_header(header, here(text))
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body)

                do_HEAD = do_POST = do_GET  # noqa: N815 - so BaseHTTPRequestHandler finds them

                def log_message(self, *_what: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            ends.callback(server.server_close)
            ends.callback(thread.join)
            ends.callback(server.shutdown)
            return f"https://127.0.0.1:{server.server_port}/dir", Access(trust.bundle, "", "", "")

        yield make
