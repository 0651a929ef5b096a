"""The fast path against the full path: the same octets, for whatever is asked of whatever zone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns import fastpath
from acmedns_py.dns.name import from_text
from acmedns_py.dns.responder import Transport
from acmedns_py.dns.source import packed
from tests.conformance.exam import CASES
from tests.dns.example import (
    APEX,
    CHALLENGES,
    EMPTY,
    LONG,
    MANY,
    NOW,
    POLICY,
    SOURCE,
    STATIC_LINES,
    TWO,
    Z,
    full_path,
    responder,
    rrsets,
)
from tests.dns.packets import opt, option, query, record

MIDDLE = "deadbeef-2222-4333-8444-555566667705"
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
BASE_LINES = [line for line in STATIC_LINES if " SOA " not in line]
SPECIAL_LINES = [
    "* TXT any",
    "* CNAME web",
    f"{TWO} A 192.0.2.1",
    f"{EMPTY} CNAME web",
    f"x.{TWO} TXT below",
    "*.x.wild A 192.0.2.3",
    "x.y.nope TXT deep",
]
LINES = [*BASE_LINES, *SPECIAL_LINES]
ALL_CHALLENGES = {**CHALLENGES, from_text(f"{MIDDLE}.{Z}"): (b"m" * 400, b"m" * 200)}

# Next to most names stands one of the same length that has nothing to do with the zone.
COMMON_LABELS = [
    b"nope", b"nopq", b"ns1", b"nsx", b"hostmaster", b"hostmastes", b"x", b"b", b"web", b"www", b"wex", b"wild", b"sub", b"big",
    TWO.encode(), EMPTY.encode(), MIDDLE.encode(), MANY.encode(), LONG.encode(), b"f" * 36,
]  # fmt: skip
ODD_LABELS = [
    b"ns2", b"chain", b"dangling", b"loop1", b"self", b"to-two", b"to-cut", b"cw", b"zero\0octet", b"dot.ted", b"*", b"deep",
    b"l" * 63, b"m" * 63, b"n" * 63, b"y", b"l" * 64, b"l" * 70, b"\0", b"a\0b",
]  # fmt: skip
ENDS = [APEX[5:], b"\0", b"\x04xauth\x07example\x03org\0", b"", (b"\x3f" + b"l" * 63) * 3 + b"\x30" + b"l" * 48 + APEX]


def wire_labels(labels: list[bytes]) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels)


@st.composite
def names(draw):
    """Names that mostly are in the zone, in any letter case, some of them no names at all."""
    common = st.lists(st.sampled_from(COMMON_LABELS), max_size=2).map(lambda labels: wire_labels(labels) + APEX)
    odd = st.builds(
        lambda labels, end: wire_labels(labels) + end,
        st.lists(st.sampled_from([*COMMON_LABELS, *ODD_LABELS]), max_size=4),
        st.sampled_from([APEX, APEX, APEX, *ENDS]),
    )
    octets = draw(st.one_of(common, common, odd))
    case = draw(st.sampled_from([0, 0, 0x5555, 0xFFFF, 0x1234]))
    return bytes(
        octet ^ 0x20 if case >> index % 16 & 1 and chr(octet).isalpha() and octet < 128 else octet
        for index, octet in enumerate(octets)
    )


PAYLOADS = st.sampled_from([0, 512, 600, 700, 1232, 65535])
ODD_OPTS = st.builds(
    opt,
    PAYLOADS,
    version=st.sampled_from([0, 0, 0, 1]),
    flags=st.sampled_from([0, 0x8000, 0x4000, 0x0080]),
    options=st.sampled_from(
        [
            b"",
            option(10, b"12345678"),
            option(3) + option(100, b"x"),
            b"\0",
            option(9)[:3],
            b"\0\x0a\0\x09abc",
            option(10, b"1234567"),
            option(10, bytes(24)),
            option(11),
            option(3),
        ]
    ),
    owner=st.sampled_from([b"\0", b"\0", b"\0", b"\x01a\0"]),
)
PLAIN_QUERIES = st.builds(
    query,
    names(),
    st.sampled_from([16, 16, 1, 28, 6]),
    flags=st.sampled_from([0, 0x0100]),
    edns=st.one_of(st.none(), st.builds(opt, PAYLOADS, flags=st.sampled_from([0, 0x8000]))),
)
ODD_QUERIES = st.builds(
    lambda octets, cut, tail: octets[: len(octets) - cut] + tail,
    st.builds(
        query,
        names(),
        st.sampled_from([16, 16, 16, 1, 2, 5, 6, 28, 43, 65, 90, 250, 251, 252, 255, 0, 65535, 0x4141]),
        qclass=st.sampled_from([1, 1, 1, 1, 1, 1, 3, 255]),
        flags=st.sampled_from(
            [0, 0, 0x0100, 0x0110, 0x0120, 0x0010, 0x0040, 0x0400, 0x0200, 0x0080, 0x8000, 0x0800, 0x0003]
        ),
        edns=st.one_of(st.none(), ODD_OPTS, ODD_OPTS, st.just(record(b"\0", 1, rrclass=1232))),
        ident=st.integers(0, 65535),
    ),
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, 4, 12]),
    st.sampled_from([b"", b"", b"", b"", b"", b"", b"\0", opt()]),
)
CHANGES = st.tuples(
    st.lists(
        st.tuples(
            st.sampled_from([*ALL_CHALLENGES, *(from_text(f"{label}.{Z}") for label in ("nope", "ns1", "www"))]),
            st.sampled_from([None, (), (b"one",), (b"one", b"two", b"one"), (b"x" * 600,)]),
        ),
        max_size=2,
    ),
    st.lists(st.tuples(st.sampled_from(LINES), st.booleans()), max_size=2),
)
STEPS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.none(), st.none(), st.none(), CHANGES),
        st.one_of(PLAIN_QUERIES, PLAIN_QUERIES, ODD_QUERIES),
        st.sampled_from(Transport),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=100)
@given(
    st.sampled_from(SOA_NAMES),
    st.lists(st.sampled_from(BASE_LINES), unique=True) | st.just(BASE_LINES),
    st.sets(st.sampled_from(SPECIAL_LINES)),
    STEPS,
)
def test_fast_and_full_path_are_octet_identical(soa_names, base, special, steps):
    """Whatever zone is loaded, changed and asked, in whatever order, both paths send the same octets."""
    soa = f"@ 3600 SOA {soa_names} 0 21600 3600 604800 60"
    door = responder([soa, *base, *sorted(special)], ALL_CHALLENGES, replace(POLICY, identity=b"ns1"))
    cursor = door.cursor
    for (challenges, static), octets, transport in ((change or ([], []), *rest) for change, *rest in steps):
        if challenges or static:
            cursor += 1
            changed = [
                (rrset.owner, rrset.rrtype, rrset if there else None)
                for line, there in static
                for rrset in rrsets([line])
            ]
            door.apply(cursor, challenges=challenges, static=changed)
        for _ in range(2):
            assert door.respond(octets, SOURCE, transport, NOW) == full_path(door, octets, transport)
    assert door.counters()["internal_errors"] == 0


@pytest.mark.parametrize("soa_names", SOA_NAMES)
@pytest.mark.parametrize("special", [[], *([line] for line in SPECIAL_LINES)])
def test_what_one_name_taught_is_right_for_the_next(soa_names, special):
    """Every name is asked after every other of its length, first and last, in a zone with each odd record."""
    soa = f"@ 3600 SOA {soa_names} 0 21600 3600 604800 60"
    singles = [wire_labels([label]) + APEX for label in COMMON_LABELS]
    doubles = [wire_labels([label]) + name for label in (b"x", b"nope", b"y") for name in singles]
    asked = [
        query(name, qtype, edns=edns)
        for name in (*singles, *doubles)
        for qtype in ("A", "TXT")
        for edns in (None, opt(700))
    ]
    for order in (asked, asked[::-1]):
        door = responder([soa, *BASE_LINES, *special], ALL_CHALLENGES)
        for octets in order:
            assert door.respond(octets, SOURCE, Transport.UDP, NOW) == full_path(door, octets, Transport.UDP)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(query(name, qtype, qclass=qclass, flags=flags, edns=edns), id=title)
        for title, name, qtype, qclass, flags, edns in (
            (
                "name of 256 octets",
                (b"\x3f" + b"l" * 63) * 3 + bytes((63 - 18,)) + b"l" * (63 - 18) + APEX,
                16,
                1,
                0,
                None,
            ),
            ("label of 64 octets", b"\x40" + b"l" * 64 + APEX, 16, 1, 0, None),
            ("label that swallows the apex", b"\x05x" + APEX, 16, 1, 0, None),
            ("broken options", f"{TWO}.{Z}", 16, 1, 0, opt(options=b"\0\x0a\0\x09abc")),
            ("half an option", f"{TWO}.{Z}", 16, 1, 0, opt(options=b"\0")),
            ("a record that is no OPT", f"{TWO}.{Z}", 16, 1, 0, record(b"\0", 1, rrclass=1232)),
            ("version 1", f"{TWO}.{Z}", 16, 1, 0, opt(version=1)),
            ("class CH", f"{TWO}.{Z}", 16, 3, 0, None),
            ("ANY", f"{TWO}.{Z}", 255, 1, 0, None),
            ("opcode 1", f"{TWO}.{Z}", 16, 1, 0x0800, None),
        )
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_full_path(octets):
    """Nothing is taken that the full path would answer in another way."""
    assert responder()._fast_path.response(octets, SOURCE, Transport.UDP, NOW) is None


@pytest.mark.parametrize(
    ("label", "payload", "fits"),
    [(MIDDLE, None, False), (MIDDLE, 600, False), (MIDDLE, 1232, True), (MANY, 65535, False)],
)
def test_limit_is_that_of_udp_and_does_not_hold_for_tcp(label, payload, fits):
    """Values over the limit are truncated over UDP only, at no more cost than others."""
    fast = responder(None, ALL_CHALLENGES)._fast_path
    octets = query(f"{label}.{Z}", edns=None if payload is None else opt(payload))
    for transport, whole in ((Transport.UDP, fits), (Transport.TCP, True)):
        response = fast.response(octets, SOURCE, transport, NOW)
        assert response is not None
        assert (response[2] & 0x02, response[6:8] != b"\0\0") == (0 if whole else 0x02, whole)
    assert fast.truncated == (not fits)


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
    "foreign name": query("ExAmPlE.cOm", "A", edns=opt(options=option(10, b"12345678"))),
    "the root": query("", "NS"),
    "referral at the cut": query(f"sub.{Z}", "A", edns=opt()),
}


@pytest.mark.parametrize("octets", COMMON.values(), ids=COMMON.keys())
def test_common_queries_stay_on_the_fast_path(octets):
    """What most traffic consists of is not left to the full path."""
    door = responder()
    assert door._fast_path.response(octets, SOURCE, Transport.UDP, NOW) is not None


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


def test_long_options_are_not_remembered():
    """A TCP client can send 64 KB of them with each query."""
    door = responder()
    for number in range(20):
        octets = query(f"www.{Z}", "A", edns=opt(options=option(65001, b"%08d" % number + bytes(60_000))))
        assert door.respond(octets, SOURCE, Transport.TCP, NOW) == full_path(door, octets, Transport.TCP)
    assert not door._fast_path._options_over_tcp


def test_what_is_remembered_does_not_depend_on_what_no_answer_depends_on():
    """Neither sizes nor flags of an OPT, nor CD, nor a large set, whose answer goes over TCP, take room of their own."""
    door = responder()
    for flags in (0, 0x8000, 0x0001, 0x00F0):
        for payload in (512, 1232, 4000):
            for name, qtype in ((f"www.{Z}", "A"), (f"big.{Z}", "TXT")):
                for bits in (0, 0x0010, 0x0020):
                    octets = query(name, qtype, flags=bits, edns=opt(payload, flags=flags))
                    for transport in Transport:
                        assert door.respond(octets, SOURCE, transport, NOW) == full_path(door, octets, transport)
    remembered = door._fast_path._remembered
    assert len(remembered) == 1
    assert sum(map(len, next(iter(remembered.values())))) <= 1232


def test_what_cookies_can_make_us_remember_is_bounded(monkeypatch):
    """Neither do other cookies from other addresses, within a second or over many."""
    monkeypatch.setattr(fastpath, "MAX_SHAPES", 10)
    door = responder()
    for number in range(100):
        octets = query(f"{TWO}.{Z}", edns=opt(options=option(10, b"%08d" % number)))
        source = packed(number.to_bytes(4, "big"), 53)
        now = NOW._replace(unix=NOW.unix + number // 50)
        assert door.respond(octets, source, Transport.UDP, now) == full_path(door, octets, Transport.UDP, source, now)
        assert len(door._fast_path._options_over_udp) <= 10


def test_options_made_for_one_address_are_sent_to_no_other():
    """Octets behind a message from IPv4 don't make it, with its address, one that came from IPv6."""
    door = responder()
    ours = packed(bytes((198, 51, 100, 7)), 53)
    theirs = packed(bytes(8) + ours[4:12], 53)
    octets = query(f"{TWO}.{Z}", edns=opt(options=option(10, b"12345678")))
    answer = door.respond(octets, theirs, Transport.UDP, NOW)
    assert door.respond(octets + theirs[4:16], ours, Transport.UDP, NOW) != answer
