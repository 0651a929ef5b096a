"""A small Internet in which one thing at a time is broken, and `acmedns check` as an operator runs it there.

Root, TLD and two providers on NSD, our server on port 53, resolvers on unbound, and a server that says what it
likes (`puppet.py`). A sound lab has no finding; whoever breaks something does it for the length of a block.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.check import internet, resolvers
from tests.check.internet import (
    ELSEWHERE_ZONE,
    FARTHER_ZONE,
    FIRST,
    HALF,
    HALF_ZONE,
    LAME_ZONES,
    OWNER,
    OWNER_ZONE,
    SECOND,
    TLD_ZONE,
    ZONE,
)
from tests.check.signed import signed
from tests.lab import layouts
from tests.lab.authority import Trust
from tests.lab.laboratory import ACMEDNS, start_server
from tests.lab.layouts import SERVER
from tests.lab.nameserver import NameServer, cut, glue
from tests.lab.namespace import LabError, Namespace, Program
from tests.lab.zones import ROOT, ROOT_ZONE, TLD, hints
from tests.tools import peers

REPOSITORY = Path(__file__).parents[2]

PROGRAMS = ("dig", "ip", "nsd", "nsenter", "setpriv", "unbound", "unshare")
"""Without these there is no lab; asked for first, so that what is missing is said before anything starts."""

SIGNED = "signed.org"
"""A signed zone with a trust anchor of its own, as the one above it, unlike the root, is not signed.

