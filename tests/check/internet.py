"""The zones above ours for `acmedns check`: root, TLD and a domain owner's two providers, each an NSD of its own.

Each stands on addresses of its own, so that a question to the root gets a referral and nothing more.
"""

from __future__ import annotations

from tests.lab.layouts import SERVER
from tests.lab.nameserver import cut
from tests.lab.zones import ROOT, TLD

OWNER = "example.org"
ZONE = f"acme.{OWNER}"
"""What our server answers for, under its own name."""

FIRST = ("45.33.7.1", "2600:3c00:7::1")
SECOND = ("45.33.7.2", "2600:3c00:7::2")
PUPPET = ("45.33.6.1", "2600:3c00:6::1")
"""The owner's two providers, and the server that says whatever a test wants (`puppet.py`)."""

CROWD = tuple(f"45.33.6.{number}" for number in range(2, 28))
"""Where the puppet is as well: the servers of `crowd.org`."""

ADDRESSES = (*ROOT, *TLD, *FIRST, *SECOND, *PUPPET, *CROWD)

HALF = "half.org"
"""A zone that the second of its two servers knows nothing of."""

LAME = ("upward.org", "sideways.org", "resolving.org")
"""Zones whose first server knows nothing of them, each in its own way, which are the puppet's; the second one does."""

UNROUTED = "2600:3c00:dead::1"
"""An address that nothing leads to."""

PROVIDERS = {f"ns1.{OWNER}": FIRST, f"ns2.{OWNER}": SECOND}
DELEGATION = cut(ZONE, {ZONE: SERVER})
"""What the owner's zone says of ours."""

LAME_CUTS = {zone: cut(zone, {f"a.{zone}": PUPPET[:1], f"b.{zone}": FIRST[:1]}) for zone in LAME}
LAME_ZONES = {
    zone: [
        *lines,
        f"_acme-challenge.host.{zone}. CNAME plain.{ZONE}.",
        f'host.{zone}. CAA 0 issue ";"',
        *cut(f"below.{zone}", dict.fromkeys(PROVIDERS, ())),
    ]
    for zone, lines in LAME_CUTS.items()
}
"""With a host in each that no CA may issue for, and a zone below each."""

TLD_ZONE = [
    *cut("org", {"ns.nic.org": TLD}),
    *cut(OWNER, PROVIDERS),
    *cut("puppet.org", {"ns.puppet.org": PUPPET}),
    *cut("crowd.org", {f"ns{place}.crowd.org": (address,) for place, address in enumerate(CROWD)}),
    # Names that nobody answers for, and a server that knows nothing of the zone that is its.
    *cut("lame.org", {f"ns2.{OWNER}": ()}),
    *cut("elsewhere.org", PROVIDERS),
    *cut(HALF, PROVIDERS),
    *cut("farther.org", {"ns.farther.org": (FIRST[0], UNROUTED)}),
    *cut("farthest.org", {"ns.farthest.org": (UNROUTED,)}),
    *(line for lines in LAME_CUTS.values() for line in lines),
    # Here nobody knows more.
    *cut("alone.org", {"ns.puppet.org": PUPPET[:1]}),
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
