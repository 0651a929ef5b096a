"""RFC 1035: header, question and records octet by octet, and messages that are none."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import APEX_A, LONGEST, SOA, Case, formerr, nxdomain
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, LONG, TWO, Z
from tests.dns.packets import AA, QR, RD, message, name, opt, query, question, record

UNREADABLE = "a message that can't be read is answered by FORMERR or passed over in silence"
READ_OVER = "what a query has behind its question may be refused or ignored: RFC 1035 7.3 asks for no check of it"
SILENT = ({"silent": True},)

ROWS = [
    Case("dns-correctness #1 SOA of the apex", query(Z, "SOA"), answer=SOA),
    *(
        Case(f"dns-correctness #1 ID {ident:#06x}", query(Z, "SOA", ident=ident), answer=SOA)
        for ident in (0, 1, 0x8000, 0xFFFF)
    ),
    Case("dns-correctness #3 RD is copied", query(Z, "SOA", flags=RD), flags=AA | RD, answer=SOA),
    nxdomain("dns-correctness #3 no RD comes back unasked", query(f"nope.{Z}", "A")),
    Case("dns-correctness #4 a response gets silence", query(Z, "SOA", flags=QR), silent=True),
    Case("dns-correctness #4 an error response gets silence", query(Z, "SOA", flags=QR | 1), silent=True),
    *(
        Case(f"dns-correctness #4 {octets} octets get silence", query(Z, "SOA")[:octets], silent=True)
        for octets in (0, 1, 2, 11)
    ),
    *(
        formerr(
            f"dns-correctness #8 question cut {cut} octets short",
            query(Z, "A")[:-cut],
            questions=0,
            choice=UNREADABLE,
            either=SILENT,
        )
        for cut in (1, 3, 4, 5, 9, len(question(Z, "A")))
    ),
    *(
        formerr(f"dns-correctness #8 {title}", octets, questions=0, choice=UNREADABLE, either=SILENT)
        for title, octets in (
            ("name of 256 octets", query(name(f"{LONGEST}"[:-1] + "." + "m"), "A")),
            ("label of type 0x40", query(b"\x40" + b"a" * 64 + b"\0", "A")),
            ("label of type 0x80", query(b"\x80" + b"a" * 128 + b"\0", "A")),
            ("compression loop", query(b"\xc0\x0c", "A")),
            ("pointer behind a label", query(b"\x01a\xc0\x0c", "A")),
            ("pointer into the header", query(b"\xc0\x00", "A")),
            ("pointer beyond the message", query(b"\x01a\xff\xff", "A")),
        )
    ),
    formerr(
        "dns-correctness #8 owner that points forward",
        message(question(Z, "A"), record(b"\xc0\xff", 1), counts=(1, 0, 0, 1)),
        choice=READ_OVER,
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A}, *SILENT),
    ),
    formerr(
        "dns-correctness #9 an octet behind the question",
        query(Z, "A") + b"\0",
        choice=READ_OVER,
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A},),
    ),
    formerr(
        "dns-correctness #9 an octet behind the OPT",
        query(Z, "A", edns=opt()) + b"\0",
        opt=True,
        choice=READ_OVER,
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A}, {"opt": False}),
    ),
    formerr(
        "dns-correctness #9 a record in the answer section",
        message(question(Z, "A"), record(b"\xc0\x0c", 1, rdata=b"\1\2\3\4"), counts=(1, 1, 0, 0)),
        choice=READ_OVER,
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A},),
    ),
    formerr(
        "dns-correctness #9 an announced record is missing",
        message(question(Z, "A"), counts=(1, 0, 0, 1)),
        choice=READ_OVER,
        either=({"rcode": "NOERROR", "flags": AA, "answer": APEX_A}, *SILENT),
    ),
    Case(
        "other records in the additional section are read over",
        message(question(Z, "A"), record(b"\xc0\x0c", 1, rdata=b"\1\2\3\4"), opt(), counts=(1, 0, 0, 2)),
        answer=APEX_A,
        opt=True,
        choice=READ_OVER,
        either=({"rcode": "FORMERR", "answer": []}, {"rcode": "FORMERR", "answer": [], "opt": False}),
    ),
    nxdomain("dns-correctness #11 a label with NUL", query(b"\x03a\0b" + name(Z), "A")),
    nxdomain("dns-correctness #11 a label with 0xFF", query(b"\x02\xff\xfe" + name(Z), "A")),
    nxdomain("dns-correctness #11 a dot inside a label", query(b"\x03a.b" + name(Z), "A")),
    Case(
        "dns-correctness #11 a NUL inside a label that exists",
        query(b"\x0azero\0octet" + name(Z), "A"),
        answer=[f"zero\\000octet.{Z}. 300 A 192.0.2.110"],
    ),
    Case(
        "dns-correctness #11 a dot inside a label that exists",
        query(b"\x07dot.ted" + name(Z), "A"),
        answer=[f"dot\\.ted.{Z}. 300 A 192.0.2.111"],
    ),
    nxdomain("dns-correctness #11 a dot does not part labels", query("dot.ted." + Z, "A")),
    nxdomain("dns-correctness #11 the longest name", query(f"{'l' * 63}.{'l' * 63}.{'l' * 63}.{'m' * 43}.{Z}", "A")),
    nxdomain("dns-correctness #11 a name of 120 labels", query("a." * 118 + Z, "A")),
    Case(
        "dns-correctness #32 strings of TXT",
        query(f"text.{Z}"),
        answer=[f'text.{Z}. 300 TXT "semi;colon" "back\\\\slash \\"quote\\"" "\\200\\255 high"'],
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Header and question come back as they must, and nothing malformed is answered with data."""
    subject.check(case, transport)


