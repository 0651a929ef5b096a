"""The door: silence, life of the data, counters, and that nothing brings it down."""

from ipaddress import ip_address

import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns.name import from_text
from acmedns_py.dns.responder import Responder, Transport
from acmedns_py.dns.source import packed
from acmedns_py.dns.table import ChallengeTable
from tests.conformance.exam import CASES
from tests.dns.example import (
    A43,
    APEX,
    CHALLENGES,
    CURSOR,
    EMPTY,
    LONG,
    NOW,
    POLICY,
    SOURCE,
    STATIC_LINES,
    TWO,
    Z,
    ask,
    responder,
    rrsets,
)
from tests.dns.packets import ede, lines, message, opt, query, question, read, without_server_cookie

SOA_QUERY = query(Z, "SOA")


def rcode(octets: bytes) -> str:
    return dns.rcode.to_text(read(octets).rcode())


def serial(door: Responder) -> int:
    return read(ask(door, SOA_QUERY)).answer[0][0].serial


@pytest.mark.parametrize("source", [packed(bytes(4), 0), packed(bytes(16), 0)])
def test_port_0_gets_silence(source):
    """No answer can go there (dns-correctness #73)."""
    door = responder()
    assert door.respond(SOA_QUERY, source, Transport.UDP, NOW) is None
    assert door.counters()["silent"] == 1


@pytest.mark.parametrize(
    "source",
    [
        packed(bytes((192, 0, 2, 1)), 5),
        packed(ip_address("2001:db8::1").packed, 53),
        packed(ip_address("::ffff:192.0.2.1").packed, 53),
        packed(ip_address("fe80::1").packed, 9),
    ],
)
def test_answers_do_not_depend_on_the_source(source):
    """IPv4, IPv6 and mapped clients get the same octets, but for the cookie (dns-correctness #50, #85)."""
    door = responder()
    for case in CASES:
        for transport in Transport:
            theirs = door.respond(case.query, source, transport, NOW)
            assert without_server_cookie(theirs) == without_server_cookie(
                door.respond(case.query, SOURCE, transport, NOW)
            )


def test_before_load_names_in_the_zone_get_servfail():
    """Nothing is known yet, so nothing is denied; foreign names are foreign already (dns-correctness #33)."""
    door = Responder(apex=APEX, txt_ttl=1, policy=POLICY)
    response = read(ask(door, query(f"{TWO}.{Z}", edns=opt())))
    assert (dns.rcode.to_text(response.rcode()), response.flags & 0x0400, ede(response)) == ("SERVFAIL", 0, 14)
    assert not response.answer
    assert not response.authority
    assert rcode(ask(door, SOA_QUERY)) == "SERVFAIL"
    assert rcode(ask(door, query("example.com", "A"))) == "REFUSED"
    assert door.cursor is None


def test_stale_data_get_servfail_and_static_data_go_on():
    """While told so, challenge names and unknown names are neither affirmed nor denied (dns-correctness #33)."""
    door = responder()
    door.stale = True
    for qname in (f"{TWO}.{Z}", f"{EMPTY}.{Z}", f"nope.{Z}", f"to-two.{Z}", f"dangling.{Z}"):
        response = read(ask(door, query(qname, edns=opt())))
        assert (dns.rcode.to_text(response.rcode()), response.flags & 0x0400, ede(response)) == ("SERVFAIL", 0, 22)
        assert not response.answer
        assert not response.authority
    assert rcode(ask(door, SOA_QUERY)) == "NOERROR"
    assert rcode(ask(door, query(f"www.{Z}", "A"))) == "NOERROR"
    door.apply(CURSOR + 1, challenges=[(from_text(f"new.{Z}"), (b"v",))], static=[])
    assert rcode(ask(door, query(f"new.{Z}"))) == "SERVFAIL"
    door.stale = False
    assert rcode(ask(door, query(f"new.{Z}"))) == "NOERROR"
    assert rcode(ask(door, query(f"nope.{Z}"))) == "NXDOMAIN"


