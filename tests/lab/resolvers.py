"""The resolvers of the lab, on unbound: one set up as Let's Encrypt's, one as strict and forgetful of nothing.

The first asks what it is asked, in mixed case, and keeps nothing. The second minimises query names and means it, cuts
everything below an NXDOMAIN, caches as long as it may and takes no UDP answer over 512 octets, as Let's Encrypt's did
until 2024: it stands for the other CAs and for a client's own resolver.

Besides, a CA looks from several networks. Pebble knows of one resolver only, so dnsdist stands in front of five.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from tests.lab.namespace import Namespace, Program, until
from tests.lab.unbound import start_unbound
from tests.lab.zones import DOMAIN
from tests.tools import peers


class Kind(Enum):
    """Which kind of resolver, with the address it answers at."""

    LETS_ENCRYPT = "127.0.0.2"
    STRICT = "127.0.0.1"


MANY = "127.0.0.10"
"""Asks resolvers like Let's Encrypt's in turn, each in a network of its own."""

_PERSPECTIVES = {
    "127.0.0.11": ("23.178.1.1", "2600:3c01:1::1"),
    "127.0.0.12": ("18.116.1.1", "2600:3c02:1::1"),
    "127.0.0.13": ("34.222.1.1", "2600:3c03:1::1"),
    "127.0.0.14": ("35.180.1.1", "2600:3c04:1::1"),
    "127.0.0.15": ("13.250.1.1", "2600:3c05:1::1"),
}
"""Where each of these answers, and from which addresses it asks the world."""

ADDRESSES = tuple(address for sources in _PERSPECTIVES.values() for address in sources)

_SETTINGS = {
    # jsha/unboundtest's file, which its author calls very similar to production.
    Kind.LETS_ENCRYPT: """
  use-caps-for-id: yes
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  qname-minimisation: no
  harden-below-nxdomain: no
  edns-buffer-size: 1232
""",
    Kind.STRICT: """
  qname-minimisation: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
  aggressive-nsec: yes
  edns-buffer-size: 512
""",
}

# Never asked, as at a CA: private, documentation, benchmark and link-local ranges.
_REFUSED = (
    *("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "fc00::/7", "fe80::/10"),
)


def start_resolver(namespace: Namespace, kind: Kind, hints: Path) -> Program:
    """Start a resolver and wait until it answers for the parent zone."""
    return _start(namespace, kind, hints, f"unbound-{kind.name.lower()}", kind.value)


def start_perspectives(namespace: Namespace, hints: Path) -> None:
    """Start those behind `MANY`, and what chooses among them; the namespace has to have `ADDRESSES`."""
    for number, (address, sources) in enumerate(_PERSPECTIVES.items(), 1):
        _start(namespace, Kind.LETS_ENCRYPT, hints, f"unbound-perspective-{number}", address, sources)
    configuration = namespace.folder / "dnsdist.conf"
    lines = [f'setLocal("{MANY}:53")', "setServerPolicy(roundrobin)", 'setSecurityPollSuffix("")']
    lines += [f'newServer("{address}:53"):setUp()' for address in _PERSPECTIVES]
    configuration.write_text("\n".join(lines), encoding="ascii")
    options = ("--supervised", "--disable-syslog", "-C", configuration)
    namespace.start("dnsdist", peers.need("dnsdist"), *options).wait_for("Listening on")


def _start(
    namespace: Namespace, kind: Kind, hints: Path, name: str, address: str, sources: Sequence[str] = ()
) -> Program:
    refused = "\n".join(f"  do-not-query-address: {network}" for network in _REFUSED)
    outgoing = "\n".join(f"  outgoing-interface: {source}" for source in sources)
    # The lab's zones are not signed, so there is nothing to validate and no trust anchor to fetch.
    settings = f"  harden-glue: yes\n  harden-dnssec-stripped: yes\n{outgoing}\n{refused}\n{_SETTINGS[kind]}"
    program = start_unbound(namespace, name, address, hints, settings=settings)

    def answers() -> bool:
        return f"ns.{DOMAIN}." in namespace.dig(address, DOMAIN, "NS", "+short")

    until(answers, seconds=20, what=f"{name} to resolve {DOMAIN}")
    return program
