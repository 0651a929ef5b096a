"""The resolvers of the lab, on unbound: one set up as Let's Encrypt's, one as strict and forgetful of nothing.

The first asks what it is asked, in mixed case, and keeps nothing. The second minimises query names and means it, cuts
everything below an NXDOMAIN, caches as long as it may and takes no UDP answer over 512 octets, as Let's Encrypt's did
until 2024: it stands for the other CAs and for a client's own resolver.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from tests.lab.namespace import Namespace, Program, until
from tests.lab.unbound import start_unbound
from tests.lab.zones import DOMAIN


class Kind(Enum):
    """Which kind of resolver, with the address it answers at."""

    LETS_ENCRYPT = "127.0.0.2"
    STRICT = "127.0.0.1"


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
    name = f"unbound-{kind.name.lower()}"
    refused = "\n".join(f"  do-not-query-address: {network}" for network in _REFUSED)
    # The lab's zones are not signed, so there is nothing to validate and no trust anchor to fetch.
    settings = f"  harden-glue: yes\n  harden-dnssec-stripped: yes\n{refused}\n{_SETTINGS[kind]}"
    program = start_unbound(namespace, name, kind.value, hints, settings=settings)

    def answers() -> bool:
        return f"ns.{DOMAIN}." in namespace.dig(kind.value, DOMAIN, "NS", "+short")

    until(answers, seconds=20, what=f"{name} to resolve {DOMAIN}")
    return program
