"""Response rate limiting: who is slipped, who never is, and that its memory is fixed."""

from dataclasses import replace
from ipaddress import ip_address

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.config.settings import Dns
from acmedns_py.dns.ratelimit import RateLimit
from acmedns_py.dns.responder import Responder, Transport
from acmedns_py.dns.source import packed
from tests.dns.example import EMPTY, MANY, NOW, POLICY, TWO, Z, responder
from tests.dns.packets import AA, TC, ede, opt, option, query, read

LIMIT = 20
SECRET = bytes(range(16))


def source(address: str) -> bytes:
    return packed(ip_address(address).packed, 5300)


VICTIM = source("192.0.2.1")
NEIGHBOUR = source("192.0.2.200")
ELSEWHERE = source("198.51.100.1")


@pytest.fixture
def door() -> Responder:
    """A responder that gives one network 20 equal answers a second."""
    return responder(policy=replace(POLICY, responses_per_second=LIMIT))


def flags(octets: bytes) -> int:
    return read(octets).flags & (AA | TC)


def ask(door: Responder, octets: bytes, sender: bytes, *, transport=Transport.UDP, later=0.0) -> bytes:
    response = door.respond(octets, sender, transport, NOW._replace(monotonic=NOW.monotonic + later))
    assert response is not None, "silence"
    return response


def flood(door: Responder, octets: bytes, *, times: int = LIMIT) -> None:
    for _ in range(times):
        assert not flags(ask(door, octets, VICTIM)) & TC


@pytest.mark.parametrize(
    "edns", [None, opt(), opt(options=option(3))], ids=["without OPT", "with OPT", "with another option"]
)
def test_what_is_over_the_limit_is_slipped_not_dropped(door, edns):
    """Question and OPT under TC, no longer than the query; never silence (dns-correctness #72, #73)."""
    octets = query(f"{TWO}.{Z}", edns=edns)
    flood(door, octets)
    for _ in range(50):
        response = ask(door, octets, VICTIM)
        assert len(response) <= len(octets)
        message = read(response)
        assert (message.flags & TC, message.answer, message.edns) == (TC, [], -1 if edns is None else 0)
    assert door.counters()["rate_limited"] == 50


def test_a_network_is_limited_as_a_whole_and_alone(door):
    """A neighbour in the /24 shares the limit, and nobody else does (dns-correctness #72)."""
    octets = query(f"{TWO}.{Z}")
    flood(door, octets)
    assert flags(ask(door, octets, NEIGHBOUR)) & TC
    assert not flags(ask(door, octets, ELSEWHERE)) & TC
    assert not flags(ask(door, octets, source("192.0.3.1"))) & TC


def test_networks_of_ipv6_are_56_bits_long(door):
    """A forger with a whole /56 is one network, the next one is another."""
    octets = query(f"{TWO}.{Z}")
    for number in range(LIMIT):
        assert not flags(ask(door, octets, source(f"2001:db8:0:{number:x}::{number}"))) & TC
    assert flags(ask(door, octets, source("2001:db8:0:ff::1"))) & TC
    assert not flags(ask(door, octets, source("2001:db8:0:100::1"))) & TC


def test_other_names_have_limits_of_their_own(door):
    """What a CA asks of many names at once is many answers, not one (dns-correctness #72)."""
    flood(door, query(f"{TWO}.{Z}"))
    flood(door, query(Z, "SOA"))
    assert flags(ask(door, query(Z, "SOA"), VICTIM)) & TC


def test_letter_case_type_and_id_make_no_other_answer(door):
    """A forger can vary them without end."""
    for number in range(LIMIT):
        qname = "".join(c.upper() if number >> i % 5 & 1 else c for i, c in enumerate(f"{TWO}.{Z}"))
        assert not flags(ask(door, query(qname, ident=number), VICTIM)) & TC
    assert flags(ask(door, query(f"{TWO}.{Z}"), VICTIM)) & TC


