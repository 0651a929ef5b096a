"""RFC 1034: the algorithm of a name server, 4.3.2, for what stands in the zone, below a delegation and outside."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import (
    APEX_A,
    NS,
    NS_ADDRESSES,
    SUB,
    SUB_ADDRESSES,
    SUB_GLUE,
    TWO_VALUES,
    WEB,
    Case,
    nodata,
    nxdomain,
    refused,
)
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import TWO, Z
from tests.dns.packets import name, opt, query

NINE_ALIASES = [f"long{number}.{Z}. 300 CNAME long{number + 1}.{Z}." for number in range(9)]

ROWS = [
    Case("dns-correctness #20 two values", query(f"{TWO}.{Z}"), answer=TWO_VALUES),
    Case("dns-correctness #22 the apex exists", query(Z, "A"), answer=APEX_A),
    nodata("dns-correctness #22 the apex always exists", query(Z, "TXT")),
    *(
        refused(f"dns-correctness #24 foreign name {qname}", query(qname, "A", edns=opt()), opt=True, ede=20)
        for qname in (
            "example.com",
            "example.org",
            "org",
            "auth2.example.org",
            "xauth.example.org",
            "auth.example.com",
            "auth.example.org.invalid",
            "2.0.192.in-addr.arpa",
        )
    ),
    refused("dns-correctness #24 without OPT no extended error", query("example.com", "A")),
    refused("dns-correctness #24 DS of a sibling", query("auth2.example.org", "DS")),
    refused(
        "dns-correctness #24 the apex's octets inside a label",
        query(b"\x11xauth" + name(Z)[5:], "A")[:-4] + b"\0\1\0\1",
    ),
    refused("dns-correctness #25 NS of the root", query("", "NS")),
    refused("dns-correctness #25 NS of com", query("com", "NS")),
    refused("dns-correctness #26 a challenge label in another zone", query(f"{TWO}.evil.test")),
    refused("dns-correctness #26 a challenge label in the parent zone", query(f"{TWO}.example.org")),
    Case("dns-correctness #27 NS of the apex", query(Z, "NS"), answer=NS, additional=NS_ADDRESSES),
    *(
        Case(f"dns-correctness #27 {line}", query(line.split()[0], line.split()[2]), answer=[line])
        for line in NS_ADDRESSES
    ),
    nodata("dns-correctness #27 no AAAA at a name server that MNAME names", query(f"ns1.{Z}", "AAAA")),
    *(
        nodata(f"dns-correctness #27 no CNAME at {server}", query(f"{server}.{Z}", "CNAME"))
        for server in ("ns1", "ns2")
    ),
    nxdomain("dns-correctness #78 RNAME's name need not exist", query(f"hostmaster.{Z}", "A")),
    nxdomain("below RNAME's name", query(f"x.hostmaster.{Z}", "A")),
    Case("dns-correctness #29 CNAME followed", query(f"www.{Z}", "A"), answer=[*WEB, f"www.{Z}. 300 CNAME web.{Z}."]),
    Case(
        "dns-correctness #29 two CNAMEs followed",
        query(f"chain.{Z}", "A"),
        answer=[f"chain.{Z}. 300 CNAME www.{Z}.", *WEB, f"www.{Z}. 300 CNAME web.{Z}."],
    ),
    Case(
        "dns-correctness #29 nine CNAMEs followed",
        query(f"long0.{Z}", "A"),
        answer=[*NINE_ALIASES, f"long9.{Z}. 300 A 192.0.2.130"],
        choice="a resolver goes on where a server stops following; RFC 1034 4.3.2 3a names no number",
        either=tuple({"answer": NINE_ALIASES[:count]} for count in range(1, 10)),
    ),
    Case("dns-correctness #29 qtype CNAME", query(f"chain.{Z}", "CNAME"), answer=[f"chain.{Z}. 300 CNAME www.{Z}."]),
    Case(
        "dns-correctness #29 target outside the zone",
        query(f"away.{Z}", "A"),
        answer=[f"away.{Z}. 300 CNAME host.example.net."],
    ),
    Case(
        "dns-correctness #29 target outside the zone, one alias later",
        query(f"to-away.{Z}", "A"),
        answer=[f"away.{Z}. 300 CNAME host.example.net.", f"to-away.{Z}. 300 CNAME away.{Z}."],
    ),
    Case(
        "CNAME to a challenge name",
        query(f"to-two.{Z}"),
        answer=[*TWO_VALUES, f"to-two.{Z}. 300 CNAME {TWO}.{Z}."],
    ),
    Case(
        "CNAME into a delegation: its referral, AA for the alias",
        query(f"to-cut.{Z}", "A"),
        answer=[f"to-cut.{Z}. 300 CNAME host.sub.{Z}."],
        authority=SUB,
        additional=SUB_ADDRESSES,
        glue=SUB_GLUE,
    ),
    *(
        Case(
            f"dns-correctness #30 referral for {qtype} {qname}",
            query(f"{qname}.{Z}", qtype),
            flags=0,
            authority=SUB,
            additional=SUB_ADDRESSES,
            glue=SUB_GLUE,
        )
        for qname, qtype in (
            ("sub", "A"),
            ("sub", "NS"),
            ("sub", "SOA"),
            ("sub", "ANY"),
            ("sub", "TYPE65280"),
            ("host.sub", "A"),
            ("a.b.sub", "TXT"),
            ("ns.sub", "A"),
            ("x.sub", "DS"),
        )
    ),
    Case(
        "dns-correctness #30 referral without addresses",
        query(f"x.bare.{Z}", "A"),
        flags=0,
        authority=[f"bare.{Z}. 300 NS ns.example.net."],
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """The sections are those of the algorithm (dns-correctness #20, #22, #24 to #27, #29, #30)."""
    subject.check(case, transport)
