"""The fast path against the full path: the same octets, for whatever is asked of whatever zone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns import fastpath, wire
from acmedns_py.dns.answer import response_to
from acmedns_py.dns.name import from_text
from acmedns_py.dns.responder import Responder, Transport
from tests.dns.cases import CASES
from tests.dns.example import APEX, CHALLENGES, EMPTY, LONG, MANY, NOW, SOURCE, STATIC_LINES, TWO, Z, responder, rrsets
from tests.dns.packets import opt, option, query

SOA_NAMES = [
    "ns1 hostmaster",
    "@ @",
    "ns.example.net. admin.example.net.",
    "ns.example.org. admin.org.",
    "a.deep.ns1 x.hostmaster",
    f"{TWO} x.{EMPTY}",
    "nope x.y.nope",
    f"{'l' * 63}.{'m' * 63} {'n' * 63}",
]
MORE_LINES = [
    "* TXT any",
    "* CNAME web",
    f"{TWO} A 192.0.2.1",
    f"{EMPTY} CNAME web",
    f"x.{TWO} TXT below",
    "*.x.wild A 192.0.2.3",
]
LINES = [line for line in STATIC_LINES if " SOA " not in line] + MORE_LINES

LABELS = [
    b"", b"nope", b"ns1", b"ns2", b"hostmaster", b"x", b"b", b"web", b"www", b"chain", b"dangling", b"loop1", b"self", b"wild",
    b"sub", b"ns.sub", b"to-two", b"to-cut", b"cw", b"zero\0octet", b"dot.ted", b"big", b"*", b"deep", b"l" * 63, b"m" * 63, b"y",
    b"l" * 64, b"l" * 70, b"\0", b"a\0b", TWO.encode(), EMPTY.encode(), MANY.encode(), LONG.encode(),
]  # fmt: skip


@st.composite
def names(draw):
    """Names that mostly are in the zone, in any letter case, some of them no names at all."""
    labels = draw(st.lists(st.sampled_from(LABELS), max_size=5))
    octets = b"".join(bytes((len(label),)) + label for label in labels if label)
    octets += draw(st.sampled_from([APEX, APEX, APEX, APEX, APEX[5:], b"\0", b"\x04xauth\x07example\x03org\0", b""]))
    case = draw(st.integers(0, 2**16 - 1))
    return bytes(
        octet ^ 0x20 if case >> index % 16 & 1 and chr(octet).isalpha() and octet < 128 else octet
        for index, octet in enumerate(octets)
    )


OPTS = st.builds(
    opt,
    st.sampled_from([0, 511, 512, 600, 1232, 1400, 65535]),
    version=st.sampled_from([0, 0, 0, 0, 1]),
    flags=st.sampled_from([0, 0x8000, 0x4000, 0x0080]),
    options=st.sampled_from(
        [b"", b"", option(10, b"12345678"), option(3) + option(100, b"x"), b"\0", option(9)[:3], b"\0\x0a\0\x09abc"]
    ),
    owner=st.sampled_from([b"\0", b"\0", b"\0", b"\x01a\0"]),
)
QUERIES = st.builds(
    lambda octets, cut, tail: octets[: len(octets) - cut] + tail,
    st.builds(
        query,
        names(),
        st.sampled_from([16, 16, 16, 1, 2, 5, 6, 28, 43, 65, 90, 250, 251, 252, 255, 0, 65535, 0x4141]),
        qclass=st.sampled_from([1, 1, 1, 1, 1, 1, 3, 255]),
        flags=st.sampled_from(
            [0, 0, 0x0100, 0x0110, 0x0120, 0x0010, 0x0040, 0x0400, 0x0200, 0x0080, 0x8000, 0x0800, 0x0003]
        ),
        edns=st.one_of(st.none(), OPTS, OPTS),
        ident=st.integers(0, 65535),
    ),
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, 4, 12]),
    st.sampled_from([b"", b"", b"", b"", b"", b"", b"\0", opt()]),
)
CHANGES = st.tuples(
    st.lists(
        st.tuples(
            st.sampled_from([*CHALLENGES, from_text(f"new.{Z}"), from_text(f"ns1.{Z}"), from_text(f"www.{Z}")]),
            st.sampled_from([None, (), (b"one",), (b"one", b"two", b"one"), (b"x" * 600,)]),
        ),
        max_size=2,
    ),
    st.lists(st.tuples(st.sampled_from(LINES), st.booleans()), max_size=2),
)


def full_path(door: Responder, octets: bytes, transport: Transport) -> bytes | None:
    """Answer without the fast path."""
    response = response_to(octets, door._zone, transport, loaded=True)
    return None if response is None else wire.render(response, transport)


@settings(max_examples=300)
@given(
    st.sampled_from(SOA_NAMES),
    st.lists(st.sampled_from(LINES), unique=True, max_size=25),
    st.lists(
        st.tuples(st.one_of(st.none(), st.none(), st.none(), CHANGES), QUERIES, st.sampled_from(Transport)),
        min_size=1,
        max_size=30,
    ),
)
def test_fast_and_full_path_are_octet_identical(soa_names, lines, steps):
    """Whatever zone is loaded, changed and asked, in whatever order, both paths send the same octets."""
    door = responder([f"@ 3600 SOA {soa_names} 0 21600 3600 604800 60", *lines])
    cursor = door.cursor
    for change, octets, transport in steps:
        if change is not None:
            cursor += 1
            changed = [
                (rrset.owner, rrset.rrtype, rrset if there else None)
                for line, there in change[1]
                for rrset in rrsets([line])
            ]
            door.apply(cursor, challenges=change[0], static=changed)
        for _ in range(2):
            assert door.respond(octets, SOURCE, transport, NOW) == full_path(door, octets, transport)
    assert door.counters()["internal_errors"] == 0


@pytest.mark.parametrize("transport", list(Transport))
def test_rows_of_the_exam_are_octet_identical(transport):
    """The hand-made queries too, one after another through one responder, twice."""
    door = responder()
    for case in [*CASES, *CASES]:
        assert door.respond(case.query, SOURCE, transport, NOW) == full_path(door, case.query, transport), case.title


COMMON = {
    "TXT": query(f"{TWO}.{Z}"),
    "TXT in mixed case": query(f"{TWO.upper()}.{Z.title()}"),
    "TXT with OPT": query(f"{TWO}.{Z}", edns=opt(4096, flags=0x8000)),
    "TXT with a cookie": query(f"{TWO}.{Z}", edns=opt(options=option(10, b"12345678"))),
    "TXT with RD, AD, CD": query(f"{TWO}.{Z}", flags=0x0130),
    "TXT without values": query(f"{EMPTY}.{Z}"),
    "another type": query(f"{TWO}.{Z}", "A", edns=opt()),
    "unknown name": query(f"nope.{Z}", edns=opt()),
    "name below a challenge": query(f"a.b.{TWO}.{Z}"),
    "SOA": query(Z, "SOA"),
    "NS": query(Z, "NS", edns=opt()),
    "A of the apex": query(Z, "A"),
    "NODATA at the apex": query(Z, "CNAME"),
    "CNAME": query(f"www.{Z}", "A"),
    "empty non-terminal": query(f"b.{Z}", "A"),
    "referral at the cut": query(f"sub.{Z}", "A", edns=opt()),
}


@pytest.mark.parametrize("octets", COMMON.values(), ids=COMMON.keys())
def test_common_queries_stay_on_the_fast_path(octets):
    """What most traffic consists of is not left to the full path."""
    door = responder()
    assert door._fast_path.response(octets, stream=False) is not None


def test_nothing_remembered_outlives_a_change():
    """A change of a challenge shows in everything that named it, the SOA serial included."""
    door = responder()
    asked = [query(f"{TWO}.{Z}"), query(f"to-two.{Z}"), query(Z, "SOA"), query(f"nope.{Z}"), query(f"{EMPTY}.{Z}")]
    before = [door.respond(octets, SOURCE, Transport.UDP, NOW) for octets in asked]
    door.apply(door.cursor + 1, challenges=[(from_text(f"{TWO}.{Z}"), (b"other",))], static=[])
    after = [door.respond(octets, SOURCE, Transport.UDP, NOW) for octets in asked]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_what_strangers_can_make_us_remember_is_bounded(monkeypatch):
    """Neither types nor payload sizes nor letter case make the tables grow beyond their limits."""
    monkeypatch.setattr(fastpath, "MAX_SHAPES", 10)
    monkeypatch.setattr(fastpath, "MAX_REMEMBERED", 10)
    door = responder()
    fast = door._fast_path
    for number in range(100):
        for octets in (query(Z, 300 + number), query(f"www.{Z}", 1, edns=opt(600 + number))):
            assert door.respond(octets, SOURCE, Transport.UDP, NOW) == full_path(door, octets, Transport.UDP)
            assert len(fast._shapes) <= 10
            assert len(fast._remembered) <= 10