@pytest.mark.parametrize(
    ("qname", "qtype"),
    [
        ("n{}." + Z, "TXT"),
        ("{}.example.com", "A"),
        ("x{}.sub." + Z, "A"),
        ("x{}.wild." + Z, "TXT"),
        (f"{EMPTY}.{Z}", "TYPE{}"),
    ],
    ids=["NXDOMAIN", "REFUSED", "referral", "wildcard", "NODATA"],
)
def test_answers_of_one_kind_without_data_are_one(door, qname, qtype):
    """Names and types are without end, so that there is no limit by them."""
    for number in range(LIMIT):
        octets = query(qname.format(number), 300 + number if qtype.startswith("TYPE") else qtype)
        assert not flags(ask(door, octets, VICTIM)) & TC
    assert flags(ask(door, query(qname.format(99), 999 if qtype.startswith("TYPE") else qtype), VICTIM)) & TC
    assert not flags(ask(door, query(f"{TWO}.{Z}"), VICTIM)) & TC


def test_tcp_is_never_limited(door):
    """Whoever finished a handshake is where it says (dns-correctness #72)."""
    octets = query(f"{TWO}.{Z}")
    flood(door, octets)
    assert flags(ask(door, octets, VICTIM)) & TC
    for _ in range(5 * LIMIT):
        assert not flags(ask(door, octets, VICTIM, transport=Transport.TCP)) & TC


def test_a_valid_cookie_is_never_limited(door):
    """The same for whoever has learned a cookie (RFC 7873 5.2.4; dns-correctness #72)."""
    learned = read(ask(door, query(Z, "SOA", edns=opt(options=option(10, b"12345678"))), VICTIM)).options[0]
    proven = query(f"{TWO}.{Z}", edns=opt(options=option(10, learned.client + learned.server)))
    flood(door, query(f"{TWO}.{Z}"))
    for _ in range(5 * LIMIT):
        assert not flags(ask(door, proven, VICTIM)) & TC
    assert flags(ask(door, query(f"{TWO}.{Z}"), VICTIM)) & TC
    assert dns.rcode.to_text(read(ask(door, proven, NEIGHBOUR)).rcode()) == "BADCOOKIE"


@pytest.mark.parametrize("server", [b"", bytes(16)], ids=["client's alone", "wrong"])
def test_without_a_valid_cookie_the_limit_teaches_one(door, server):
    """BADCOOKIE, without data, brings the cookie with which the next try is answered (RFC 7873 5.2.3)."""
    octets = query(f"{TWO}.{Z}", edns=opt(options=option(10, b"12345678" + server)))
    flood(door, octets)
    response = ask(door, octets, VICTIM)
    message = read(response)
    assert (dns.rcode.to_text(message.rcode()), message.flags & (AA | TC), message.answer) == ("BADCOOKIE", 0, [])
    assert ede(message) == 0
    learned = message.options[0]
    again = query(f"{TWO}.{Z}", edns=opt(options=option(10, learned.client + learned.server)))
    assert read(ask(door, again, VICTIM)).answer
    assert door.counters()["udp.BADCOOKIE"] == 1


@pytest.mark.parametrize(
    "edns",
    [None, opt(), opt(options=option(3)), opt(options=option(10, b"12345678")), opt(4000, flags=0x8000)],
    ids=["without OPT", "with OPT", "with NSID", "with a client's cookie", "with DO"],
)
def test_both_paths_slip_the_same(edns):
    """Octet for octet, whether the answer was made on the fast path or on the full one."""
    policy = replace(POLICY, responses_per_second=1, identity=b"ns1")
    names = [
        f"{TWO}.{Z}",
        f"{TWO.upper()}.{Z.upper()}",
        f"{EMPTY}.{Z}",
        f"nope.{Z}",
        f"{MANY}.{Z}",
        Z,
        f"www.{Z}",
        "x.test",
    ]
    for name in names:
        doors = [responder(policy=policy), responder(policy=policy)]
        doors[1]._fast = False
        octets = query(name, "TXT", edns=edns)
        for _ in range(3):
            assert ask(doors[0], octets, VICTIM) == ask(doors[1], octets, VICTIM)
        assert doors[0].counters() == doors[1].counters()
        assert doors[0].counters()["rate_limited"] == 2


