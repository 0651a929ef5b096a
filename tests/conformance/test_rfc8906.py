"""RFC 8906: no query of a plain kind is met by silence or a wrong rcode: flags, opcodes, classes, types."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import SOA, Case, nodata, refused
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import TWO, Z
from tests.dns.packets import AA, AD, CD, RA, RD, TC, message, opt, query, question, record
from tests.dns.packets import Z as Z_BIT

NOTIFY = "who takes no NOTIFY may say so in three ways (RFC 1996 3.12)"
UPDATE = "who takes no UPDATE may say NOTIMP or REFUSED (RFC 2136 3.1, 3.3)"
ANY_CLASS = "class ANY may be taken for all classes (RFC 1035 3.2.5) or refused; genreport takes both"
META = "a type for messages only may be NODATA, or refused by any of these rcodes"

GENREPORT_TYPES = [
    "MD",
    "MF",
    "CNAME",
    "MB",
    "MG",
    "MR",
    "NULL",
    "WKS",
    "PTR",
    "HINFO",
    "MINFO",
    "RP",
    "AFSDB",
    "X25",
    "ISDN",
    "RT",
    "NSAP",
    "NSAP-PTR",
    "SIG",
    "KEY",
    "PX",
    "GPOS",
    "LOC",
    "NXT",
    "SRV",
    "NAPTR",
    "KX",
    "CERT",
    "A6",
    "DNAME",
    "SINK",
    "APL",
    "DS",
    "SSHFP",
    "IPSECKEY",
    "RRSIG",
    "NSEC",
    "DNSKEY",
    "DHCID",
    "NSEC3",
    "NSEC3PARAM",
    "TLSA",
    "SMIMEA",
    "HIP",
    "NINFO",
    "RKEY",
    "TALINK",
    "CDS",
    "CDNSKEY",
    "OPENPGPKEY",
    "CSYNC",
    "ZONEMD",
    "SVCB",
    "HTTPS",
    "SPF",
    "NID",
    "L32",
    "L64",
    "LP",
    "EUI48",
    "EUI64",
    "URI",
    "AVC",
    "DOA",
    "AMTRELAY",
    "TA",
    "DLV",
    "TYPE666",
    "TYPE1000",
    "TYPE65280",
]
"""What ISC's genreport asks an apex for, and what has come since; the zone has none of them there."""

NUMBERS = {"A6": 38, "DOA": 259, "EID": 31, "NXT": 30, "RKEY": 57, "SINK": 40, "TALINK": 58}
"""Types that dnspython knows by their numbers only."""

