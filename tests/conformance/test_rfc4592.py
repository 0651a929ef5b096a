"""RFC 4592: wildcards, the names that keep them off, and empty non-terminals."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import WEB, Case, nodata, nxdomain
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import Z
from tests.dns.packets import query

ROWS = [
    nodata("dns-correctness #22 an empty non-terminal", query(f"b.{Z}")),
    *(
        nodata(f"dns-correctness #22 the empty non-terminal {label}", query(f"{label}.{Z}", "A"))
        for label in ("here", "nothing.here", "under.nothing.here")
    ),
    nxdomain("dns-correctness #22 beside a name below an empty non-terminal", query(f"c.b.{Z}")),
    Case("dns-correctness #30 a wildcard", query(f"x.wild.{Z}"), answer=[f'x.wild.{Z}. 30 TXT "any"']),
    Case("dns-correctness #30 a wildcard, far below", query(f"x.y.wild.{Z}"), answer=[f'x.y.wild.{Z}. 30 TXT "any"']),
    Case("dns-correctness #30 the wildcard's own name", query(f"*.wild.{Z}"), answer=[f'*.wild.{Z}. 30 TXT "any"']),
    nodata("dns-correctness #30 another type at a wildcard", query(f"x.wild.{Z}", "A")),
    nodata("dns-correctness #30 the name above a wildcard", query(f"wild.{Z}")),
    nodata("dns-correctness #30 a closer name", query(f"closer.wild.{Z}")),
    nxdomain("dns-correctness #30 below a closer name", query(f"x.closer.wild.{Z}")),
    nodata("dns-correctness #30 a closer empty non-terminal", query(f"ent.wild.{Z}")),
    nxdomain("dns-correctness #30 below a closer empty non-terminal", query(f"y.ent.wild.{Z}")),
    nxdomain("dns-correctness #30 below the wildcard's own name", query(f"x.*.wild.{Z}")),
    Case(
        "dns-correctness #30 a wildcard CNAME",
        query(f"x.cw.{Z}", "A"),
        answer=[*WEB, f"x.cw.{Z}. 300 CNAME web.{Z}."],
    ),
    Case(
        "dns-correctness #30 an alias to a name that a wildcard makes",
        query(f"to-wild.{Z}"),
        answer=[f'any.wild.{Z}. 30 TXT "any"', f"to-wild.{Z}. 300 CNAME any.wild.{Z}."],
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """A wildcard stands in where no closer name or empty non-terminal is (dns-correctness #22, #30)."""
    subject.check(case, transport)
