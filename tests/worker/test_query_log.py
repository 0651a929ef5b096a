"""Notes of queries: which are taken, that they are bounded, and that no answer changes by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.codes import RRType
from acmedns_py.dns.message import Transport
from acmedns_py.feed.frames import MOST_NOTED, NotedQuery
from acmedns_py.worker.query_log import QueryLog
from tests.conformance.exam import CASES
from tests.dns.example import APEX, NOW, SOURCE, TWO, Z, responder
from tests.dns.packets import opt, query, without_server_cookie

RULES = ("off", "errors", "names", "1/1", "1/3")


def log(rule):
    """The core of the exam with a rule."""
    made = QueryLog(responder(), APEX)
    made.note(rule)
    return made


def asked(made, *questions, transport=Transport.UDP):
    """Ask, and give the names and types that were noted."""
    for octets in questions:
        made.respond(octets, SOURCE, transport, NOW)
    return [(one.question[:-4], int.from_bytes(one.question[-4:-2], "big"), one.rcode) for one in made.taken()]


HIT = query(f"{TWO}.{Z}")
DENIED = query(f"nobody.{Z}")
FOREIGN = query("www.example.net", "A")


@pytest.mark.parametrize(
    ("rule", "rcodes"),
    [("off", []), ("errors", [5]), ("names", [0, 3]), ("1/1", [0, 3, 5]), ("1/2", [0, 5]), ("1/1000000", [0])],
)
def test_rule_chooses(rule, rcodes):
    """A hit, a name that does not exist and a foreign name, in this order."""
    assert [rcode for *_, rcode in asked(log(rule), HIT, DENIED, FOREIGN)] == rcodes


def test_a_code_that_has_bits_in_opt_is_read_whole():
    """EDNS of a version that nobody knows gets BADVERS, whose lower bits are NOERROR's."""
    unknown_version = query(f"{TWO}.{Z}", edns=opt(version=1))
    assert [rcode for *_, rcode in asked(log("1/1"), unknown_version, query(f"{TWO}.{Z}", edns=opt()))] == [16, 0]
    assert [rcode for *_, rcode in asked(log("errors"), unknown_version)] == [16]
    assert asked(log("names"), unknown_version) == []


def test_note_has_what_was_asked_as_it_was_asked():
    """The case of the letters, source, transport and time; no record."""
    made = log("1/1")
    mixed = HIT.replace(b"auth", b"aUtH")
    made.respond(mixed, SOURCE, Transport.TCP, NOW)
    end = mixed.index(0, 12) + 5
    assert made.taken() == (NotedQuery(NOW.unix, SOURCE, True, mixed[12:end], 0),)
    assert made.taken() == ()


def test_names_are_those_below_the_apex():
    """Whatever type was asked, however deep and whether or not it exists; not the apex, nor a name that looks alike."""
    deeper = query(f"_acme-challenge.{TWO}.{Z}", "A")
    alike, version = query(f"x{Z}"), query("version.bind", "TXT", qclass=3)
    noted = asked(log("names"), HIT, query(Z, "SOA"), deeper, DENIED, alike, version)
    assert [(kind, rcode) for _, kind, rcode in noted] == [(RRType.TXT, 0), (RRType.A, 3), (RRType.TXT, 3)]


def test_name_with_a_zero_octet_is_noted_whole():
    """A label holds any octets (RFC 2181 11), and where one is zero the name does not end."""
    odd = query(b"\3a\0b" + APEX)
    for rule in ("names", "1/1"):
        made = log(rule)
        made.respond(odd, SOURCE, Transport.UDP, NOW)
        assert [one.question for one in made.taken()] == [odd[12:]], rule


def test_notes_are_bounded_and_the_rest_is_counted():
    """Until they are fetched; then there is room again."""
    made = log("1/1")
    assert len(asked(made, *[HIT] * (MOST_NOTED + 7))) == MOST_NOTED
    assert made.unlogged == 7
    assert len(asked(made, HIT)) == 1


@pytest.mark.parametrize("rule", RULES)
def test_no_answer_changes_by_it(rule):
    """Every row of the exam, over both transports."""
    made, plain = log(rule), responder()
    for case in CASES:
        for transport in Transport:
            got = made.respond(case.query, SOURCE, transport, NOW)
            expected = plain.respond(case.query, SOURCE, transport, NOW)
            assert (got is None) == (expected is None), case.title
            if got is not None and expected is not None:
                assert without_server_cookie(got) == without_server_cookie(expected), case.title


@given(st.binary(max_size=600), st.sampled_from(RULES))
def test_any_octets_make_a_note_or_none_and_never_an_exception(octets, rule):
    """A note is what the feed carries."""
    made = log(rule)
    made.respond(octets, SOURCE, Transport.UDP, NOW)
    assert all(len(one.question) <= 259 for one in made.taken())
