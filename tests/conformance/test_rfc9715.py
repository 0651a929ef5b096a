"""RFC 9715: answers over UDP that no network has to cut in pieces."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import LONG, MANY, Z
from tests.dns.packets import AA, TC, opt, query

MOST_OCTETS = 1400
"""What RFC 9715 allows at the most; DNS flag day 2020 chose 1232."""

ROWS = [
    Case(
        f"dns-correctness #46 a payload of {payload} does not raise the server's own limit",
        query(f"{MANY}.{Z}", edns=opt(payload)),
        flags=AA | TC,
        opt=True,
        udp_only=True,
    )
    for payload in (4096, 65535)
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """TC above the server's own limit, whatever the client would take (dns-correctness #46)."""
    subject.check(case, transport)


@pytest.mark.parametrize("payload", [None, 0, 511, 512, 513, 600, 1232, 1400, 4096, 65535])
def test_no_answer_is_above_its_limit(subject: Subject, payload: int | None) -> None:
    """512 octets without OPT or with a smaller size in it, else the client's size or the server's (dns-correctness #46)."""
    limit = 512 if payload is None else min(max(payload, 512), MOST_OCTETS)
    for qname in (f"{MANY}.{Z}", f"big.{Z}", f"wide.{Z}", f"{LONG}.{Z}", f"x.fat.{Z}", Z, f"t-txt.{Z}"):
        octets = subject.ask(query(qname, edns=None if payload is None else opt(payload)), Transport.UDP)
        assert octets is not None
        assert len(octets) <= limit


def test_addresses_that_are_left_out_set_no_tc(subject: Subject) -> None:
    """Servers beside the cut can be asked for by name, so that a referral is whole without them (dns-correctness #47)."""
    response = subject.answer(query(f"x.near.{Z}", "A"))
    assert not response.flags & TC
    assert len(response.authority[0]) == 12
    assert len(response.additional) < 12
