"""RFC 4035: which side of a cut answers for DS, in a zone that is not signed."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import DO, TWO_VALUES, Case, nodata
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import TWO, Z
from tests.dns.packets import opt, query

ROWS = [
    nodata("dns-correctness #28 DS of the apex", query(Z, "DS")),
    Case(
        "DS at a delegation is the parent's",
        query(f"sub.{Z}", "DS"),
        answer=[f"sub.{Z}. 300 DS 12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
    nodata("no DS at a delegation", query(f"bare.{Z}", "DS")),
    Case(
        "dns-correctness #44 DO adds nothing to an unsigned zone",
        query(f"{TWO}.{Z}", edns=opt(flags=DO)),
        answer=TWO_VALUES,
        opt=True,
        dnssec_ok=True,
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """DS stands above the cut (RFC 4035 3.1.4.1; dns-correctness #28, #44)."""
    subject.check(case, transport)
