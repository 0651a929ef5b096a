"""RFC 2181: RRsets are whole, free of duplicates and of one TTL; TC says that required data did not fit."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import MANY, TWO, Z
from tests.dns.packets import AA, TC, opt, query

ROWS = [
    Case("dns-correctness #46 100 values", query(f"{MANY}.{Z}"), flags=AA | TC, udp_only=True),
    Case("dns-correctness #46 a static set", query(f"big.{Z}"), flags=AA | TC, udp_only=True),
    Case(
        "dns-correctness #46 payload 512",
        query(f"big.{Z}", edns=opt(512)),
        flags=AA | TC,
        opt=True,
        udp_only=True,
    ),
    Case(
        "dns-correctness #46 an alias to a set that does not fit",
        query(f"to-many.{Z}", edns=opt()),
        flags=AA | TC,
        opt=True,
        udp_only=True,
        choice="whole RRsets may stay in a truncated answer, or all go (RFC 2181 9)",
        either=({"answer": [f"to-many.{Z}. 300 CNAME {MANY}.{Z}."]},),
    ),
    Case(
        "dns-correctness #20, #83 a hundred values without TC",
        query(f"{MANY}.{Z}"),
        answer=[f'{MANY}.{Z}. 1 TXT "{number:043d}"' for number in range(100)],
        tcp_only=True,
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """TC where the set does not fit, all of it where it does (RFC 2181 9; dns-correctness #20, #46, #83)."""
    subject.check(case, transport)


@pytest.mark.parametrize("payload", [None, 512, 1232, 65535])
def test_truncated_answer_holds_no_part_of_an_rrset(subject: Subject, payload: int | None) -> None:
    """A part of a set could be cached as the whole (RFC 2181 5, 9; dns-correctness #46)."""
    for owner in (f"{MANY}.{Z}", f"big.{Z}"):
        response = subject.answer(query(owner, edns=None if payload is None else opt(payload)))
        assert response.flags & TC
        assert not response.answer


def test_an_rrset_has_one_ttl(subject: Subject) -> None:
    """All records of a set are sent with one TTL, and none of them twice (RFC 2181 5.2; dns-correctness #20)."""
    for octets in (query(f"{TWO}.{Z}"), query(Z, "NS"), query(Z, "CAA")):
        response = subject.answer(octets)
        assert len(response.answer) == 1
        assert len(response.answer[0]) == 2
