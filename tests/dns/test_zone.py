"""What a look-up finds, what changes leave behind, and what can't be a zone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.challenges import Challenges
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.name import from_text
from acmedns_py.dns.presentation import parse_record
from acmedns_py.dns.rrset import RRset, txt_rdata
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.dns.zone import Alias, Hit, NoData, NxDomain, Referral, Unavailable, Zone, check_zone
from tests.dns.example import APEX, CHALLENGES, EMPTY, STATIC_LINES, TWO, rrsets

APEX_LINES = ["@ SOA ns1 hostmaster 0 21600 3600 604800 60", "@ NS ns1", "ns1 A 192.0.2.53"]


def at(text: str) -> bytes:
    return from_text(f"{text}.auth.example.org") if text != "@" else APEX


def zone(lines: list[str], challenges: dict[bytes, tuple[bytes, ...]] | None = None) -> Zone:
    live = Challenges(APEX, 1)
    live.load(ChallengeTable(APEX, CHALLENGES if challenges is None else challenges))
    made = Zone(APEX, live)
    made.load(1, rrsets([*APEX_LINES, *lines]))
    return made


def test_wildcard_never_stands_in_for_a_registered_name():
    """`*` at the apex answers other names, but not a challenge name, with values or without, nor what is below it."""
    made = zone(["* TXT any", "* A 192.0.2.1"])
    assert isinstance(made.lookup(at("other"), RRType.TXT), Hit)
    assert made.lookup(at(EMPTY), RRType.TXT) == NoData()
    assert made.lookup(at(EMPTY), RRType.A) == NoData()
    assert made.lookup(at(TWO), RRType.A) == NoData()
    assert made.lookup(at(f"x.{TWO}"), RRType.TXT) == NxDomain()
    assert made.lookup(at(TWO), RRType.TXT) == Hit(
        RRset(at(TWO), RRType.TXT, 1, tuple(map(txt_rdata, CHALLENGES[at(TWO)])))
    )


@pytest.mark.parametrize("line", ["TXT static", "CNAME web", "NS ns1", "A 192.0.2.1"])
def test_static_data_hide_no_challenge(line):
    """A static RRset at a challenge name leaves its TXT set, and its being empty, as they are."""
    made = zone([f"{TWO} {line}", f"{EMPTY} {line}"])
    found = made.lookup(at(TWO), RRType.TXT)
    assert isinstance(found, Hit)
    assert found.rrset.rdatas == tuple(map(txt_rdata, CHALLENGES[at(TWO)]))
    assert made.lookup(at(EMPTY), RRType.TXT) == NoData()


def test_static_data_of_other_types_stand_beside_a_challenge():
    """What does not concern the challenge is answered."""
    found = zone([f"{TWO} A 192.0.2.1"]).lookup(at(TWO), RRType.A)
    assert isinstance(found, Hit)
    assert found.rrset.rdatas == (b"\xc0\0\2\1",)


def test_stale_challenge_data_decide_nothing():
    """Neither yes nor no is said where a challenge may have come or gone; the rest goes on (dns-correctness #33)."""
    made = zone(["a.b A 192.0.2.1", "*.wild TXT any", "sub NS ns.example.net."])
    made.stale = True
    for name in (TWO, EMPTY, "unknown", f"x.{TWO}", "x.unknown"):
        assert made.lookup(at(name), RRType.TXT) == Unavailable()
    assert made.lookup(at("x.b"), RRType.TXT) == NxDomain()
    assert made.lookup(at("b"), RRType.TXT) == NoData()
    assert isinstance(made.lookup(at("x.wild"), RRType.TXT), Hit)
    assert isinstance(made.lookup(APEX, RRType.SOA), Hit)
    assert isinstance(made.lookup(at("x.sub"), RRType.A), Referral)


def test_highest_delegation_wins():
    """A cut below another cut is not ours to see."""
    made = zone(["sub NS ns.example.net.", "deep.sub NS other.example.net."])
    found = made.lookup(at("x.deep.sub"), RRType.A)
    assert isinstance(found, Referral)
    assert found.ns.owner == at("sub")


def test_alias_gives_its_target_folded():
    """The target is looked up next, so it comes as names are compared."""
    found = zone(["www CNAME WeB"]).lookup(at("www"), RRType.A)
    assert isinstance(found, Alias)
    assert found.target == at("web")
    assert found.rrset.rdatas == (b"\x03WeB" + APEX,)


@pytest.mark.parametrize(("ttl", "minimum", "expected"), [(3600, 60, 60), (30, 60, 30), (60, 60, 60)])
def test_negative_ttl_is_the_lower_of_soa_ttl_and_minimum(ttl, minimum, expected):
    """RFC 2308 5; dns-correctness #23."""
    made = Zone(APEX, Challenges(APEX, 1))
    made.load(1, rrsets([f"@ {ttl} SOA ns1 h 0 1 1 1 {minimum}"]))
    assert made.negative_soa().ttl == expected


def test_serial_is_the_low_half_of_the_cursor():
    """A 64-bit cursor has a 32-bit serial; the rest of the SOA stays."""
    made = zone([])
    made.number(0x1_8000_0001)
    (rdata,) = made.negative_soa().rdatas
    assert int.from_bytes(rdata[-20:-16], "big") == 0x8000_0001
    assert rdata[-16:] == b"".join(number.to_bytes(4, "big") for number in (21600, 3600, 604800, 60))


OWNERS = ["a", "b", "a.b", "c.a.b", "x.y.z", "*.b", "z", "y.z", "q.w.e.r"]
STEPS = st.lists(st.tuples(st.sampled_from(OWNERS), st.sampled_from(["A", "TXT", "NS"]), st.booleans()), max_size=30)


@given(STEPS)
def test_changes_one_by_one_leave_the_zone_that_a_load_makes(steps):
    """Names between names come and go with what is below them, whatever the order (dns-correctness #22)."""
    data = {"A": "192.0.2.1", "TXT": "text", "NS": "ns.example.net."}
    changed = zone([])
    kept: dict[tuple[str, str], RRset] = {}
    for owner, rrtype, there in steps:
        rrset = parse_record(f"{owner} {rrtype} {data[rrtype]}", origin=APEX, default_ttl=300)
        changed.put(rrset.owner, rrset.rrtype, rrset if there else None)
        if there:
            kept[owner, rrtype] = rrset
        else:
            kept.pop((owner, rrtype), None)
    loaded = Zone(APEX, changed.challenges)
    loaded.load(1, [*rrsets(APEX_LINES), *kept.values()])
    assert changed.nodes == loaded.nodes
    for owner in [*OWNERS, "b.b", "w.e.r", "e.r", "r", "n.x.y.z"]:
        for rrtype in (RRType.A, RRType.TXT, RRType.NS):
            assert changed.lookup(at(owner), rrtype) == loaded.lookup(at(owner), rrtype)


def test_data_outside_the_zone_are_refused():
    """Neither a load nor a change takes them."""
    made = zone([])
    with pytest.raises(ValueError, match=r"example\.com\. is outside"):
        made.put(from_text("example.com"), 1, RRset(from_text("example.com"), 1, 1, (b"abcd",)))


def test_zone_without_soa_is_refused():
    """No negative answer could be given."""
    with pytest.raises(ValueError, match="no SOA"):
        Zone(APEX, Challenges(APEX, 1)).load(1, rrsets(["@ NS ns1"]))


def test_root_is_no_zone():
    """There is nothing that it could be delegated from."""
    with pytest.raises(ValueError, match="root"):
        Zone(b"\0", Challenges(APEX, 1))


def test_example_zone_has_no_problem():
    """The zone of the exam passes its own check."""
    assert check_zone(rrsets(STATIC_LINES), APEX) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["web DS 1 13 4 " + "00" * 48], "web.auth.example.org. DS: a DS belongs to a delegation"),
        (["* NS ns1"], "*.auth.example.org. NS: a wildcard can't be delegated"),
        (["@ NS ns9"], "auth.example.org. NS: ns9.auth.example.org. has no A or AAAA"),
        (["@ NS www", "www CNAME web", "web A 192.0.2.1"], "auth.example.org. NS: www.auth.example.org. is a CNAME"),
        (["sub NS ns.sub"], "sub.auth.example.org. NS: ns.sub.auth.example.org. has no A or AAAA"),
        (["sub NS ns.example.net.", "x.sub TXT a"], "x.sub.auth.example.org. TXT: never answered"),
        (["sub NS ns.example.net.", "sub TXT a"], "sub.auth.example.org. TXT: never answered"),
        (
            [f'big TXT {" ".join([chr(34) + "x" * 255 + chr(34)] * 255)} "{number}"' for number in range(2)],
            "big.auth.example.org. TXT: the set is too large",
        ),
    ],
)
def test_what_can_not_be_a_zone_is_named(lines, problem):
    """Each problem is a line with owner and type."""
    found = check_zone(rrsets([*APEX_LINES, *lines]), APEX)
    assert any(line.startswith(problem) for line in found), found


def test_glue_below_a_delegation_is_no_problem():
    """Addresses below a cut are what referrals are made of."""
    assert check_zone(rrsets([*APEX_LINES, "sub NS ns.sub", "ns.sub A 192.0.2.1", "other.sub AAAA ::1"]), APEX) == []