def test_registered_name_is_nodata_from_its_change_on():
    """Unknown, registered, with a value, cleared, deleted: each from the next query on (dns-correctness #21, #82)."""
    door = responder()
    owner, asked = from_text(f"new.{Z}"), query(f"new.{Z}")
    seen = []
    for step, values in enumerate((None, (), (b"v",), (b"v", b"w", b"v"), (), None), start=1):
        door.apply(CURSOR + step, challenges=[(owner, values)], static=[])
        octets = ask(door, asked)
        response = read(octets)
        assert int.from_bytes(octets[6:8], "big") == len(lines(response.answer)), "one record twice"
        seen.append((dns.rcode.to_text(response.rcode()), lines(response.answer), len(response.authority)))
    assert seen == [
        ("NXDOMAIN", [], 1),
        ("NOERROR", [], 1),
        ("NOERROR", [f'new.{Z}. 1 TXT "v"'], 0),
        ("NOERROR", [f'new.{Z}. 1 TXT "v"', f'new.{Z}. 1 TXT "w"'], 0),
        ("NOERROR", [], 1),
        ("NXDOMAIN", [], 1),
    ]


def test_static_records_change_with_the_rest():
    """A static RRset comes, changes and goes in one commit with challenges."""
    door = responder()
    (rrset,) = rrsets(["p.q A 192.0.2.44"])
    door.apply(CURSOR + 1, challenges=[], static=[(rrset.owner, 1, rrset)])
    assert lines(read(ask(door, query(f"p.q.{Z}", "A"))).answer) == [f"p.q.{Z}. 300 A 192.0.2.44"]
    assert rcode(ask(door, query(f"q.{Z}", "A"))) == "NOERROR"
    door.apply(CURSOR + 2, challenges=[], static=[(rrset.owner, 1, None)])
    assert rcode(ask(door, query(f"p.q.{Z}", "A"))) == "NXDOMAIN"
    assert rcode(ask(door, query(f"q.{Z}", "A"))) == "NXDOMAIN"


def test_serial_follows_the_cursor():
    """The SOA serial is the cursor's low half, also after the SOA itself was replaced (dns-correctness #35)."""
    door = responder()
    assert serial(door) == CURSOR & 0xFFFFFFFF
    door.apply(CURSOR + 1, challenges=[], static=[])
    assert serial(door) == (CURSOR + 1) & 0xFFFFFFFF
    (soa,) = rrsets(["@ 60 SOA ns2 hostmaster 0 21600 3600 604800 30"])
    door.apply(2**33 + 7, challenges=[], static=[(APEX, 6, soa)])
    assert serial(door) == 7
    assert door.cursor == 2**33 + 7


@pytest.mark.parametrize("cursor", [CURSOR, CURSOR - 1, 0])
def test_change_that_does_not_follow_is_refused_and_changes_nothing(cursor):
    """Changes come in the order of their cursors, each once."""
    door = responder()
    with pytest.raises(ValueError, match="can't follow"):
        door.apply(cursor, challenges=[(from_text(f"{TWO}.{Z}"), None)], static=[])
    assert len(read(ask(door, query(f"{TWO}.{Z}"))).answer[0]) == 2


def test_change_before_load_is_refused():
    """There is nothing to change."""
    with pytest.raises(ValueError, match="can't follow None"):
        Responder(apex=APEX, txt_ttl=1, policy=POLICY).apply(1, challenges=[], static=[])


@pytest.mark.parametrize("owner", [f"a.b.{Z}", Z, "new.example.com"])
def test_challenge_that_is_not_below_the_apex_is_refused(owner):
    """Half a change is never answered from: SERVFAIL until a whole snapshot is loaded."""
    door = responder()
    with pytest.raises(ValueError, match="not directly below"):
        door.apply(CURSOR + 1, challenges=[(from_text(owner), ())], static=[])
    assert rcode(ask(door, SOA_QUERY)) == "SERVFAIL"
    door.load(CURSOR + 2, rrsets(STATIC_LINES), ChallengeTable(APEX, CHALLENGES))
    assert serial(door) == (CURSOR + 2) & 0xFFFFFFFF


@pytest.mark.parametrize(
    "challenges",
    [
        ChallengeTable(APEX, {from_text(f"a.b.{Z}"): ()}),
        ChallengeTable(from_text("example.com"), {from_text("a.example.com"): ()}),
    ],
)
def test_challenges_of_elsewhere_are_not_loaded(challenges):
    """Neither a name further down nor the names of another zone: SERVFAIL until a whole snapshot is loaded."""
    door = responder()
    with pytest.raises(ValueError, match=r"not directly below|are not those of"):
        door.load(CURSOR + 1, rrsets(STATIC_LINES), challenges)
    assert rcode(ask(door, SOA_QUERY)) == "SERVFAIL"


