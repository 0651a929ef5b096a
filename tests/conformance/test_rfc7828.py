"""RFC 7828: how long a TCP connection is kept, told in an option, over TCP alone."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import SOA, Case
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import Z
from tests.dns.packets import opt, option, query

KEEPALIVE = 11


ROWS = [
    Case(
        "dns-correctness #43 keepalive and padding over UDP",
        query(Z, "SOA", edns=opt(options=option(KEEPALIVE) + option(12, bytes(9)))),
        answer=SOA,
        opt=True,
        udp_only=True,
    ),
    Case(
        "dns-correctness #55 keepalive over TCP",
        query(Z, "SOA", edns=opt(options=option(KEEPALIVE) + option(12, bytes(9)))),
        answer=SOA,
        opt=True,
        options=(KEEPALIVE,),
        tcp_only=True,
    ),
]


def keepalive(subject: Subject, transport: Transport, options: bytes) -> list[bytes]:
    """The option's data in the answer."""
    response = subject.answer(query(Z, "SOA", edns=opt(options=options)), transport)
    assert response.rcode() == 0
    return [found.to_wire() for found in response.options if int(found.otype) == KEEPALIVE]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """An answer like any other, with the option over TCP where the server has it (dns-correctness #43, #55)."""
    subject.check(case, transport)


def test_keepalive_is_never_sent_over_udp(subject: Subject) -> None:
    """Asked for or not (RFC 7828 3.3; dns-correctness #43)."""
    for options in (option(KEEPALIVE), b""):
        assert keepalive(subject, Transport.UDP, options) == []


def test_keepalive_over_tcp_tells_the_idle_time_to_whoever_asks(subject: Subject) -> None:
    """In units of 100 ms, in two octets, where the server has the option (RFC 7828 3.1, 3.3.2; dns-correctness #55)."""
    found = keepalive(subject, Transport.TCP, option(KEEPALIVE))
    if subject.name == "ours":
        assert found, "we have it"
    for data in found:
        assert len(data) == 2
        if subject.tcp_idle_seconds is not None:
            assert int.from_bytes(data, "big") == subject.tcp_idle_seconds * 10
