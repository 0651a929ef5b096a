"""A set of records with the same owner and type, its data in wire form."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_STRING_OCTETS = 255
"""The longest <character-string> (RFC 1035 3.3)."""


@dataclass(frozen=True, slots=True)
class RRset:
    """All records of one owner and type (RFC 2181 5); class is IN, `ttl` in seconds.

    `owner` is folded. `rdatas` are in wire form with uncompressed names and hold no duplicates: equal ones are left
    out when the set is made.
    """

    owner: bytes
    rrtype: int
    ttl: int
    rdatas: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Leave out duplicates, keeping the order (dns-correctness #20)."""
        if len(self.rdatas) > 1:
            object.__setattr__(self, "rdatas", tuple(dict.fromkeys(self.rdatas)))


def txt_rdata(value: bytes) -> bytes:
    """Give the RDATA of a TXT record for a whole text: strings of at most 255 octets, one empty string for no text."""
    if len(value) <= MAX_STRING_OCTETS:
        return bytes((len(value),)) + value
    pieces = (value[start : start + MAX_STRING_OCTETS] for start in range(0, len(value), MAX_STRING_OCTETS))
    return b"".join(bytes((len(piece),)) + piece for piece in pieces)


def merged(rrsets: Iterable[RRset]) -> list[RRset]:
    """Give one RRset for each owner and type, in order of first appearance.

    Where the TTLs of one set differ, which RFC 2181 5.2 forbids, all get the lowest of them.
    """
    sets: dict[tuple[bytes, int], RRset] = {}
    for rrset in rrsets:
        key = (rrset.owner, rrset.rrtype)
        earlier = sets.get(key)
        sets[key] = (
            rrset
            if earlier is None
            else RRset(rrset.owner, rrset.rrtype, min(earlier.ttl, rrset.ttl), earlier.rdatas + rrset.rdatas)
        )
    return list(sets.values())