def test_nothing_of_the_operator_s_makes_a_slipped_answer_longer():
    """An identity is told to who asks, but not to whom a forger may have asked for (dns-correctness #73)."""
    door = responder(policy=replace(POLICY, responses_per_second=1, identity=b"i" * 198))
    for options, most in ((option(3), 0), (option(3) + option(10, b"12345678"), 40)):
        for name in (f"{TWO}.{Z}", f"x.wild.{Z}"):
            octets = query(name, edns=opt(options=options))
            for _ in range(3):
                response = ask(door, octets, VICTIM)
            assert len(response) <= len(octets) + most


def test_a_proven_client_uses_up_nobody_s_limit(door):
    """Its neighbours in the network get as much as without it."""
    learned = read(ask(door, query(Z, "SOA", edns=opt(options=option(10, b"12345678"))), VICTIM)).options[0]
    proven = opt(options=option(10, learned.client + learned.server))
    for name in (f"{TWO}.{Z}", f"nope.{Z}", f"x.wild.{Z}"):
        for _ in range(5 * LIMIT):
            assert not flags(ask(door, query(name, edns=proven), VICTIM)) & TC
        for _ in range(LIMIT // 2):
            assert not flags(ask(door, query(name), NEIGHBOUR)) & TC


@pytest.mark.parametrize("workers", [1, 4])
def test_validation_by_a_ca_never_meets_the_limit(workers):
    """Five perspectives, three tries, TXT of 30 orders and CAA of each label, at a worker's share (dns-correctness #72)."""
    door = responder(policy=replace(POLICY, responses_per_second=Dns().rate_limit // workers))
    labels = f"_acme-challenge.www.shop.{Z}".split(".")
    asked = [query(f"{TWO}.{Z}", ident=order) for order in range(30)]
    asked += [query(".".join(labels[start:]), "CAA") for start in range(len(labels) - 2)]
    for perspective in range(5):
        for _ in range(3):
            for octets in asked:
                assert not read(ask(door, octets, source(f"203.0.{perspective}.53"))).flags & TC
    assert door.counters()["rate_limited"] == 0


def test_what_can_not_be_read_is_limited_too(door):
    """Errors are answers as well."""
    octets = query(Z, edns=opt(options=option(10, b"123")))
    for _ in range(LIMIT):
        ask(door, octets, VICTIM)
    assert flags(ask(door, octets, VICTIM)) & TC


def test_a_second_later_it_is_forgotten(door):
    """A limit is one of a second."""
    octets = query(f"{TWO}.{Z}")
    flood(door, octets)
    assert flags(ask(door, octets, VICTIM, later=0.9)) & TC
    assert not flags(ask(door, octets, VICTIM, later=1.0)) & TC


def test_a_truncated_answer_over_the_limit_stays_one(door):
    """A set that is too large for UDP anyway."""
    octets = query(f"{MANY}.{Z}")
    for _ in range(2 * LIMIT):
        assert flags(ask(door, octets, VICTIM)) & TC
    assert door.counters()["truncated"] == 2 * LIMIT


def test_zero_is_no_limit():
    """The operator may leave it to others."""
    open_door = responder()
    flood(open_door, query(f"{TWO}.{Z}"), times=2000)


@given(st.lists(st.tuples(st.sampled_from([VICTIM, NEIGHBOUR, ELSEWHERE]), st.sampled_from([b"a", b"b"]))))
def test_no_more_than_the_limit_pass_in_a_window(asked):
    """For each network and subject, in whatever order."""
    limit = RateLimit(3)
    passed: dict[tuple[bytes, bytes], int] = {}
    for sender, subject in asked:
        if not limit.exceeded(sender, subject, 5.0):
            key = (sender[4:7], subject)
            passed[key] = passed.get(key, 0) + 1
    assert all(count <= 3 for count in passed.values())
