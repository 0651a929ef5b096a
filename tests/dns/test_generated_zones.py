"""Any zone: its look-ups say what the RFCs say, stale data decide nothing, and both paths send the same octets."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns.challenges import Challenges
from acmedns_py.dns.responder import Responder, Transport
from acmedns_py.dns.rrset import txt_rdata
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.dns.zone import Alias, Hit, NoData, NxDomain, Outcome, Referral, Unavailable, Zone
from tests.dns import wellformed
from tests.dns.example import APEX, CURSOR, NOW, POLICY, SOURCE, full_path
from tests.dns.oracle import answer, data_of, path
from tests.dns.zones import ASKED_TYPES, CHALLENGE_LABELS, ZONES, Generated, below, qnames, queries


def loaded(generated: Generated) -> Zone:
    challenges = Challenges(APEX, 1)
    challenges.load(ChallengeTable(APEX, generated.challenges))
    zone = Zone(APEX, challenges)
    zone.load(0, generated.static)
    return zone


def said(outcome: Outcome, qtype: int) -> tuple[object, ...]:
    """Give an outcome in the oracle's words."""
    match outcome:
        case Hit(rrset):
            return "Hit", None if qtype == 255 else rrset.rdatas
        case Alias(_, target):
            return "Alias", path(target)
        case Referral(ns, _, _):
            return "Referral", path(ns.owner)
        case NoData() | NxDomain() | Unavailable():
            return (type(outcome).__name__,)


def check_look_ups(zone: Zone, generated: Generated, asked: list[bytes]) -> None:
    """Compare every type at every name with what the oracle makes of the list."""
    rdatas = {owner: dict.fromkeys(map(txt_rdata, texts)) for owner, texts in generated.challenges.items()}
    model = data_of(generated.static, rdatas)
    for qname, qtype in product(asked, ASKED_TYPES):
        outcome = zone.lookup(qname, qtype)
        assert said(outcome, qtype) == answer(qname, qtype, APEX, model), (qname, qtype)
        if isinstance(outcome, Hit | Alias):
            assert outcome.rrset.owner == qname


@settings(max_examples=250)
@given(st.data())
def test_a_look_up_says_what_the_rfcs_say(data):
    """RFC 1034 4.3.2 and RFC 4592, written down without a tree, agree for every zone, before and after RRsets go."""
    generated = data.draw(ZONES)
    zone = loaded(generated)
    asked = [*generated.names, *data.draw(st.lists(qnames(generated), min_size=1, max_size=8))]
    check_look_ups(zone, generated, asked)
    gone = data.draw(st.sets(st.sampled_from(generated.static[1:]), max_size=3))
    for rrset in gone:
        zone.put(rrset.owner, rrset.rrtype, None)
    check_look_ups(zone, generated._replace(static=[left for left in generated.static if left not in gone]), asked)


@settings(max_examples=150)
@given(st.data())
def test_what_is_said_while_stale_holds_whatever_challenges_there_are(data):
    """An answer given while challenge data may be old is the same with any others (dns-correctness #33)."""
    generated = data.draw(ZONES)
    zone = loaded(generated)
    zone.stale = True
    fixed = set(zone.nodes)
    labels = data.draw(st.lists(CHALLENGE_LABELS, max_size=3))
    others = {owner: (b"another",) for owner in map(below, [[label] for label in labels]) if owner not in fixed}
    kept = {owner: texts for owner, texts in generated.challenges.items() if owner in fixed}
    elsewhere = loaded(generated._replace(challenges={**kept, **others}))
    for qname, qtype in product(data.draw(st.lists(qnames(generated), min_size=1, max_size=8)), ASKED_TYPES):
        outcome = zone.lookup(qname, qtype)
        if outcome != Unavailable():
            assert outcome == elsewhere.lookup(qname, qtype), (qname, qtype)


CHANGES = st.tuples(st.integers(0, 9), st.sampled_from([None, (), (b"changed",), (b"one", b"x" * 600)]))


@settings(max_examples=120)
@given(st.data())
def test_both_paths_send_the_same_octets_for_any_zone(data):
    """Whatever zone, names and changes chance makes, in whatever order; and each answer is well formed."""
    generated = data.draw(ZONES)
    door = Responder(apex=APEX, txt_ttl=1, policy=POLICY)
    door.load(CURSOR, generated.static, ChallengeTable(APEX, generated.challenges))
    owners = [*generated.challenges, below([b"unknown"])]
    for _ in range(data.draw(st.integers(1, 3))):
        for octets, transport in data.draw(
            st.lists(st.tuples(queries(generated), st.sampled_from(Transport)), min_size=1, max_size=8)
        ):
            for _ in range(2):
                response = door.respond(octets, SOURCE, transport, NOW)
                assert response == full_path(door, octets, transport)
            wellformed.check(octets, response, transport)
        number, values = data.draw(CHANGES)
        rrset = data.draw(st.sampled_from(generated.static[1:]))
        taken_out = data.draw(st.booleans())
        door.apply(
            door.cursor + 1,
            challenges=[(owners[number % len(owners)], values)],
            static=[(rrset.owner, rrset.rrtype, None if taken_out else rrset)],
        )
    assert door.counters()["internal_errors"] == 0
