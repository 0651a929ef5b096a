"""Whatever comes in: queries that were spliced, cut, bent and stuffed get a well-formed answer, or silence where due."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns.responder import Transport
from acmedns_py.dns.source import packed
from tests.conformance.exam import CASES
from tests.dns import wellformed
from tests.dns.example import MANY, NOW, SOURCE, TWO, Z, full_path, responder
from tests.dns.packets import name, opt, option, query, record

PLAIN = [
    query(qname, qtype, flags=flags, edns=edns)
    for qname in (Z, f"{TWO}.{Z}", f"{MANY}.{Z}", f"www.{Z}", f"x.wild.{Z}", f"host.sub.{Z}", f"big.{Z}", f"nope.{Z}", "example.net")
    for qtype in ("TXT", "A", "ANY", "SOA")
    for flags, edns in ((0, None), (0x0100, opt()), (0, opt(65535, flags=0x8000, options=option(10, b"12345678"))))
]  # fmt: skip
BASES = st.sampled_from([*PLAIN, *(case.query for case in CASES)])

PLACES = st.integers(0, 0xFFFF)
POINTERS = st.one_of(
    st.sampled_from([0, 1, 11, 12, 13, 0x3FFF]), st.integers(-3, 3).map(lambda away: ("here", away)), st.integers(0, 80)
)
COUNTS = st.sampled_from([0, 1, 2, 3, 15, 16, 17, 255, 256, 65535])
OPTIONS = st.lists(
    st.builds(option, st.sampled_from([3, 5, 8, 9, 10, 11, 12, 15, 65001]), st.binary(max_size=44)), max_size=4
).map(b"".join)
OWNERS = st.sampled_from(
    [b"\0", b"\0", b"\xc0\x0c", b"\xc0\x10", b"\xff\xff", name(f"ns1.{Z}"), b"\x3f" + b"l" * 63 + b"\0"]
)
RECORDS = st.one_of(
    st.builds(
        opt,
        st.sampled_from([0, 511, 512, 1231, 1232, 1233, 4096, 65535]),
        version=st.sampled_from([0, 0, 0, 1, 255]),
        flags=st.sampled_from([0, 0x8000, 0xFFFF]),
        options=OPTIONS,
        owner=st.sampled_from([b"\0", b"\0", b"\0", b"\xc0\x0c", b"\x01a\0"]),
    ),
    st.builds(record, OWNERS, st.sampled_from([1, 2, 5, 6, 16, 41, 250, 65280]), st.sampled_from([0, 1, 3, 254, 255]),
              st.sampled_from([0, 2**32 - 1]), st.binary(max_size=40)),
)  # fmt: skip


def spliced(octets: bytes, place: int, other: bytes, other_place: int) -> bytes:
    return octets[: place % (len(octets) + 1)] + other[other_place % (len(other) + 1) :]


def duplicated(octets: bytes, place: int, length: int, times: int) -> bytes:
    place %= len(octets) + 1
    return octets[:place] + octets[place : place + length] * times + octets[place:]


def truncated(octets: bytes, place: int) -> bytes:
    return octets[: place % (len(octets) + 1)]


def flipped(octets: bytes, place: int) -> bytes:
    if not octets:
        return octets
    place %= len(octets) * 8
    return octets[: place // 8] + bytes((octets[place // 8] ^ 1 << place % 8,)) + octets[place // 8 + 1 :]


def counted(octets: bytes, which: int, count: int) -> bytes:
    return octets[: 4 + 2 * which] + struct.pack("!H", count) + octets[6 + 2 * which :]


def pointed(octets: bytes, place: int, to: object, over: int) -> bytes:
    place %= len(octets) + 1
    target = place + to[1] if isinstance(to, tuple) else to
    return octets[:place] + struct.pack("!H", 0xC000 | target & 0x3FFF) + octets[place + over :]


def appended(octets: bytes, which: int, rr: bytes, times: int) -> bytes:
    if len(octets) < 12:
        return octets
    count = int.from_bytes(octets[6 + 2 * which : 8 + 2 * which], "big") + times
    return counted(octets, 1 + which, count & 0xFFFF) + rr * times


def inserted(octets: bytes, place: int, more: bytes) -> bytes:
    place %= len(octets) + 1
    return octets[:place] + more + octets[place:]


MUTATIONS = st.one_of(
    st.tuples(st.just(spliced), PLACES, BASES, PLACES),
    st.tuples(st.just(duplicated), PLACES, st.sampled_from([1, 2, 12, 17, 400]), st.sampled_from([1, 2, 20])),
    st.tuples(st.just(truncated), PLACES),
    st.tuples(st.just(flipped), PLACES),
    st.tuples(st.just(counted), st.integers(0, 3), COUNTS),
    st.tuples(st.just(pointed), PLACES, POINTERS, st.sampled_from([0, 1, 2])),
    st.tuples(st.just(appended), st.sampled_from([0, 1, 2, 2, 2, 2]), RECORDS, st.sampled_from([1, 1, 1, 2, 16])),
    st.tuples(st.just(inserted), PLACES, st.one_of(st.binary(max_size=6), RECORDS, OPTIONS, st.just(b"\x3f" * 300))),
)


def mutated(octets: bytes, mutations: list[tuple[object, ...]]) -> bytes:
    for mutation, *arguments in mutations:
        octets = mutation(octets, *arguments)
    return octets[:65535]


ANY = st.one_of(
    st.builds(mutated, BASES, st.lists(MUTATIONS, min_size=1, max_size=1)),
    st.builds(mutated, BASES, st.lists(MUTATIONS, min_size=1, max_size=4)),
    st.binary(max_size=100),
    st.builds(lambda start, rest: start + rest, st.sampled_from([query(Z)[:12], query(Z, edns=opt())]), st.binary(max_size=60)),
)  # fmt: skip
DOOR = responder()


@settings(max_examples=2500)
@given(ANY, st.sampled_from(Transport))
def test_any_octets_get_a_well_formed_answer_or_due_silence(octets, transport):
    """No exception, the same octets on both paths, and an answer that keeps every rule that holds for all answers."""
    response = DOOR.respond(octets, SOURCE, transport, NOW)
    assert DOOR.counters()["internal_errors"] == 0
    assert response == full_path(DOOR, octets, transport)
    wellformed.check(octets, response, transport)
    if response is not None:
        wellformed.check_truncated(response, DOOR.truncated(response))


@given(ANY, st.sampled_from(Transport))
def test_port_0_gets_silence_whatever_it_asks(octets, transport):
    """No answer can go there (dns-correctness #73)."""
    assert DOOR.respond(octets, packed(b"\1\2\3\4", 0), transport, NOW) is None
