"""Who asked for the TXT records of which challenge name, folded: what a worker tells of it and control adds up."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

import msgspec

from acmedns_py.dns.asked import Note
from acmedns_py.dns.source import site

SITE_OCTETS: Final = (3, 6)
"""Octets of the /24 of IPv4 and of the /48 of IPv6."""

_LATEST: Final = float(2**37)
"""Seconds since 1970 that every calendar still knows: a worker that was broken into may say anything."""


class Asker(msgspec.Struct, array_like=True, frozen=True):
    """What one network, /24 or /48, asked for one name: how often, and when first and last in Unix seconds.

    `resolver_wanted` says that every query had RD set, as people and clients send it, who ask a resolver; `valued`,
    that the last answer held a value.
    """

    network: bytes
    count: int
    first: float
    last: float
    resolver_wanted: bool
    valued: bool

    def __post_init__(self) -> None:
        """Take nothing that could not have been."""
        if len(self.network) not in SITE_OCTETS or self.count < 1 or not 0 <= self.first <= self.last < _LATEST:
            raise ValueError("no network that asked")

    def plus(self, other: "Asker") -> "Asker":
        """Give what both say of the same network, in whichever order they were told."""
        late = other if other.last >= self.last else self
        return Asker(
            self.network,
            self.count + other.count,
            min(self.first, other.first),
            late.last,
            self.resolver_wanted and other.resolver_wanted,
            late.valued,
        )


class AskedName(msgspec.Struct, array_like=True, frozen=True):
    """The networks that asked for one challenge name, each once; `owner` is a folded name in wire form."""

    owner: bytes
    askers: tuple[Asker, ...]

    @property
    def label(self) -> str:
        """The label of the account."""
        return self.owner[1 : 1 + self.owner[0]].decode("ascii", "replace")


def network_text(octets: bytes) -> str:
    """Give an asker's network, a /24 of IPv4 or a /48 of IPv6, in text form."""
    whole = 4 if len(octets) == SITE_OCTETS[0] else 16
    return str(ip_network((octets.ljust(whole, b"\0"), 8 * len(octets))))


def folded(notes: Iterable[Note]) -> tuple[AskedName, ...]:
    """Give what the notes come to, by name in the order of its first question."""
    names: dict[bytes, dict[bytes, Asker]] = {}
    for owner, source, recursion_desired, now, valued in notes:
        askers = names.setdefault(owner, {})
        network = site(source)
        asker = Asker(network, 1, now.unix, now.unix, recursion_desired, valued)
        former = askers.get(network)
        askers[network] = asker if former is None else former.plus(asker)
    return tuple(AskedName(owner, tuple(askers.values())) for owner, askers in names.items())
