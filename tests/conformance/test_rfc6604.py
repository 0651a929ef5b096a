"""RFC 6604: the rcode of an alias chain is that of its last name."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import NEGATIVE, Case
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, Z
from tests.dns.packets import query

ROWS = [
    Case(
        "dns-correctness #29 type missing at the target",
        query(f"www.{Z}", "MX"),
        answer=[f"www.{Z}. 300 CNAME web.{Z}."],
        authority=NEGATIVE,
    ),
    Case(
        "dns-correctness #29 target missing",
        query(f"dangling.{Z}", "A"),
        rcode="NXDOMAIN",
        answer=[f"dangling.{Z}. 300 CNAME missing.{Z}."],
        authority=NEGATIVE,
    ),
    Case(
        "dns-correctness #29 a loop of two stops",
        query(f"loop1.{Z}", "A"),
        answer=[f"loop1.{Z}. 300 CNAME loop2.{Z}.", f"loop2.{Z}. 300 CNAME loop1.{Z}."],
    ),
    Case("dns-correctness #29 a loop of one stops", query(f"self.{Z}", "A"), answer=[f"self.{Z}. 300 CNAME self.{Z}."]),
    Case(
        "dns-correctness #29 an alias into a loop stops",
        query(f"to-loop.{Z}", "A"),
        answer=[
            f"loop1.{Z}. 300 CNAME loop2.{Z}.",
            f"loop2.{Z}. 300 CNAME loop1.{Z}.",
            f"to-loop.{Z}. 300 CNAME loop1.{Z}.",
        ],
    ),
    Case(
        "CNAME to an empty challenge name",
        query(f"to-empty.{Z}"),
        answer=[f"to-empty.{Z}. 300 CNAME {EMPTY}.{Z}."],
        authority=NEGATIVE,
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """The chain is in the answer, its end in rcode and authority (RFC 6604 3; dns-correctness #29)."""
    subject.check(case, transport)
