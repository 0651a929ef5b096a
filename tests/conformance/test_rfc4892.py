"""RFC 4892: the server's own name and version in class CH, where they are told at all."""

import dns.rcode
import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.subject import Subject
from tests.dns.packets import opt, query

NAMES = ("version.bind", "version.server", "hostname.bind", "id.server")


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("qname", NAMES)
def test_question_about_the_server_is_refused_or_answered_in_its_class(
    subject: Subject, qname: str, transport: Transport
) -> None:
    """REFUSED, or TXT of class CH at that name; nothing of class IN, and no failure (dns-correctness #14, #74)."""
    response = subject.answer(query(qname, "TXT", qclass=3, edns=opt()), transport)
    assert dns.rcode.to_text(response.rcode()) in {"REFUSED", "NOERROR"}
    if response.rcode():
        assert not response.answer
    for rrset in response.answer:
        assert (rrset.name.to_text(), int(rrset.rdclass), int(rrset.rdtype)) == (f"{qname}.", 3, 16)


def test_version_is_not_told_unless_the_operator_says_so(subject: Subject) -> None:
    """Hidden by default, by us and by the references as they are started here (dns-correctness #74)."""
    for qname in ("version.bind", "version.server"):
        for rrset in subject.answer(query(qname, "TXT", qclass=3)).answer:
            assert not [rdata for rdata in rrset if any(octet in b"0123456789" for octet in rdata.strings[0])]
