"""The name servers above ours, on NSD: a root, a TLD, and the parent zone that delegates to us.

The parent can be changed while all runs, as a domain owner does who adds the CNAME that a client asked for: a new file,
a signal, and the wait until the new serial is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.nameserver import NameServer, cut, glue
from tests.lab.namespace import Namespace

# They look public because the CA's resolver refuses to ask private and documentation ranges.
ROOT = ("198.41.0.4", "2001:503:ba3e::2:30")
TLD = ("199.19.56.1", "2001:500:e::1")
PARENT = ("45.33.7.1", "2600:3c00:7::1")
ADDRESSES = (*ROOT, *TLD, *PARENT)

DOMAIN = "example.org"

ROOT_ZONE = [*cut("", {"a.root-servers.net": ROOT}), *cut("org", {"ns.nic.org": TLD})]
_OWN = cut(DOMAIN, {f"ns.{DOMAIN}": PARENT})


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the parent zone says about us: our zone, and its name servers with their addresses."""

    zone: str
    nameservers: tuple[tuple[str, tuple[str, ...]], ...]

    def lines(self) -> list[str]:
        """Give the NS records, and an address record for each address of each name server."""
        return cut(self.zone, dict(self.nameservers))


class Zones:
    """NSD with the three zones."""

    def __init__(self, namespace: Namespace, fixed: Sequence[str]) -> None:
        """Start NSD; `fixed` are the records of the parent that stay (delegation, address of the API)."""
        self._namespace = namespace
        self._fixed = fixed
        self._pointers: dict[str, str] = {}
        tld = [*cut("org", {"ns.nic.org": TLD}), *_OWN]
        self._server = NameServer(namespace, "nsd", ADDRESSES, {"": ROOT_ZONE, "org": tld, DOMAIN: self._parent()})

    def hints(self) -> Path:
        """Give the root hints file for a resolver."""
        return hints(self._namespace)

    def publish(self, lines: Sequence[str]) -> None:
        """Add records to the parent, and wait until it has them."""
        self._fixed = [*self._fixed, *lines]
        self._server.serve(DOMAIN, self._parent())

    def point(self, *names: str, at: str) -> None:
        """Make `_acme-challenge.NAME` a CNAME to `at` for each name, and wait until the parent answers so."""
        self._pointers.update(dict.fromkeys(names, at))
        self._server.serve(DOMAIN, self._parent())

    def _parent(self) -> list[str]:
        pointers = [f"_acme-challenge.{name}. CNAME {target}." for name, target in self._pointers.items()]
        return [*_OWN, *self._fixed, *pointers]


def hints(namespace: Namespace) -> Path:
    """Give the root hints file of this Internet."""
    path = namespace.folder / "hints"
    lines = [". 3600 NS a.root-servers.net.", *glue("a.root-servers.net", ROOT)]
    path.write_text("\n".join([*lines, ""]), encoding="ascii")
    return path
