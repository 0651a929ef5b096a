"""Name servers on NSD, each with zones that can be changed while it runs; and the lines that zones are made of."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.namespace import Namespace, until
from tests.tools import peers

TTL = 60
SOA = "ns.nic.org. hostmaster.nic.org. {serial} 14400 3600 604800 1"
"""What is not there is remembered for a second, so that a client which looked too early finds it at its next try."""


def address_record(name: str, address: str) -> str:
    """Give the A or AAAA record of a name."""
    return f"{name}. {'AAAA' if ':' in address else 'A'} {address}"


def glue(name: str, addresses: Sequence[str]) -> list[str]:
    """Give the address records of a name server."""
    return [address_record(name, address) for address in addresses]


def cut(zone: str, servers: Mapping[str, Sequence[str]]) -> list[str]:
    """Give a delegation: NS records, and the addresses of those name servers that have any."""
    lines = [f"{zone}. NS {name}." for name in servers]
    return lines + [line for name, addresses in servers.items() for line in glue(name, addresses)]


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
        self.serve(apex, lines)
        try:
            yield
        finally:
            self.serve(apex, before)

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

    def serve(self, apex: str, lines: Sequence[str]) -> None:
        """Serve these lines as the zone from now on, and wait until it does."""
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
            answers = [self._namespace.dig(one, apex or ".", "SOA", "+short", "+norecurse") for one in self._addresses]
            return all(sign in answer for answer in answers)

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
