"""The name servers above ours for `acmedns check`: root, TLD and a domain owner's two providers, each an NSD of its own.

Each stands on addresses of its own, so that a question to the root gets a referral and nothing more. A zone can be
changed while all runs, and is as before at the end of the block that changed it.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.layouts import SERVER
from tests.lab.namespace import Namespace, until
from tests.lab.zones import ROOT, TLD, address_record
from tests.tools import peers

OWNER = "example.org"
ZONE = f"acme.{OWNER}"
"""What our server answers for, under its own name."""

FIRST = ("45.33.7.1", "2600:3c00:7::1")
SECOND = ("45.33.7.2", "2600:3c00:7::2")
PUPPET = ("45.33.6.1", "2600:3c00:6::1")
"""The owner's two providers, and the server that says whatever a test wants (`puppet.py`)."""

ADDRESSES = (*ROOT, *TLD, *FIRST, *SECOND, *PUPPET)

HALF = "half.org"
"""A zone that the second of its two servers knows nothing of."""

UNROUTED = "2600:3c00:dead::1"
"""An address that nothing leads to."""

TTL = 60
SOA = "ns.nic.org. hostmaster.nic.org. {serial} 14400 3600 604800 5"


def glue(name: str, addresses: Sequence[str]) -> list[str]:
    """Give the address records of a name server."""
    return [address_record(name, address) for address in addresses]


def cut(zone: str, servers: Mapping[str, Sequence[str]]) -> list[str]:
    """Give a delegation: NS records, and the addresses of those name servers that have any."""
    lines = [f"{zone}. NS {name}." for name in servers]
    return lines + [line for name, addresses in servers.items() for line in glue(name, addresses)]


PROVIDERS = {f"ns1.{OWNER}": FIRST, f"ns2.{OWNER}": SECOND}
DELEGATION = cut(ZONE, {ZONE: SERVER})
"""What the owner's zone says of ours."""

ROOT_ZONE = [*cut("", {"a.root-servers.net": ROOT}), *cut("org", {"ns.nic.org": TLD})]
TLD_ZONE = [
    *cut("org", {"ns.nic.org": TLD}),
    *cut(OWNER, PROVIDERS),
    *cut("puppet.org", {"ns.puppet.org": PUPPET}),
    # Names that nobody answers for, and a server that knows nothing of the zone that is its.
    *cut("lame.org", {f"ns2.{OWNER}": ()}),
    *cut("elsewhere.org", PROVIDERS),
    *cut(HALF, PROVIDERS),
    *cut("farther.org", {"ns.farther.org": (FIRST[0], UNROUTED)}),
    *cut("farthest.org", {"ns.farthest.org": (UNROUTED,)}),
]
HALF_ZONE = [
    *cut(HALF, dict.fromkeys(PROVIDERS, ())),
    *(f"_acme-challenge.{host}.{HALF}. CNAME plain.{ZONE}." for host in ("a", "b")),
]
FARTHER_ZONE = [
    *cut("farther.org", {"ns.farther.org": (FIRST[0], UNROUTED)}),
    f"_acme-challenge.farther.org. CNAME plain.{ZONE}.",
]
OWNER_ZONE = [*cut(OWNER, PROVIDERS), *DELEGATION, f"www.{OWNER}. A 45.33.9.7"]
ELSEWHERE_ZONE = [
    *cut("elsewhere.org", dict.fromkeys(PROVIDERS, ())),
    "www.elsewhere.org. A 45.33.9.9",
    'has.elsewhere.org. CAA 0 issue "other.example"',
]


class NameServer:
    """One NSD with its zones: by apex, the lines without the SOA record."""

    def __init__(
        self, namespace: Namespace, name: str, addresses: Sequence[str], zones: Mapping[str, Sequence[str]]
    ) -> None:
        """Start it and wait until it serves every zone."""
        self._namespace = namespace
        self._addresses = addresses
        self._zones = dict(zones)
        self._serials = dict.fromkeys(zones, 1)
        self._folder: Path = namespace.folder / name
        self._folder.mkdir()
        for apex in zones:
            self._write(apex)
        self._program = namespace.start(name, peers.need("nsd"), "-d", "-c", self._configuration())
        self._program.wait_for("nsd started")
        for apex in zones:
            self._await_serial(apex)

    @property
    def zones(self) -> Mapping[str, Sequence[str]]:
        """What it serves now."""
        return self._zones

    @contextmanager
    def serving(self, apex: str, lines: Sequence[str]) -> Iterator[None]:
        """Serve these lines as the zone for as long as the block lasts."""
        before = self._zones[apex]
        self._exchange(apex, lines)
        try:
            yield
        finally:
            self._exchange(apex, before)

    def asked(self) -> Counter[str]:
        """Give how many questions there were so far, by type."""
        before = len(self._statistics())
        self._program.signal(signal.SIGUSR1)
        until(lambda: len(self._statistics()) > before, seconds=20, what="NSD to tell its statistics")
        return Counter({rrtype: int(count) for rrtype, count in re.findall(r"(\w+)=(\d+)", self._statistics()[-1])})

    def _statistics(self) -> list[str]:
        return [
            line
            for line in self._program.text().splitlines()
            if "NSTATS" in line and line.endswith(tuple("0123456789"))
        ]

    def _exchange(self, apex: str, lines: Sequence[str]) -> None:
        self._zones[apex] = lines
        self._serials[apex] += 1
        self._write(apex)
        self._program.signal(signal.SIGHUP)
        self._await_serial(apex)

    def _write(self, apex: str) -> None:
        lines = self._zones[apex]
        soa = f"{apex}. SOA {SOA.format(serial=self._serials[apex])}"
        text = "\n".join([f"$TTL {TTL}", *([] if _brings_soa(lines) else [soa]), *lines, ""])
        (self._folder / (apex or "root")).write_text(text, encoding="ascii")

    def _await_serial(self, apex: str) -> None:
        sign = " 14400 " if _brings_soa(self._zones[apex]) else f" {self._serials[apex]} 14400 "

        def served() -> bool:
            return sign in self._namespace.dig(self._addresses[0], apex or ".", "SOA", "+short", "+norecurse")

        until(served, seconds=20, what=f"{apex or '.'} with{sign}at NSD:\n{self._program.tail()}")

    def _configuration(self) -> Path:
        listening = "\n".join(f"  ip-address: {address}" for address in self._addresses)
        zones = "\n".join(f'zone:\n  name: "{apex or "."}"\n  zonefile: "{apex or "root"}"' for apex in self._zones)
        path = self._folder / "nsd.conf"
        # username "": inside the namespace there is one user, and nothing to drop.
        path.write_text(
            f"""server:
{listening}
  port: 53
  username: ""
  chroot: ""
  server-count: 1
  database: ""
  zonesdir: "{self._folder}"
  pidfile: "{self._folder}/nsd.pid"
  xfrdfile: "{self._folder}/xfrd.state"
  zonelistfile: "{self._folder}/zone.list"
  verbosity: 1
remote-control:
  control-enable: no
{zones}
""",
            encoding="utf-8",
        )
        return path


def _brings_soa(lines: Sequence[str]) -> bool:
    """Whether a zone has an SOA record of its own, as a signed one does: the signature covers it."""
    return any(" SOA " in line for line in lines)


def hints(namespace: Namespace) -> Path:
    """Give the root hints file of this Internet."""
    path = namespace.folder / "hints"
    lines = [". 3600 NS a.root-servers.net.", *glue("a.root-servers.net", ROOT)]
    path.write_text("\n".join([*lines, ""]), encoding="ascii")
    return path