def test_value_of_every_octet_comes_back_joined(subject: Subject) -> None:
    """A text of more than 255 octets is its strings, joined, octet for octet (RFC 1035 3.3.14; dns-correctness #32)."""
    (rrset,) = subject.answer(query(f"{LONG}.{Z}"), Transport.TCP).answer
    (rdata,) = rrset
    assert b"".join(rdata.strings) == bytes(range(256)) + b"tail"


def test_aa_is_set_on_what_the_zone_says_and_on_nothing_else(subject: Subject) -> None:
    """Data, their absence, and aliases are authoritative; referrals and errors are not (dns-correctness #5)."""
    authoritative = {
        title: bool(subject.answer(octets).flags & AA)
        for title, octets in {
            "NOERROR": query(Z, "SOA"),
            "NODATA": query(f"{EMPTY}.{Z}"),
            "NXDOMAIN": query(f"nope.{Z}"),
            "CNAME": query(f"www.{Z}", "A"),
            "challenge": query(f"{TWO}.{Z}"),
            "referral": query(f"x.sub.{Z}", "A"),
            "REFUSED": query("example.com", "A"),
            "NOTIMP": message(question(Z, "SOA"), opcode=2),
            "FORMERR": message(counts=(0, 0, 0, 0)),
            "BADVERS": query(Z, "SOA", edns=opt(version=1)),
        }.items()
    }
    assert {title for title, set_ in authoritative.items() if set_} == {
        "NOERROR",
        "NODATA",
        "NXDOMAIN",
        "CNAME",
        "challenge",
    }


def test_content_of_an_rrset_is_constant(subject: Subject) -> None:
    """Two answers without a change between them hold the same records (dns-correctness #83)."""
    for octets in (query(f"{TWO}.{Z}"), query(Z, "NS"), query(Z, "CAA")):
        first, second = (subject.answer(octets).answer for _ in range(2))
        assert [set(rrset) for rrset in first] == [set(rrset) for rrset in second]
        assert [rrset.ttl for rrset in first] == [rrset.ttl for rrset in second]
