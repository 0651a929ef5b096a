"""RFC 8482: ANY gets something small, never everything."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import APEX_A, NS, SOA, TWO_VALUES, Case, nodata, nxdomain
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, TWO, Z
from tests.dns.packets import opt, query

SUBSET = "one of the RRsets (4.1) or a HINFO (4.2)"

ROWS = [
    Case(
        "dns-correctness #19 ANY at the apex",
        query(Z, "ANY"),
        answer=[f'{Z}. 60 HINFO "RFC8482" ""'],
        choice=SUBSET,
        either=({"answer": SOA}, {"answer": NS}, {"answer": APEX_A}, {"answer": [f"{Z}. 300 AAAA 2001:db8::1"]}),
    ),
    Case(
        "dns-correctness #19 ANY at a challenge name",
        query(f"{TWO}.{Z}", "ANY"),
        answer=[f'{TWO}.{Z}. 60 HINFO "RFC8482" ""'],
        choice=SUBSET,
        either=({"answer": TWO_VALUES},),
    ),
    Case("dns-correctness #19 ANY at a CNAME", query(f"www.{Z}", "ANY"), answer=[f"www.{Z}. 300 CNAME web.{Z}."]),
    Case("dns-correctness #19 ANY at a HINFO", query(f"info.{Z}", "ANY"), answer=[f'info.{Z}. 300 HINFO "cpu" "os"']),
    nodata("dns-correctness #19 ANY at an empty challenge name", query(f"{EMPTY}.{Z}", "ANY")),
    nodata("dns-correctness #19 ANY at an empty non-terminal", query(f"b.{Z}", "ANY")),
    nxdomain("dns-correctness #19 ANY where nothing is", query(f"nope.{Z}", "ANY")),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """One RRset where there is data, a negative answer where there is none (RFC 8482 4; dns-correctness #19)."""
    subject.check(case, transport)


@pytest.mark.parametrize("qtype", ["ANY", "TXT", "NS", "DNSKEY", "CAA"])
def test_spoofed_source_gets_no_more_than_one_small_packet(subject: Subject, qtype: str) -> None:
    """At the apex no answer is above 512 octets, nor one at a challenge name with two values (dns-correctness #73)."""
    for qname in (Z, f"{TWO}.{Z}"):
        octets = subject.ask(query(qname, qtype, edns=opt(65535)), Transport.UDP)
        assert octets is not None
        assert len(octets) <= 512
