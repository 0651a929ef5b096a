"""What the operator decides: who the server says it is, its secrets, its idle time."""

from dataclasses import replace

import dns.rcode
import pytest

from acmedns_py.dns.policy import MAX_TOLD_OCTETS
from acmedns_py.dns.responder import Responder, Transport
from tests.dns.example import APEX, NOW, POLICY, SOURCE, TWO, Z, ask, responder
from tests.dns.packets import AA, lines, opt, option, query, read

NSID, COOKIE, KEEPALIVE = 3, 10, 11
TOLD = replace(POLICY, identity="ns1 é".encode(), version=b"a version")


def options(octets: bytes) -> dict[int, bytes]:
    return {int(found.otype): found.to_wire() for found in read(octets).options}


@pytest.mark.parametrize(
    ("qname", "text"),
    [
        ("version.bind", b"a version"),
        ("VERSION.server", b"a version"),
        ("id.server", "ns1 é".encode()),
        ("hostname.bind", "ns1 é".encode()),
    ],
)
def test_class_ch_tells_what_the_operator_wrote(qname, text):
    """In class CH, with the question's letters (RFC 4892; dns-correctness #14)."""
    for qtype in ("TXT", "ANY"):
        message = read(ask(responder(policy=TOLD), query(qname, qtype, qclass=3)))
        assert (dns.rcode.to_text(message.rcode()), message.flags & AA) == ("NOERROR", AA)
        (rrset,) = message.answer
        assert (str(rrset.name), rrset.rdclass, rrset.ttl, rrset[0].strings) == (f"{qname}.", 3, 0, (text,))
        assert not message.authority


@pytest.mark.parametrize(
    ("qname", "qtype", "qclass"), [("version.bind", "A", 3), ("authors.bind", "TXT", 3), ("version.bind", "TXT", 1)]
)
def test_nothing_else_of_class_ch_is_answered(qname, qtype, qclass):
    """Other types, other names, other classes (dns-correctness #14, #15)."""
    assert dns.rcode.to_text(read(ask(responder(policy=TOLD), query(qname, qtype, qclass=qclass))).rcode()) == "REFUSED"


def test_nsid_is_told_if_asked_and_configured():
    """Not otherwise; on errors as well (RFC 5001; dns-correctness #43)."""
    told, hidden = responder(policy=TOLD), responder()
    for octets in (
        query(f"{TWO}.{Z}", edns=opt(options=option(NSID))),
        query("x.test", edns=opt(options=option(NSID))),
    ):
        assert options(ask(told, octets))[NSID] == "ns1 é".encode()
        assert NSID not in options(ask(hidden, octets))
    assert NSID not in options(ask(told, query(f"{TWO}.{Z}", edns=opt())))


def test_the_longest_identity_leaves_room_for_all_that_must_be_there():
    """The smallest limit, the longest name, and a cookie, to whoever is denied, refused or sent to TCP."""
    door = responder(policy=replace(POLICY, identity=b"i" * MAX_TOLD_OCTETS))
    longest = (b"\x3f" + b"l" * 63) * 3 + b"\x2c" + b"l" * 44 + APEX
    elsewhere = longest[: -len(APEX)] + b"\x10" + b"x" * 16 + b"\0"
    for qname, qtype in ((longest, "TXT"), (longest, "AXFR"), (elsewhere, "TXT")):
        assert len(qname) == 255
        asked = query(qname, qtype, edns=opt(512, options=option(NSID) + option(COOKIE, b"12345678")))
        response = ask(door, asked)
        assert len(response) <= 512
        assert len(door.truncated(response)) <= 512


@pytest.mark.parametrize(("seconds", "units"), [(10.0, 100), (0.05, 0), (3600.0, 36000), (100_000.0, 65535)])
def test_keepalive_tells_the_idle_time_over_tcp_alone(seconds, units):
    """In units of 100 ms (RFC 7828 3; dns-correctness #43, #55)."""
    door = responder(policy=replace(POLICY, tcp_idle_seconds=seconds))
    octets = query(f"{TWO}.{Z}", edns=opt(options=option(KEEPALIVE)))
    assert options(ask(door, octets, Transport.TCP)) == {KEEPALIVE: units.to_bytes(2, "big")}
    assert options(ask(door, octets, Transport.UDP)) == {}


def test_all_options_together():
    """Each of them once, on the fast path and on the full one (dns-correctness #42)."""
    asked = option(NSID) + option(COOKIE, b"12345678") + option(KEEPALIVE) + option(12, bytes(20))
    for qname in (f"{TWO}.{Z}", f"nope.{Z}", Z, "x.test"):
        found = options(ask(responder(policy=TOLD), query(qname, "A", edns=opt(options=asked)), Transport.TCP))
        assert (found.keys() - {15}, found[COOKIE][:8], len(found[COOKIE])) == (
            {NSID, COOKIE, KEEPALIVE},
            b"12345678",
            24,
        )


def test_of_two_cookies_the_first_counts():
    """RFC 7873 5.2."""
    asked = option(COOKIE, b"12345678") + option(COOKIE, b"87654321")
    assert options(ask(responder(), query(Z, edns=opt(options=asked))))[COOKIE][:8] == b"12345678"


def server_cookie(door: Responder, cookie: bytes, unix: float = NOW.unix) -> bytes:
    octets = query(Z, "SOA", edns=opt(options=option(COOKIE, cookie)))
    response = door.respond(octets, SOURCE, Transport.UDP, NOW._replace(unix=unix))
    assert response is not None
    return options(response)[COOKIE]


def test_a_good_cookie_comes_back_as_it_is_until_it_ages():
    """So that a resolver's cookie stays the same for half an hour (RFC 9018 4.3)."""
    door = responder()
    cookie = server_cookie(door, b"12345678")
    assert server_cookie(door, cookie, NOW.unix + 1000) == cookie
    assert server_cookie(door, cookie, NOW.unix + 2000) != cookie


def test_secrets_are_exchanged_without_a_gap():
    """What the old one made is good until it is forgotten, what comes back is of the new one (RFC 9018 5)."""
    door = responder()
    cookie = server_cookie(door, b"12345678")
    door.accept_secrets((b"n" * 16, *POLICY.cookie_secrets))
    renewed = server_cookie(door, cookie)
    assert renewed != cookie
    assert server_cookie(door, renewed) == renewed
    limited = responder(policy=replace(POLICY, responses_per_second=1))
    limited.accept_secrets((b"n" * 16, *POLICY.cookie_secrets))
    for _ in range(3):
        octets = query(f"{TWO}.{Z}", edns=opt(options=option(COOKIE, cookie)))
        assert len(lines(read(ask(limited, octets)).answer)) == 2
    limited.accept_secrets((b"n" * 16,))
    ask(limited, octets)
    assert dns.rcode.to_text(read(ask(limited, octets)).rcode()) == "BADCOOKIE"
