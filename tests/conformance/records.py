"""The records of a response as octets, where they stand: what a parser that decompresses can't show."""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """One record; `start` is where its data begin in the message."""

    section: str
    rrtype: int
    rrclass: int
    ttl: int
    rdata: bytes
    start: int


def records(octets: bytes) -> Iterator[Found]:
    """Give all records of a message with at most one question."""
    qdcount, *counts = struct.unpack_from("!4H", octets, 4)
    position = _behind_name(octets, 12) + 4 if qdcount else 12
    for section, count in zip(("answer", "authority", "additional"), counts, strict=True):
        for _ in range(count):
            position = _behind_name(octets, position)
            rrtype, rrclass, ttl, length = struct.unpack_from("!HHIH", octets, position)
            start = position + 10
            position = start + length
            yield Found(section, rrtype, rrclass, ttl, octets[start:position], start)
    assert position == len(octets), "octets behind the last record"


def _behind_name(octets: bytes, position: int) -> int:
    while 0 < octets[position] < 0xC0:
        position += 1 + octets[position]
    return position + (2 if octets[position] else 1)
