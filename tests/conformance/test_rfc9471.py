"""RFC 9471: the addresses that a referral can't do without are there, or TC says that they did not fit."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.subject import Subject
from tests.dns.example import Z
from tests.dns.packets import AA, TC, lines, opt, query

SERVERS = 8


def test_referral_that_has_no_room_for_its_glue_is_truncated(subject: Subject) -> None:
    """The NS set alone would fit in 512 octets, but is no use without all its glue (RFC 9471 2.1, 3.1; dns-correctness #30)."""
    for edns in (None, opt(512)):
        response = subject.answer(query(f"x.fat.{Z}", "A", edns=edns))
        assert response.flags & TC
        assert not response.flags & AA


@pytest.mark.parametrize("transport", Transport)
def test_referral_has_all_glue_where_it_fits(subject: Subject, transport: Transport) -> None:
    """Every name server below the cut comes with its address (RFC 9471 3.1; dns-correctness #30)."""
    response = subject.answer(query(f"x.fat.{Z}", "A", edns=opt(1232)), transport)
    assert response.flags & (AA | TC) == 0
    assert len(lines(response.authority)) == SERVERS
    assert len(lines(response.additional)) == SERVERS
