"""RFC 6891: EDNS, its versions, sizes, flags and options, and OPT records where none belongs."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import APEX_A, DO, SOA, TWO_VALUES, Case, formerr, nodata, nxdomain
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, MANY, TWO, Z
from tests.dns.packets import AA, TC, message, name, opt, option, query, question

OWNER = "RFC 6891 6.1.2 says that the owner MUST be the root, and not what happens where it is not"
COOKIE_FIRST = "a server that enforces cookies asks for a retry with its own (RFC 7873 5.2.3)"

ROWS = [
    Case("dns-correctness #39 no OPT unasked", query(Z, "SOA"), answer=SOA),
    Case("dns-correctness #39 NOERROR", query(Z, "SOA", edns=opt()), answer=SOA, opt=True),
    nxdomain("dns-correctness #39 NXDOMAIN", query(f"nope.{Z}", edns=opt()), opt=True),
    nodata("dns-correctness #39 NODATA", query(f"{EMPTY}.{Z}", edns=opt()), opt=True),
    Case("dns-correctness #39 TC", query(f"{MANY}.{Z}", edns=opt()), flags=AA | TC, opt=True, udp_only=True),
    formerr(
        "dns-correctness #10 two OPT",
        message(question(Z, "A"), opt(), opt(), counts=(1, 0, 0, 2)),
        opt=True,
        choice="none of the two OPT need be answered",
        either=({"opt": False},),
    ),
    formerr("dns-correctness #10 OPT in the answer section", message(question(Z, "A"), opt(), counts=(1, 1, 0, 0))),
    formerr(
        "dns-correctness #10 OPT in the authority section",
        message(question(Z, "A"), opt(), counts=(1, 0, 1, 0)),
        choice="no RFC says so of this section; it may be read over",
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A},),
    ),
    formerr("dns-correctness #10 option longer than the OPT", query(Z, "A", edns=opt(options=b"\0\x64\0\5ab"))),
    formerr("dns-correctness #10 half an option", query(Z, "A", edns=opt(options=b"\0\x64\0"))),
    formerr(
        "dns-correctness #10 OPT of an owner",
        query(Z, "A", edns=opt(owner=name("x"))),
        choice=OWNER,
        either=(
            {"rcode": "NOERROR", "flags": AA, "answer": APEX_A},
            {"rcode": "NOERROR", "flags": AA, "answer": APEX_A, "opt": True},
        ),
    ),
    formerr("dns-correctness #10 OPT cut short", query(Z, "A", edns=opt()[:-1])),
    *(
        Case(
            f"dns-correctness #40 version {version}, flags {flags:04x}, {len(options)} octets of options",
            query(Z, "SOA", edns=opt(version=version, flags=flags, options=options)),
            rcode="BADVERS",
            flags=0,
            opt=True,
            dnssec_ok=bool(flags & DO),
        )
        for version, flags, options in (
            (1, 0, b""),
            (1, 0, option(100)),
            (1, 0x80, b""),
            (1, DO, b""),
            (255, 0, b""),
        )
    ),
    Case(
        "dns-correctness #40 version 1, half an option",
        query(Z, "SOA", edns=opt(version=1, options=b"\0")),
        rcode="BADVERS",
        flags=0,
        opt=True,
        choice="only version 0 says what the data of an OPT look like, so that they may be taken for broken",
        either=({"rcode": "FORMERR", "opt": False}, {"rcode": "FORMERR"}),
    ),
    *(
        Case(f"dns-correctness #41 {title}", query(Z, "SOA", edns=edns), answer=SOA, opt=True)
        for title, edns in (
            ("option 100", opt(options=option(100, b"x"))),
            ("option 65535 of 500 octets", opt(options=option(65535, bytes(500)))),
            ("flag 0x0080", opt(flags=0x80)),
            ("flag 0x0040", opt(flags=0x40)),
            ("flag CO", opt(flags=0x4000)),
            ("all flags but DO", opt(flags=0x7FFF)),
        )
    ),
    Case(
        "dns-correctness #42 a list of options",
        query(Z, "SOA", edns=opt(options=option(3) + option(8, b"\0\1\0\0") + option(9) + option(10, b"12345678"))),
        answer=SOA,
        opt=True,
        options=(10,),
        choice=COOKIE_FIRST,
        either=({"rcode": "BADCOOKIE", "answer": []}, {"rcode": "BADCOOKIE", "answer": [], "flags": AA}),
    ),
    *(
        Case(
            f"dns-correctness #44 payload {payload}",
            query(f"{TWO}.{Z}", edns=opt(payload)),
            answer=TWO_VALUES,
            opt=True,
        )
        for payload in (0, 1, 511, 512, 1232, 4096, 65535)
    ),
    Case(
        "dns-correctness #44 DO is copied",
        query(f"{TWO}.{Z}", edns=opt(flags=DO)),
        answer=TWO_VALUES,
        opt=True,
        dnssec_ok=True,
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Asked with an OPT, answered with one of version 0 (RFC 6891 6.1.1, 7; dns-correctness #10, #39 to #42, #44)."""
    subject.check(case, transport)


def test_options_that_nobody_knows_are_not_echoed(subject: Subject) -> None:
    """Unknown options are ignored: neither they nor ECS and padding come back (dns-correctness #41, #43)."""
    ecs, padding = option(8, b"\0\1\x18\0\xc0\0\2"), option(12, bytes(9))
    response = subject.answer(query(Z, "SOA", edns=opt(options=option(100, b"x") + ecs + padding + option(65001))))
    assert not {int(found.otype) for found in response.options} & {100, 8, 12, 65001}


def test_every_error_to_a_query_with_opt_has_one(subject: Subject) -> None:
    """REFUSED and BADVERS carry the OPT as an answer does (RFC 6891 7; dns-correctness #39)."""
    for octets in (query("example.com", edns=opt()), query(Z, qclass=4, edns=opt()), query(Z, edns=opt(version=1))):
        response = subject.answer(octets)
        assert (response.edns, response.ednsflags & 0xFFFF) == (0, 0)
        assert response.payload >= 512
