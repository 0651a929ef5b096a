"""The name servers above ours, on NSD: a root, a TLD, and the parent zone that delegates to us.

The parent can be changed while all runs, as a domain owner does who adds the CNAME that a client asked for: a new file,
a signal, and the wait until the new serial is served.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.namespace import Namespace, Program, until
from tests.tools import peers

# They look public because the CA's resolver refuses to ask private and documentation ranges.
ROOT = ("198.41.0.4", "2001:503:ba3e::2:30")
TLD = ("199.19.56.1", "2001:500:e::1")
PARENT = ("45.33.7.1", "2600:3c00:7::1")
ADDRESSES = (*ROOT, *TLD, *PARENT)

DOMAIN = "example.org"

# Small, so that a client which looked too early for a CNAME finds it at its next try.
_NEGATIVE_TTL = 1


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the parent zone says about us: our zone, and its name servers with their addresses."""

    zone: str
    nameservers: tuple[tuple[str, tuple[str, ...]], ...]

    def lines(self) -> list[str]:
        """Give the NS records, and an address record for each address of each name server."""
        lines = [f"{self.zone}. NS {name}." for name, _ in self.nameservers]
        return lines + [address_record(name, address) for name, addresses in self.nameservers for address in addresses]


def address_record(name: str, address: str) -> str:
    """Give the A or AAAA record of a name."""
    return f"{name}. {'AAAA' if ':' in address else 'A'} {address}"


class Zones:
    """NSD with the three zones."""

    def __init__(self, namespace: Namespace, fixed: Sequence[str]) -> None:
        """Start NSD; `fixed` are the records of the parent that stay (delegation, address of the API)."""
        self._namespace = namespace
        self._fixed = fixed
        self._pointers: dict[str, str] = {}
        self._serial = 1
        self._folder = namespace.folder / "nsd"
        self._folder.mkdir()
        root = [f". NS a.root-servers.net.\n{_addresses('a.root-servers.net', ROOT)}", *_cut("org", "ns.nic.org", TLD)]
        tld = [f"org. NS ns.nic.org.\n{_addresses('ns.nic.org', TLD)}", *_cut(DOMAIN, f"ns.{DOMAIN}", PARENT)]
        self._write("root", ".", root)
        self._write("org", "org.", tld)
        self._write_parent()
        self._program = self._start()
        self._await_serial()

    def hints(self) -> Path:
        """Give the root hints file for a resolver."""
        hints = self._folder / "hints"
        hints.write_text(f". 3600 NS a.root-servers.net.\n{_addresses('a.root-servers.net', ROOT)}\n", encoding="ascii")
        return hints

    def publish(self, lines: Sequence[str]) -> None:
        """Add records to the parent, and wait until it has them."""
        self._fixed = [*self._fixed, *lines]
        self._change()

    def point(self, *names: str, at: str) -> None:
        """Make `_acme-challenge.NAME` a CNAME to `at` for each name, and wait until the parent answers so."""
        self._pointers.update(dict.fromkeys(names, at))
        self._change()

    def _change(self) -> None:
        self._serial += 1
        self._write_parent()
        self._program.signal(signal.SIGHUP)
        self._await_serial()

    def _await_serial(self) -> None:
        def served() -> bool:
            answers = [self._namespace.dig(address, DOMAIN, "SOA", "+short", "+norecurse") for address in PARENT]
            return all(f" {self._serial} " in answer for answer in answers)

        until(served, seconds=20, what=f"serial {self._serial} of {DOMAIN} at NSD:\n{self._program.tail()}")

    def _write_parent(self) -> None:
        own = f"{DOMAIN}. NS ns.{DOMAIN}.\n{_addresses(f'ns.{DOMAIN}', PARENT)}"
        pointers = [f"_acme-challenge.{name}. CNAME {target}." for name, target in self._pointers.items()]
        self._write("parent", f"{DOMAIN}.", [own, *self._fixed, *pointers], serial=self._serial)

    def _write(self, file: str, apex: str, lines: Sequence[str], *, serial: int = 1) -> None:
        soa = f"{apex} SOA ns.{DOMAIN}. hostmaster.{DOMAIN}. {serial} 14400 3600 604800 {_NEGATIVE_TTL}"
        (self._folder / file).write_text("\n".join(["$TTL 60", soa, *lines, ""]), encoding="ascii")

    def _start(self) -> Program:
        listening = "\n".join(f"  ip-address: {address}" for address in ADDRESSES)
        zones = "\n".join(
            f'zone:\n  name: "{apex}"\n  zonefile: "{file}"'
            for apex, file in ((".", "root"), ("org.", "org"), (f"{DOMAIN}.", "parent"))
        )
        configuration = self._folder / "nsd.conf"
        # username "": inside the namespace there is one user, and nothing to drop.
        configuration.write_text(
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
        program = self._namespace.start("nsd", peers.need("nsd"), "-d", "-c", configuration)
        program.wait_for("nsd started")
        return program


def _addresses(name: str, addresses: Sequence[str]) -> str:
    return "\n".join(address_record(name, address) for address in addresses)


def _cut(zone: str, nameserver: str, addresses: Sequence[str]) -> list[str]:
    return [f"{zone}. NS {nameserver}.", _addresses(nameserver, addresses)]
