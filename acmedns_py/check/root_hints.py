"""The name servers of the root: as IANA publishes them (named.root, 2025), or from a file of that form."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from acmedns_py.check.referral import addresses_of
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.presentation import BadRecord, parse_record
from acmedns_py.errors import Unusable

MOST_CHARACTERS: Final = 100_000
"""Of a file; IANA's has 3,300."""

_NO_TTL: Final = 0

ROOT_HINTS: Final = {
    "a.root-servers.net.": ("198.41.0.4", "2001:503:ba3e::2:30"),
    "b.root-servers.net.": ("170.247.170.2", "2801:1b8:10::b"),
    "c.root-servers.net.": ("192.33.4.12", "2001:500:2::c"),
    "d.root-servers.net.": ("199.7.91.13", "2001:500:2d::d"),
    "e.root-servers.net.": ("192.203.230.10", "2001:500:a8::e"),
    "f.root-servers.net.": ("192.5.5.241", "2001:500:2f::f"),
    "g.root-servers.net.": ("192.112.36.4", "2001:500:12::d0d"),
    "h.root-servers.net.": ("198.97.190.53", "2001:500:1::53"),
    "i.root-servers.net.": ("192.36.148.17", "2001:7fe::53"),
    "j.root-servers.net.": ("192.58.128.30", "2001:503:c27::2:30"),
    "k.root-servers.net.": ("193.0.14.129", "2001:7fd::1"),
    "l.root-servers.net.": ("199.7.83.42", "2001:500:9f::42"),
    "m.root-servers.net.": ("202.12.27.33", "2001:dc3::35"),
}


def is_internet(hints: Mapping[str, Iterable[str]]) -> bool:
    """Whether the root of these hints is the Internet's, and not one that a network has of its own."""
    known = {address for addresses in ROOT_HINTS.values() for address in addresses}
    return not known.isdisjoint(address for addresses in hints.values() for address in addresses)


def read_hints(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Read the addresses of the root's servers from a zone file such as IANA's named.root; raises `Unusable`."""
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(MOST_CHARACTERS)
    except (OSError, ValueError) as error:
        raise Unusable(f"the root hints {path} can't be read: {error}") from None
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.partition(";")[0].strip():
            continue
        try:
            rrset = parse_record(line, origin=name.ROOT, default_ttl=_NO_TTL)
        except BadRecord as error:
            raise Unusable(f"the root hints {path}, line {number}: {error}") from None
        if rrset.rrtype in {RRType.A, RRType.AAAA}:
            host = name.to_text(rrset.owner)
            found[host] = (*found.get(host, ()), *addresses_of(rrset))
    if not found:
        raise Unusable(f"the root hints {path} have no A or AAAA record; take a file such as IANA's named.root")
    return found
