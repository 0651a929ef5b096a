"""The whole lab wired together: namespace, zones, resolvers, CA, our server; and what a flow may ask of it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab import layouts, resolvers, zones
from tests.lab.authority import Trust, start_pebble
from tests.lab.layouts import CLIENT, SERVER, Layout
from tests.lab.namespace import LabError, Namespace, Program
from tests.lab.resolvers import MANY, Kind, start_perspectives, start_resolver
from tests.lab.zones import Zones
from tests.tools import peers

ACMEDNS = Path(sys.executable).with_name("acmedns")

# Programs without which there is no lab; asked for first, so that what is missing is said before anything starts.
PROGRAMS = ("dig", "dnsdist", "ip", "nsd", "nsenter", "pebble", "setpriv", "unbound", "unshare")

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A running lab. `say` takes lines for people; everything is below `folder` and goes with it.

    `token` may register and keep accounts in the server's storage.
    """

    folder: Path
    layout: Layout
    namespace: Namespace
    zones: Zones
    trust: Trust
    server: Program
    token: str
    say: Callable[[str], None]
    _folders: list[Path] = field(default_factory=list)

    def client_folder(self, name: str) -> Path:
        """Give a fresh folder for one client's files; its number keeps two runs of the same client apart."""
        folder = self.folder / f"{len(self._folders):02d}-{name}"
        folder.mkdir()
        self._folders.append(folder)
        return folder

    @property
    def trusting(self) -> dict[str, str]:
        """The environment by which every client trusts the lab's HTTPS servers."""
        bundle = str(self.trust.bundle)
        return {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, "LEGO_CA_CERTIFICATES": bundle}

    def point(self, *names: str, at: str) -> None:
        """Play the domain owner: `_acme-challenge.NAME` becomes a CNAME to `at`."""
        self.zones.point(*names, at=at)
        shown = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        self.say(f"  parent zone: _acme-challenge of {shown} is a CNAME to {at}")

    def register(self, allow_from: Sequence[str] = ()) -> dict[str, Any]:
        """Register an account by curl, as the README tells people to, and give the server's answer."""
        body = ("--data", json.dumps({"allowfrom": list(allow_from)})) if allow_from else ()
        status, text = self.post("/register", *body)
        if status != 201:
            raise LabError(f"/register answered {status}: {text}")
        account: dict[str, Any] = json.loads(text)
        return account

    def update(self, account: Mapping[str, Any], value: str, *, source: str) -> tuple[int, str]:
        """Update by curl from the address `source`; gives status and body."""
        return self.post(
            "/update",
            *("--interface", source),
            *("--header", f"X-Api-User: {account['username']}", "--header", f"X-Api-Key: {account['password']}"),
            *("--data", json.dumps({"subdomain": account["subdomain"], "txt": value})),
        )

    def update_all(self, account: Mapping[str, Any], values: Iterable[str]) -> None:
        """Update with each value in turn, by one curl; raises LabError when one is not accepted."""
        blocks = []
        for value in values:
            options = {
                "url": f"{self.layout.api}/update",
                "cacert": str(self.trust.bundle),
                "interface": CLIENT,
                "header": f"X-Api-User: {account['username']}",
                "data": json.dumps({"subdomain": account["subdomain"], "txt": value}),
            }
            lines = [f"{option} = {json.dumps(text)}" for option, text in options.items()]
            blocks.append("\n".join([*lines, f'header = "X-Api-Key: {account["password"]}"', "fail", "silent"]))
        text = "\nnext\n".join(blocks)
        self.namespace.run(peers.need("curl"), "--fail-early", "--config", "-", stdin=text)

    def post(self, route: str, *options: str) -> tuple[int, str]:
        """POST to the API by curl; gives status and body."""
        printed = self.namespace.run(
            *(peers.need("curl"), "--silent", "--show-error", "--max-time", "30", "--cacert", self.trust.bundle),
            *("--request", "POST", "--write-out", "\n%{http_code}", *options, self.layout.api + route),
        ).stdout
        text, _, status = printed.rpartition("\n")
        return int(status), text

    def command(self, *arguments: str) -> str:
        """Run our program's own command on the server's host; gives what it prints."""
        config = self.folder / "acmedns" / "config.toml"
        return self.namespace.run(ACMEDNS, *arguments, "-c", config).stdout

    def challenge_values(self, owner: str, server: str = SERVER[0]) -> set[str]:
        """Ask one address of our server what TXT values a name has."""
        lines = self.namespace.dig(server, owner, "TXT", "+short", "+norecurse").splitlines()
        return {line.strip('"') for line in lines if line.startswith('"')}