A signature does not fit at `forged.signed.org`, and at the CAA record of `cdn.signed.org`.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of our server: its name below the zone, what people call it, and its value, empty for none."""

    subdomain: str
    label: str = ""
    disabled: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one run of `acmedns check` gave."""

    code: int
    printed: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed."""
        document: dict[str, Any] = json.loads(self.printed)
        return document

    def findings(self, *sections: str) -> list[dict[str, Any]]:
        """Give what is wrong in some sections, in order."""
        return [finding for finding in self._of(*sections) if finding["verdict"] != "OK"]

    def good(self, *sections: str) -> list[dict[str, Any]]:
        """Give what is told of some sections as good."""
        return [finding for finding in self._of(*sections) if finding["verdict"] == "OK"]

    def _of(self, *sections: str) -> list[dict[str, Any]]:
        wanted = (section for section in self.document["sections"] if section["name"] in sections)
        return [finding for section in wanted for finding in section["findings"]]


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab; `owners` are the servers of the owner's zone."""

    namespace: Namespace
    upper: dict[str, NameServer]
    server: Program
    home: Path
    hints: Path
    trust: Trust

    @property
    def config(self) -> Path:
        """Our server's configuration."""
        return self.home / "config.toml"

    def check(
        self,
        *arguments: str,
        configured: bool = True,
        seconds: float = 60,
        options: Mapping[str, str] | None = None,
        roots: Sequence[str] = (),
        within: Sequence[str | Path] = (),
    ) -> Checked:
        """Run `acmedns check` inside; without `configured` as on a host that has no server.

        `options` are environment variables that go before the configuration, `roots` addresses in the place of the
        root's, and `within` a command that runs the check elsewhere.
        """
        hints = self.hints
        if roots:
            hints = self.namespace.folder / "other-hints"
            hints.write_text("".join(f"{line}\n" for line in glue("other.root", roots)), encoding="ascii")
        config = ("-c", str(self.config)) if configured else ()
        done = self.namespace.run(
            *(*within, ACMEDNS, "check", *arguments, "--root-hints", str(hints), *config),
            env={"SSL_CERT_FILE": str(self.trust.bundle), **(options or {})},
            seconds=seconds,
            check=False,
        )
        if "Traceback" in done.stdout:
            raise LabError(f"acmedns check {' '.join(arguments)} ended with a traceback:\n{done.stdout}")
        return Checked(done.returncode, done.stdout)

    @contextmanager
    def owner_zone(self, *more: str, at: Sequence[str] = ("first", "second")) -> Iterator[None]:
        """Serve the owner's zone with more records at some of its servers, as long as the block lasts."""
        with ExitStack() as ends:
            for name in at:
                server = self.upper[name]
                ends.enter_context(server.serving(OWNER, [*server.zones[OWNER], *more]))
            yield

    @contextmanager
    def system_resolver(self, address: str) -> Iterator[None]:
        """Have the machine ask another resolver, as long as the block lasts."""
        file = self.namespace.folder / "resolv.conf"
        before = file.read_text(encoding="ascii")
        file.write_text(f"nameserver {address}\n", encoding="ascii")
        try:
            yield
        finally:
            file.write_text(before, encoding="ascii")

    @contextmanager
    def site(
        self,
        *,
        days: tuple[int, int] = (-1, 89),
        status: int = 200,
        skew: int = 0,
        body: str = "",
        posted: tuple[int, str] | None = None,
        host: str = "site",
    ) -> Iterator[Program]:
        """Run another HTTPS server, site.example.org, its certificate valid between these days from now.

        `posted` is what it answers to a POST, where that is another status and text.
        """
        begin, end = (datetime.now(UTC) + timedelta(days=one) for one in days)
        chain, key = self.trust.issue(f"{host}.{OWNER}", not_before=begin, not_after=end)
        answers = ((status, body), *([posted] if posted else []))
        arguments = (chain, key, str(skew), layouts.CLIENT, *(str(part) for one in answers for part in one))
        module = (sys.executable, "-m", "tests.check.website", *arguments)
        with self.namespace.running("site", *module, env={"PYTHONPATH": str(REPOSITORY)}) as started:
            started.wait_for("listening")
            yield started

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask a route of the operator's by the server's local socket."""
        connection = http.client.HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
            connected.connect(str(self.home / "admin.sock"))
            connection.sock = connected
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise LabError(f"{method} {path} was answered {response.status}: {text}")
        document: dict[str, Any] = json.loads(text)
        return document


@contextmanager
def running(
    folder: Path,
    *,
    records: Sequence[str] = (),
    first_records: Sequence[str] = (),
    second_records: Sequence[str] = (),
    accounts: Sequence[Account] = (),
) -> Iterator[Lab]:
    """Start a lab in an empty folder; all of it is gone at the end of the block.

    `records` stand in the owner's zone besides; the first and second ones at that server of it alone.
    """
    for program in PROGRAMS:
        peers.need(program)
    trust = Trust(folder)
    addresses = (*internet.ADDRESSES, *layouts.ADDRESSES)
    with Namespace(folder, addresses=addresses, resolver=resolvers.Kind.GOOD.value) as namespace:
        root_hints = hints(namespace)
        signed_lines = [*cut(SIGNED, dict.fromkeys(internet.PROVIDERS, ())), *_SIGNED_NAMES]
        forged = [(f"_acme-challenge.forged.{SIGNED}.", "TXT"), (f"cdn.{SIGNED}.", "CAA")]
        signed_zone, anchor = signed(SIGNED, signed_lines, forged=forged)
        root_zone, root_anchor = signed("", ROOT_ZONE)
        anchors = folder / "anchors"
        anchors.write_text(f"{root_anchor}\n{anchor}\n", encoding="ascii")
        own = [*OWNER_ZONE, *records]
        others = {"elsewhere.org": ELSEWHERE_ZONE, SIGNED: signed_zone}
        upper = {
            "root": NameServer(namespace, "root", ROOT, {"": root_zone}),
            "tld": NameServer(namespace, "tld", TLD, {"org": [*TLD_ZONE, *cut(SIGNED, _UNGLUED), anchor]}),
            "first": NameServer(
                namespace,
                "first",
                FIRST,
                {
                    OWNER: [*own, *first_records],
                    HALF: HALF_ZONE,
                    "farther.org": FARTHER_ZONE,
                    **LAME_ZONES,
                    **others,
                },
            ),
            "second": NameServer(namespace, "second", SECOND, {OWNER: [*own, *second_records], **others}),
        }
        for kind in resolvers.Kind:
            resolvers.start_resolver(namespace, kind, root_hints, anchors=anchors)
        puppet = namespace.start(
            "puppet",
            *(sys.executable, "-m", "tests.check.puppet", *internet.PUPPET),
            env={"PYTHONPATH": str(REPOSITORY)},
        )
        puppet.wait_for("listening")
        home = folder / "acmedns"
        home.mkdir()
        environment = {"SSL_CERT_FILE": str(trust.bundle)}
        server = start_server(namespace, home, _configuration(home, trust, root_hints), env=environment)
        found = Lab(namespace, upper, server, home, root_hints, trust)
        for account in accounts:
            found.ask("POST", "/admin/v1/accounts", {"subdomain": account.subdomain, "label": account.label})
            if account.value:
                found.ask("POST", f"/admin/v1/accounts/{account.subdomain}/values", {"txt": account.value})
            if account.disabled:
                found.ask("PATCH", f"/admin/v1/accounts/{account.subdomain}", {"disabled": True})
        yield found
        code = server.stop()
        if code or "Traceback" in server.text():
            raise LabError(f"acmedns ended with {code}, or with a traceback in its log:\n{server.tail()}")


_UNGLUED = dict.fromkeys(internet.PROVIDERS, ())
_SIGNED_NAMES = [
    *(f'_acme-challenge.{name}.{SIGNED}. TXT "value"' for name in ("whole", "forged")),
    f'cdn.{SIGNED}. CAA 0 issue "ca.example"',
]


def _configuration(folder: Path, trust: Trust, root_hints: Path) -> str:
    chain, key = trust.issue(ZONE)
    listen = [f"[{address}]" if ":" in address else address for address in SERVER]
    return f"""[zone]
name = "{ZONE}"
addresses = {json.dumps(SERVER)}
[dns]
listen = {json.dumps(listen)}
workers = 2
[api]
listen = {json.dumps([f"{address}:443" for address in listen])}
tls = "cert"
tls_certificate = "{chain}"
tls_key = "{key}"
[database]
url = "sqlite:///{folder}/acmedns.db"
[admin]
socket = "{folder}/admin.sock"
[check]
every = "off"
root_hints = "{root_hints}"
"""
