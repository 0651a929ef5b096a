"""RFC 2308: negative answers, NXDOMAIN and NODATA, and how long they may be kept."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case, nodata, nxdomain
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, TWO, Z
from tests.dns.packets import query

ROWS = [
    nodata("dns-correctness #21 registered, never updated", query(f"{EMPTY}.{Z}")),
    *(
        nodata(f"dns-correctness #21 {qtype} at a name with {count} values", query(f"{label}.{Z}", qtype))
        for count, label in ((2, TWO), (0, EMPTY))
        for qtype in ("A", "AAAA", "CAA", "NS", "SOA", "CNAME", "HTTPS", "DS", 65, 90, 65535)
    ),
    nxdomain("dns-correctness #22 an unknown name", query(f"nope.{Z}")),
    nxdomain("dns-correctness #22 below a challenge name", query(f"x.{TWO}.{Z}")),
    nxdomain("dns-correctness #22 far below an empty challenge name", query(f"a.b.c.{EMPTY}.{Z}")),
    *(
        nxdomain(f"dns-correctness #22 {qtype} at an unknown name", query(f"nope.{Z}", qtype))
        for qtype in ("NS", "SOA", "CNAME", "DS", 65280)
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """The name exists or not, and the SOA says so (RFC 2308 2; dns-correctness #21, #22)."""
    subject.check(case, transport)


def test_negative_answer_has_one_soa_with_the_lower_of_two_ttls(subject: Subject) -> None:
    """TTL is min(SOA's own, MINIMUM), owner the apex, nothing beside it (RFC 2308 3, 5; dns-correctness #23)."""
    for octets in (query(f"nope.{Z}"), query(f"{EMPTY}.{Z}"), query(Z, "DS"), query(f"dangling.{Z}", "A")):
        (rrset,) = subject.answer(octets).authority
        (soa,) = rrset
        assert rrset.name.to_text() == f"{Z}."
        assert rrset.ttl == min(3600, soa.minimum)
