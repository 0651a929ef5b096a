"""A committed change of the zone, as the store writes it, the feed carries it and the workers apply it.

Owners are folded wire-form names (RFC 1035 3.1 with ASCII letters in lower case, final zero octet included).
A side that is `None` means that the thing does not exist; an empty tuple of values means that the name is
registered and has no value: "registered, empty" and "deleted" differ, and an IXFR can be made of both sides.
"""

from typing import NamedTuple

import msgspec

from acmedns_py.dns.table import ChallengeTable, Values


class StaticData(msgspec.Struct, array_like=True, frozen=True):
    """One static RRset without its owner and type: `ttl` in seconds, `rdatas` in wire form, names uncompressed."""

    ttl: int
    rdatas: tuple[bytes, ...]


class ChallengeChange(msgspec.Struct, array_like=True, frozen=True):
    """A challenge name before and after one commit."""

    owner: bytes
    before: Values | None
    after: Values | None


class StaticChange(msgspec.Struct, array_like=True, frozen=True):
    """A static RRset before and after one commit; the SOA's serial is stored as 0 and filled in when served."""

    owner: bytes
    rrtype: int
    before: StaticData | None
    after: StaticData | None


class Commit(msgspec.Struct, array_like=True, frozen=True):
    """All that one transaction changed, under the cursor that it took (64-bit; the SOA serial is its low 32 bits)."""

    cursor: int
    challenges: tuple[ChallengeChange, ...] = ()
    static: tuple[StaticChange, ...] = ()


class ZoneState(NamedTuple):
    """The whole zone at one cursor, as the store loads it: challenge names, and {(owner, rrtype): data}."""

    cursor: int
    challenges: ChallengeTable
    static: dict[tuple[bytes, int], StaticData]
