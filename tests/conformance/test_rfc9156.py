"""RFC 9156: a resolver that minimises walks down name by name, and meets no NXDOMAIN above what exists."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import TWO_VALUES, Case, nodata
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, TWO, Z
from tests.dns.packets import query

ROWS = [
    *(
        nodata(f"dns-correctness #80 {qtype} {qname} on the way down", query(qname, qtype))
        for qname in (f"{TWO}.{Z}", f"{EMPTY}.{Z}", f"b.{Z}", f"nothing.here.{Z}", f"under.nothing.here.{Z}")
        for qtype in ("A", "AAAA", "NS")
    ),
    Case("dns-correctness #80 the TXT at the end", query(f"{TWO}.{Z}"), answer=TWO_VALUES),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Each step is NODATA, the last has the data (dns-correctness #80)."""
    subject.check(case, transport)


@pytest.mark.parametrize("qtype", ["A", "NS"])
@pytest.mark.parametrize("qname", [f"{TWO}.{Z}", f"deep.under.nothing.here.{Z}", f"a.b.{Z}", f"x.ent.wild.{Z}"])
def test_no_step_of_the_walk_is_nxdomain(subject: Subject, qname: str, qtype: str) -> None:
    """From the apex down to the name every ancestor exists (RFC 9156 3; dns-correctness #80)."""
    labels = qname.removesuffix(f".{Z}").split(".")
    for count in range(len(labels) + 1):
        step = ".".join([*labels[len(labels) - count :], Z])
        assert subject.answer(query(step, qtype)).rcode() == 0, step