def test_load_replaces_everything():
    """A second snapshot leaves nothing of the first."""
    door = responder()
    ask(door, query(f"www.{Z}", "A"))
    door.load(CURSOR + 1, rrsets(["@ SOA ns1 h 0 1 1 1 60"]), ChallengeTable(APEX))
    assert rcode(ask(door, query(f"www.{Z}", "A"))) == "NXDOMAIN"
    assert rcode(ask(door, query(f"{TWO}.{Z}"))) == "NXDOMAIN"


def test_long_text_is_cut_at_255_octets_and_whole():
    """Any octets come back once the strings are joined (dns-correctness #32)."""
    response = read(ask(responder(), query(f"{LONG}.{Z}", edns=opt())))
    strings = response.answer[0][0].strings
    assert [len(string) for string in strings] == [255, 5]
    assert b"".join(strings) == CHALLENGES[from_text(f"{LONG}.{Z}")][0]


def test_counters_tell_responses_by_transport_and_rcode():
    """Both paths count, silence and TC too."""
    door = responder()
    ask(door, query(f"{TWO}.{Z}"))
    ask(door, query(f"{TWO}.{Z}", "ANY"))
    ask(door, query(f"nope.{Z}"), Transport.TCP)
    ask(door, query("example.com"))
    ask(door, query(f"big.{Z}"))
    ask(door, query(Z, edns=opt(version=1)))
    assert door.respond(b"", SOURCE, Transport.UDP, NOW) is None
    counted = {key: count for key, count in door.counters().items() if count}
    assert counted == {
        "udp.NOERROR": 3,
        "tcp.NXDOMAIN": 1,
        "udp.REFUSED": 1,
        "udp.BADVERS": 1,
        "truncated": 1,
        "silent": 1,
    }


def test_response_that_the_network_refused_is_truncated_and_counted():
    """EMSGSIZE becomes TC (dns-correctness #47)."""
    door = responder()
    response = read(door.truncated(ask(door, query(f"{TWO}.{Z}", edns=opt()))))
    assert (response.flags & 0x0200, len(response.answer), response.edns) == (0x0200, 0, 0)
    assert door.counters()["truncated"] == 1


@pytest.mark.parametrize("broken", ["acmedns_py.dns.answer.wire.parse", "acmedns_py.dns.zone.Zone.lookup"])
def test_fault_of_ours_is_servfail_for_this_query_alone(monkeypatch, broken):
    """An exception that nobody foresaw costs one query and is counted."""
    door = responder()
    octets = query(f"{TWO}.{Z}", "ANY", edns=opt())

    def fail(*_args: object) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr(broken, fail)
        response = read(ask(door, octets))
    assert (dns.rcode.to_text(response.rcode()), response.id) == ("SERVFAIL", 0xBEEF)
    assert door.counters()["internal_errors"] == 1
    assert rcode(ask(door, octets)) == "NOERROR"


MUTATED = st.builds(
    lambda octets, position, replacement, length: octets[:position] + replacement + octets[position + length :],
    st.sampled_from([case.query for case in CASES]),
    st.integers(0, 60),
    st.binary(max_size=4),
    st.integers(0, 4),
)
DOOR = responder()


@settings(max_examples=1000)
@given(st.one_of(st.binary(max_size=100), MUTATED, MUTATED, MUTATED), st.sampled_from(Transport))
def test_any_octets_get_a_message_or_silence(octets, transport):
    """Nothing that comes in raises, and what goes out another implementation can read."""
    response = DOOR.respond(octets, SOURCE, transport, NOW)
    if response is not None:
        assert response[:2] == octets[:2]
        assert read(response).flags & 0x8000
    assert DOOR.counters()["internal_errors"] == 0


def test_values_need_not_be_text():
    """A value of any octets is answered as it is."""
    door = responder(challenges={from_text(f"n.{Z}"): (b"\0\xff", A43.encode())})
    response = read(ask(door, message(question(f"n.{Z}"))))
    assert response.answer[0][0].strings == (b"\0\xff",)
