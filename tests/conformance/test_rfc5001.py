"""RFC 5001: the server's identity, to whoever asks for it in an option."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.subject import Subject
from tests.dns.example import TWO, Z
from tests.dns.packets import opt, option, query

NSID = 3


def nsid(subject: Subject, octets: bytes, transport: Transport = Transport.UDP) -> list[bytes]:
    """The NSID options of the answer."""
    options = subject.answer(octets, transport).options
    return [found.to_wire() for found in options if int(found.otype) == NSID]


@pytest.mark.parametrize("transport", Transport)
def test_identity_is_told_to_whoever_asks(subject: Subject, transport: Transport) -> None:
    """With data, NODATA, NXDOMAIN: the configured octets, at most once (RFC 5001 2.2; dns-correctness #43)."""
    for qname in (Z, f"{TWO}.{Z}", f"nope.{Z}"):
        found = nsid(subject, query(qname, edns=opt(options=option(NSID))), transport)
        if subject.identity is None:
            assert len(found) <= 1
        else:
            assert found == [subject.identity]


def test_identity_is_told_to_nobody_else(subject: Subject) -> None:
    """No option where none was asked for, whatever else was (RFC 5001 2.2; dns-correctness #43)."""
    for edns in (opt(), opt(options=option(100)), opt(options=option(10, b"12345678"))):
        assert nsid(subject, query(Z, "SOA", edns=edns)) == []