@contextmanager
def laboratory(folder: Path, layout: Layout, *, say: Callable[[str], None]) -> Iterator[Laboratory]:
    """Start a lab in an empty folder; all of it is gone at the end of the block.

    Raises LabError where something does not start, and where our server has not ended in order after the block.
    """
    for program in PROGRAMS:
        peers.need(program)
    trust = Trust(folder)
    addresses = (*zones.ADDRESSES, *layouts.ADDRESSES, *resolvers.ADDRESSES)
    with Namespace(folder, addresses=addresses, resolver=Kind.STRICT.value) as namespace:
        parent = Zones(namespace, layout.parent_records())
        say(f"NSD serves the root, org and {zones.DOMAIN}, which delegates {layout.zone} ({layout.title})")
        for kind in Kind:
            start_resolver(namespace, kind, parent.hints())
        start_perspectives(namespace, parent.hints())
        say(f"unbound resolves: as Let's Encrypt's at {Kind.LETS_ENCRYPT.value}, and from five networks at {MANY}")
        say(f"and strictly at {Kind.STRICT.value}")
        start_pebble(namespace, trust, layout.ca_resolver)
        say(f"Pebble validates through {layout.ca_resolver}")
        home = namespace.folder / "acmedns"
        home.mkdir()
        server = start_server(namespace, home, _configuration(home, layout, trust))
        scopes = ("--scope", "register", "--scope", "storage")
        token = namespace.run(ACMEDNS, "token", "new", "lab", *scopes, "-c", home / "config.toml").stdout.strip()
        say(f"acmedns serves {layout.zone} at {', '.join(SERVER)} and its API at {layout.api}")
        yield Laboratory(folder, layout, namespace, parent, trust, server, token, say)
        code = server.stop()
        if code or "Traceback" in server.text():
            raise LabError(f"acmedns ended with {code}, or with a traceback in its log:\n{server.tail()}")


def start_server(
    namespace: Namespace, folder: Path, configuration: str, *, env: Mapping[str, str] | None = None
) -> Program:
    """Start our server with this configuration, its files in `folder`; gives it once it is ready."""
    path = folder / "config.toml"
    path.write_text(configuration, encoding="utf-8")
    notify = folder / "notify"
    notify.unlink(missing_ok=True)
    # Readiness comes as systemd gets it: by a datagram, so nothing has to be guessed from a log.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(str(notify))
        ready.settimeout(0.1)
        server = namespace.start(
            "acmedns",
            *(ACMEDNS, "serve", "-c", path),
            env={"NOTIFY_SOCKET": str(notify), "PATH": os.environ.get("PATH", os.defpath), **(env or {})},
        )
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and server.process.poll() is None:
            try:
                if b"READY=1" in ready.recv(1000).splitlines():
                    return server
            except TimeoutError:
                continue
    raise LabError(f"acmedns did not get ready:\n{server.tail()}")


def _configuration(folder: Path, layout: Layout, trust: Trust) -> str:
    def array(values: Sequence[str]) -> str:
        return json.dumps(list(values))

    tls = ""
    if layout.https:
        chain, key = trust.issue(layout.api_host)
        tls = f'tls = "cert"\ntls_certificate = "{chain}"\ntls_key = "{key}"'
    nameservers = f"nameservers = {array(layout.nameservers)}" if layout.nameservers else ""
    # "auto" would bind the lab's other name servers' addresses too: they are all of one machine.
    return f"""[zone]
name = "{layout.zone}"
addresses = {array(SERVER)}
{nameservers}
[dns]
listen = {array([f"[{address}]" if ":" in address else address for address in SERVER])}
workers = 2
[api]
listen = ["{layout.api_listen}"]
{tls}
[database]
url = "sqlite:///{folder}/acmedns.db"
[check]
every = "off"
"""
