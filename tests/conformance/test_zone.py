"""The zone's own records as registries' and operators' tools check them: SOA numbers, name servers, one answer to all."""

import dns.rcode

from acmedns_py.dns.responder import Transport
from tests.conformance.subject import Subject
from tests.dns.example import MANY, TWO, Z
from tests.dns.packets import lines, opt, query


def test_numbers_of_the_soa_are_those_that_zonemaster_asks_for(subject: Subject) -> None:
    """Refresh, retry, expire, and a short time for negative answers (Zonemaster Zone02 to Zone06; dns-correctness #78)."""
    ((soa,),) = subject.answer(query(Z, "SOA")).answer
    assert soa.refresh >= 14400
    assert 3600 <= soa.retry < soa.refresh
    assert soa.expire >= 604800
    assert soa.minimum <= 60
    assert "@" not in soa.rname.to_text()


def test_mname_is_a_name_server_that_has_an_address(subject: Subject) -> None:
    """Zonemaster's Zone01 and Delegation05: every name server resolves and is no alias (dns-correctness #27, #78)."""
    ((soa,),) = subject.answer(query(Z, "SOA")).answer
    (servers,) = subject.answer(query(Z, "NS")).answer
    assert soa.mname in {server.target for server in servers}
    for server in servers:
        name = server.target.to_text().removesuffix(".")
        found = [subject.answer(query(name, qtype)).answer for qtype in ("A", "AAAA")]
        assert any(found), name
        assert subject.answer(query(name, "CNAME")).answer == []


def test_soa_is_the_same_on_every_way(subject: Subject) -> None:
    """By UDP and TCP, asked for and in negative answers, the serial is one (dns-correctness #35, #85)."""
    serials = {
        rdata.serial
        for transport in Transport
        for octets in (query(Z, "SOA"), query(f"nope.{Z}"), query(Z, "SOA", edns=opt()))
        for section in (subject.answer(octets, transport).answer, subject.answer(octets, transport).authority)
        for rrset in section
        for rdata in rrset
    }
    assert len(serials) == 1


def test_null_mx_and_texts_of_the_apex_are_the_operators(subject: Subject) -> None:
    """A static MX of the root is answered as it stands (RFC 7505; dns-correctness #78)."""
    assert lines(subject.answer(query(Z, "MX")).answer) == [f"{Z}. 300 MX 0 ."]


def test_ttl_of_challenges_is_short(subject: Subject) -> None:
    """At most a minute, so that no resolver keeps a value for the next order (dns-correctness #83)."""
    for label in (TWO, MANY):
        (rrset,) = subject.answer(query(f"{label}.{Z}"), Transport.TCP).answer
        assert 1 <= rrset.ttl <= 60


def test_largest_set_of_values_is_whole_over_tcp(subject: Subject) -> None:
    """A hundred values, none twice, without TC (dns-correctness #83)."""
    response = subject.answer(query(f"{MANY}.{Z}"), Transport.TCP)
    assert dns.rcode.to_text(response.rcode()) == "NOERROR"
    assert len(set(lines(response.answer))) == 100
