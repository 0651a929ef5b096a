"""RFC 3597: types that nobody has heard of, and data of every type octet for octet."""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case, nodata
from tests.conformance.oracle import MAY_BE_COMPRESSED
from tests.conformance.records import records
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EVERY_TYPE, Z
from tests.dns.packets import query

ORIGIN = dns.name.from_text(Z)

ROWS = [
    *(
        nodata(f"dns-correctness #16 unknown TYPE{qtype} at the apex", query(Z, qtype))
        for qtype in (64, 65, 90, 97, 99, 108, 122, 256, 666, 1000, 32768, 65280, 65535)
    ),
    Case(
        "dns-correctness #31 unknown type",
        query(f"generic.{Z}", 65280),
        answer=[f"generic.{Z}. 300 TYPE65280 \\# 2 abcd"],
    ),
    Case(
        "dns-correctness #31 CAA with flag and unknown tag",
        query(Z, "CAA"),
        answer=[
            f'{Z}. 300 CAA 0 unheardof "x"',
            f'{Z}. 300 CAA 128 issue "ca.example; accounturi=https://ca.example/1"',
        ],
    ),
    Case("dns-correctness #31 SRV", query(f"srv.{Z}", "SRV"), answer=[f"srv.{Z}. 300 SRV 0 5 443 web.{Z}."]),
    Case(
        "dns-correctness #31 HTTPS",
        query(f"https.{Z}", "HTTPS"),
        answer=[f'https.{Z}. 300 HTTPS 1 . alpn="h2,h3" port="8443"'],
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Unknown types are types like others (RFC 3597 3; dns-correctness #16, #31)."""
    subject.check(case, transport)


@pytest.mark.parametrize("line", EVERY_TYPE, ids=lambda line: " ".join(line.split()[:2]))
def test_data_of_a_type_are_octet_for_octet_those_of_the_zone_file(subject: Subject, line: str) -> None:
    """What dnspython makes of the line is what goes over the wire, uncompressed (RFC 3597 4; dns-correctness #31, #32)."""
    owner, kind, text = line.split(maxsplit=2)
    rrtype = dns.rdatatype.from_text(kind)
    expected = dns.rdata.from_text(dns.rdataclass.IN, rrtype, text, ORIGIN, relativize=False).to_wire()
    octets = subject.ask(query(f"{owner}.{Z}", int(rrtype)), Transport.TCP)
    assert octets is not None
    (answer,) = [record for record in records(octets) if record.section == "answer"]
    assert (answer.rrtype, answer.rrclass) == (int(rrtype), 1)
    # A server may compress in what RFC 1035 defined; the targets here lie outside the zone, so that none does much.
    assert answer.rdata == expected or kind in MAY_BE_COMPRESSED
    assert dns.rdata.from_wire(dns.rdataclass.IN, rrtype, octets, answer.start, len(answer.rdata)).to_wire() == expected


def test_names_in_data_of_newer_types_are_not_compressed(subject: Subject) -> None:
    """A target in the zone is written out, although the question has most of it (RFC 3597 4; dns-correctness #31)."""
    octets = subject.ask(query(f"srv.{Z}", "SRV"), Transport.TCP)
    assert octets is not None
    (answer,) = [record for record in records(octets) if record.section == "answer"]
    assert answer.rdata.endswith(dns.name.from_text(f"web.{Z}").to_wire())