ROWS = [
    *(
        Case(f"dns-correctness #2 flags {flags:04x} change nothing", query(Z, "SOA", flags=flags), answer=SOA)
        for flags in (AA, TC, RA, Z_BIT, AD, CD, AA | TC | RA | Z_BIT | AD | CD)
    ),
    *(
        Case(
            f"dns-correctness #2 flags {flags:04x} and DO change nothing",
            query(Z, "SOA", flags=flags, edns=opt(flags=0x8000)),
            answer=SOA,
            opt=True,
            dnssec_ok=True,
        )
        for flags in (AD, CD, AD | CD)
    ),
    Case(
        "dns-correctness #12 opcode 15, header only",
        message(opcode=15, counts=(0, 0, 0, 0)),
        rcode="NOTIMP",
        flags=0,
        questions=0,
        opcode=15,
    ),
    Case(
        "dns-correctness #12 opcode 15, every flag",
        message(opcode=15, counts=(0, 0, 0, 0), flags=0x07F0),
        rcode="NOTIMP",
        flags=0,
        questions=0,
        opcode=15,
    ),
    *(
        Case(
            f"dns-correctness #13 opcode {opcode}",
            message(question(Z, "SOA"), opt(), opcode=opcode, counts=(1, 0, 0, 1)),
            rcode="NOTIMP",
            flags=0,
            questions=0,
            opcode=opcode,
            choice={4: NOTIFY, 5: UPDATE}.get(opcode, ""),
            either=tuple({"rcode": rcode} for rcode in ("REFUSED", "NOTAUTH")) if opcode in {4, 5} else (),
        )
        for opcode in (1, 2, 3, 4, 5, 6, 7, 14)
    ),
    *(
        refused(f"dns-correctness #15 class {qclass}", query(Z, "SOA", qclass=qclass, edns=opt()), opt=True, ede=20)
        for qclass in (0, 3, 4, 254)
    ),
    refused(
        "dns-correctness #15 class 255",
        query(Z, "SOA", qclass=255, edns=opt()),
        opt=True,
        ede=20,
        choice=ANY_CLASS,
        either=({"rcode": "NOERROR", "answer": SOA}, {"rcode": "NOERROR", "flags": AA, "answer": SOA}),
    ),
    *(nodata(f"dns-correctness #16 {kind} at the apex", query(Z, NUMBERS.get(kind, kind))) for kind in GENREPORT_TYPES),
    *(
        nodata(
            f"dns-correctness #17 meta type {qtype}",
            query(Z, qtype),
            choice=META,
            either=tuple({"rcode": rcode, "authority": []} for rcode in ("NOTIMP", "FORMERR", "REFUSED")),
        )
        for qtype in (0, 41, 249, 250, 253, 254)
    ),
    *(
        nodata(
            f"dns-correctness #17 meta type {qtype} at a challenge name",
            query(f"{TWO}.{Z}", qtype),
            choice=META,
            either=tuple({"rcode": rcode, "authority": []} for rcode in ("NOTIMP", "FORMERR", "REFUSED")),
        )
        for qtype in (0, 41, 250)
    ),
    nodata(
        "dns-correctness #18 NXNAME",
        query(Z, 128),
        choice="FORMERR where compact denial is implemented (RFC 9824 3.5)",
        either=({"rcode": "FORMERR", "authority": []},),
    ),
    Case(
        "dns-correctness #59 AXFR over UDP",
        query(Z, "AXFR", edns=opt()),
        rcode="NOTIMP",
        flags=0,
        opt=True,
        ede=21,
        udp_only=True,
        choice="not defined over UDP (RFC 5936 4.2)",
        either=({"rcode": "FORMERR"}, {"rcode": "REFUSED"}),
    ),
    refused(
        "dns-correctness #59 AXFR over TCP",
        query(Z, "AXFR", edns=opt()),
        opt=True,
        ede=18,
        tcp_only=True,
        choice="without the right to it (RFC 5936 2.2.1)",
        either=({"rcode": "NOTAUTH"},),
    ),
    refused(
        "dns-correctness #59 IXFR",
        query(Z, "IXFR", edns=opt()),
        opt=True,
        ede=18,
        choice="an IXFR without its SOA is malformed (RFC 1995 3)",
        either=({"rcode": "FORMERR"}, {"rcode": "NOTAUTH"}, {"rcode": "NOTIMP"}),
    ),
    refused("dns-correctness #15 AXFR over UDP in class HS", query(Z, "AXFR", qclass=4), udp_only=True),
    *(
        Case(
            f"dns-correctness #59 {kind} of {qname}, where no zone begins",
            query(qname, kind, edns=opt()),
            rcode="NOTAUTH",
            flags=0,
            opt=True,
            ede=20,
            tcp_only=True,
            choice="NOTAUTH where the server has no such zone (RFC 5936 2.2.1); REFUSED tells less",
            either=({"rcode": "REFUSED"}, {"rcode": "FORMERR"}),
        )
        for kind in ("AXFR", "IXFR")
        for qname in (f"www.{Z}", f"nope.{Z}", "example.com", "")
    ),
    refused(
        "dns-correctness #59 IXFR with its SOA",
        message(question(Z, "IXFR"), record(b"\xc0\x0c", 6, rdata=b"\0\0" + bytes(20)), counts=(1, 0, 1, 0)),
        choice="without the right to it, or not offered (RFC 1995 3)",
        either=({"rcode": "NOTAUTH"}, {"rcode": "NOTIMP"}),
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Each is answered at once, and as it must be (dns-correctness #2, #12, #13, #15 to #18, #59)."""
    subject.check(case, transport)


@pytest.mark.parametrize("transport", Transport)
def test_update_changes_nothing(subject: Subject, transport: Transport) -> None:
    """A message with opcode UPDATE that would add an address leaves the zone as it is (dns-correctness #13)."""
    added = record(b"\x05added\xc0\x0c", 1, ttl=60, rdata=b"\xc0\0\2\1")
    subject.ask(message(question(Z, "SOA"), added, opcode=5, counts=(1, 0, 1, 0)), transport)
    assert subject.answer(query(f"added.{Z}", "A")).rcode() == 3


@pytest.mark.parametrize("transport", Transport)
def test_answers_are_the_same_when_asked_with_rd(subject: Subject, transport: Transport) -> None:
    """RD is copied and changes nothing else: an authority does not recurse (dns-correctness #3)."""
    for octets in (query(Z, "NS"), query(f"nope.{Z}"), query("example.com", "A"), query(f"x.sub.{Z}", "A")):
        plain = subject.answer(octets, transport)
        asked = subject.answer(octets[:2] + bytes((octets[2] | 1,)) + octets[3:], transport)
        assert asked.flags == plain.flags | RD
        assert asked.to_text().partition("QUESTION")[2] == plain.to_text().partition("QUESTION")[2]
