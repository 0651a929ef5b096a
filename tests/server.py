"""Starts the real server for a test, as an operator would: a configuration file, a command line, a process.

Readiness comes as systemd gets it, by a datagram to NOTIFY_SOCKET, so that nothing is polled.
"""

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ACMEDNS = Path(sys.executable).with_name("acmedns")
START_SECONDS = 60
ZONE = "auth.example.org"
OVERLOADED = b'{"error":"overloaded"}'
PORTS = (10_000, 32_500)
"""Below those that Linux gives to whoever asks for any (from 32768), and above those of services."""
PORTS_A_PROCESS = 500


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Server:
    """One `acmedns serve` with its own folder, ports and database."""

    def __init__(
        self, folder: Path, *, database_url: str, zone: str = ZONE, config: str = "", workers: int = 2
    ) -> None:
        """Write the configuration; `config` holds further TOML lines, with sections of their own."""
        self.folder = folder
        self.zone = zone
        self.database_url = database_url
        self.dns = ("127.0.0.1", free_port())
        self.api = ("127.0.0.1", free_port())
        self.config = folder / "config.toml"
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.config.write_text(
            f"""
[zone]
name = "{zone}"
addresses = ["127.0.0.1"]
records = [
    "www 300 IN A 192.0.2.1",
    "a.b 300 IN TXT \\"deep\\"",
    "alias 300 IN CNAME www",
    "*.wild 300 IN TXT \\"wild\\"",
]
[dns]
listen = ["{self.dns[0]}:{self.dns[1]}"]
workers = {workers}
[api]
listen = ["{self.api[0]}:{self.api[1]}"]
[database]
url = "{database_url}"
{config}
{"" if "[admin]" in config else f'[admin]{chr(10)}socket = "{folder}/admin.sock"'}
"""
        )

    @property
    def api_url(self) -> str:
        """The base URL, without a final slash."""
        return f"http://{self.api[0]}:{self.api[1]}"

    def start(self, *, environ: dict[str, str] | None = None, before: tuple[str, ...] = ()) -> "Server":
        """Start and return when the server says that it is ready; fails with its log otherwise.

        `before` is put in front of the command and must end in an exec of it.
        """
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            path.chmod(0o777)  # for a server that has become another user
            notify.settimeout(0.2)
            self.spawn(environ={"NOTIFY_SOCKET": str(path), **(environ or {})}, before=before)
            assert self.process is not None
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                try:
                    if notify.recv(200) == b"READY=1":
                        return self
                except TimeoutError:
                    if self.process.poll() is not None:
                        break
        raise AssertionError(f"the server did not get ready; its log:\n{self.log.read_text()}")

    def spawn(self, *, environ: dict[str, str] | None = None, before: tuple[str, ...] = ()) -> None:
        """Start without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*before, ACMEDNS, "serve", "-c", self.config],
                env={"PATH": os.environ["PATH"], **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def acmedns(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command with this server's configuration, as an operator on its machine does."""
        return subprocess.run(
            [ACMEDNS, *arguments, "-c", self.config],
            input=typed,
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
        )

    def signal(self, number: int) -> None:
        """Send a signal to the control process."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """Stop as systemd does and give the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=20)

    def close(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()

    def wait_for_log(self, *words: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Give the first log line that has all these words, as JSON where it is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.log.read_text().splitlines():
                if all(word in line for word in words):
                    return json.loads(line) if line.startswith("{") else {"text": line}
            time.sleep(0.02)
        raise AssertionError(f"no log line with {words}; the log:\n{self.log.read_text()}")

    def worker_pids(self) -> list[int]:
        """Give the pids of the workers that readiness names, by place."""
        return [worker["pid"] for worker in self.request("GET", "/health/ready").json["workers"]]

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Make one HTTP request on a connection of its own."""
        connection = http.client.HTTPConnection(*self.api, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def register(self, **fields: Any) -> dict[str, Any]:
        """Register and give the account as the client sees it; a busy machine's hashing is waited for as it asks."""
        body = json.dumps(fields).encode() if fields else None
        deadline = time.monotonic() + START_SECONDS
        while (reply := self.request("POST", "/register", body=body)).body == OVERLOADED:
            assert time.monotonic() < deadline, reply
            time.sleep(0.1)
        assert reply.status == 201, reply
        account: dict[str, Any] = reply.json
        return account

    def update(self, account: dict[str, Any], txt: str) -> Reply:
        """Set a value as a client does."""
        return self.request(
            "POST",
            "/update",
            body=json.dumps({"subdomain": account["subdomain"], "txt": txt}).encode(),
            headers={"X-Api-User": account["username"], "X-Api-Key": account["password"]},
        )


def free_port() -> int:
    """Give a port that is free on loopback for both UDP and TCP, and that nobody takes who asks for any port."""
    for _ in range(PORTS_A_PROCESS):
        port = next(_own_ports())
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port on loopback")


@cache
def _own_ports() -> Iterator[int]:
    """Go round the ports of this process: those of a block that no other process of the tests holds."""
    for first in range(*PORTS, PORTS_A_PROCESS):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0acmedns tests, ports from {first}")
        except OSError:
            claim.close()
            continue
        claim.detach()  # held until the process ends
        return itertools.cycle(range(first, first + PORTS_A_PROCESS))
    raise AssertionError(f"too many processes of the tests: all ports of {PORTS} are theirs")


def value(number: int) -> str:
    """Give a TXT value of the form that ACME uses: 43 characters, different for each number."""
    return f"{number:043d}"
