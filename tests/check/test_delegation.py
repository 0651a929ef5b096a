"""One broken zone for each finding about delegation and name servers: exactly that finding, and none in a sound one.

Each zone is below org and has two name servers: `good`, an NSD, and `bad`, which is where the fault is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.check.internet import FIRST, LAME, OWNER, PROVIDERS, SECOND, ZONE
from tests.check.lab import REPOSITORY, SIGNED, Lab
from tests.check.middlebox import FAULTS
from tests.check.puppet import BEHAVIOURS
from tests.check.signed import signed
from tests.lab.layouts import SERVER
from tests.lab.nameserver import NameServer, cut, glue
from tests.lab.unbound import start_unbound
from tests.lab.zones import ROOT, ROOT_ZONE

GOOD = "45.33.5.1"
GOOD_V6 = "2600:3c00:5::1"
LAGGING = "45.33.5.2"
RECURSOR = "45.33.5.3"
NOBODY = "45.33.5.4"
ROUTER = "45.33.5.5"
UNROUTED = "2600:3c00:ffff::1"
UNREACHABLE = "2600:3c00:ffff::2"
"""To the one no way leads from this host, to the other a router knows none."""

PRIVATE = "10.20.30.40"
OWN_ROOT = "10.20.30.41"
BOXES = {fault: f"45.33.5.{number}" for number, fault in enumerate(FAULTS, 10)}

ALWAYS = {"above-unsigned"}
"""org is not signed."""


def servers(zone: str, bad: Sequence[str]) -> dict[str, Sequence[str]]:
    """Give the two name servers of a zone."""
    return {f"good.{zone}": (GOOD,), f"bad.{zone}": bad}


# By zone: where its second name server stands, and what is found; zone and zone above agree on it.
ADDRESSES: dict[str, tuple[Sequence[str], set[str]]] = {
    "sound.org": ((GOOD_V6,), set()),
    "silent.org": ((NOBODY,), {"ns-silent"}),
    "unrouted.org": ((GOOD_V6, UNROUTED), {"ns-not-tested"}),
    "unreachable.org": ((GOOD_V6, UNREACHABLE), {"ns-silent"}),
    "private.org": ((PRIVATE,), {"ns-private"}),
    "lamer.org": ((SECOND[0],), {"ns-lame"}),
    "recursor.org": ((RECURSOR,), {"ns-recursor"}),
    "lagging.org": ((LAGGING,), {"serial-differs"}),
    "catches-up.org": ((BOXES["catches-up"],), set()),
    "two-serials.org": ((BOXES["two-serials"],), {"serial-varies"}),
    "only-tcp.org": ((BOXES["only-tcp"],), {"ns-no-udp"}),
    "only-udp.org": ((BOXES["only-udp"],), {"ns-no-tcp"}),
    "garbage.org": ((BOXES["garbage"],), {"ns-unreadable"}),
    "no-edns.org": ((BOXES["no-edns"],), {"ns-no-edns"}),
    "no-edns-512.org": ((BOXES["no-edns-512"],), {"ns-edns-512"}),
    "only-edns.org": ((BOXES["only-edns"],), {"ns-edns-only"}),
    "lower-case.org": ((BOXES["lower-case"],), {"ns-case"}),
    "other-source.org": ((BOXES["other-source"],), {"ns-other-source"}),
}

NAMELESS = "nothing.example.org"
POINTER = "pointer.example.org"

# By zone: its delegation in org, its own NS records, and what is found.
DELEGATIONS: dict[str, tuple[Sequence[str], Sequence[str], set[str]]] = {
    "missing.org": ((), (), {"delegation-missing"}),
    "alias.org": (("alias.org. CNAME www.example.org.",), (), {"delegation-alias"}),
    "fewer.org": (
        cut("fewer.org", {"good.fewer.org": (GOOD,)}),
        cut("fewer.org", servers("fewer.org", (GOOD_V6,))),
        {"ns-set-differs", "ns-single"},
    ),
    "single.org": (
        cut("single.org", {"good.single.org": (GOOD,)}),
        cut("single.org", {"good.single.org": (GOOD,)}),
        {"ns-single"},
    ),
    "pointed.org": (
        cut("pointed.org", {"good.pointed.org": (GOOD,), POINTER: ()}),
        cut("pointed.org", {"good.pointed.org": (GOOD,), POINTER: ()}),
        {"ns-alias"},
    ),
    "nameless.org": (
        cut("nameless.org", {"good.nameless.org": (GOOD,), NAMELESS: ()}),
        cut("nameless.org", {"good.nameless.org": (GOOD,), NAMELESS: ()}),
        {"ns-no-address"},
    ),
    # No way leads to the servers that know the address of this one.
    "hidden.org": (
        cut("hidden.org", {"good.hidden.org": (GOOD,), "www.farthest.org": ()}),
        cut("hidden.org", {"good.hidden.org": (GOOD,), "www.farthest.org": ()}),
        {"ns-address-not-tested"},
    ),
    "lost.org": (cut("lost.org", {NAMELESS: ()}), (), {"no-server-found", "ns-single"}),
    "moved.org": (
        cut("moved.org", {"good.moved.org": (GOOD,), "bad.moved.org": (GOOD_V6,)}),
        cut("moved.org", {"good.moved.org": (GOOD,), "bad.moved.org": (LAGGING,)}),
        {"glue-differs"},
    ),
    "lacking.org": (
        cut("lacking.org", {"good.lacking.org": (GOOD,), "bad.lacking.org": (GOOD,)}),
        cut("lacking.org", {"good.lacking.org": (GOOD,), "bad.lacking.org": (GOOD, GOOD_V6)}),
        {"glue-incomplete"},
    ),
    "bogus.org": (
        [*cut("bogus.org", servers("bogus.org", (GOOD_V6,))), f"bogus.org. DS 12345 13 2 {'AB' * 32}"],
        cut("bogus.org", servers("bogus.org", (GOOD_V6,))),
        {"ds-unsigned"},
    ),
    "dead.org": (
        cut("dead.org", servers("dead.org", ()) | {"good.dead.org": (NOBODY,), "bad.dead.org": (NOBODY,)}),
        (),
        {"ns-silent", "no-server-answers"},
    ),
}

# The zone above in the hands of two servers that do not agree.
RECORDS = cut("uneven.example.org", {"good.uneven.example.org": (GOOD,)})
SECOND_RECORDS = cut("uneven.example.org", {"bad.uneven.example.org": (GOOD_V6,)})

ROOF = "roof.org"
HOUSE = f"house.{ROOF}"


def _own_zones() -> dict[str, Sequence[str]]:
    zones: dict[str, Sequence[str]] = {zone: cut(zone, servers(zone, bad)) for zone, (bad, _) in ADDRESSES.items()}
    zones |= {zone: own for zone, (_, own, _) in DELEGATIONS.items() if own}
    uneven = "uneven.example.org"
    zones[uneven] = cut(uneven, servers(uneven, (GOOD_V6,)))
    below = f"below.{SIGNED}"
    zones[below] = cut(below, servers(below, (GOOD_V6,)))
    zones[HOUSE] = cut(HOUSE, servers(HOUSE, (GOOD_V6,)))
    return zones


@pytest.fixture(scope="module")
def broken(lab: Lab) -> Iterator[Lab]:
    """The lab with all the zones of this module."""
    space = lab.namespace
    for address in (GOOD, GOOD_V6, LAGGING, RECURSOR, NOBODY, PRIVATE, OWN_ROOT, *BOXES.values()):
        space.run("ip", "addr", "add", address, "dev", "lo", *(("nodad",) if ":" in address else ()))
    for address in (ROUTER, UNREACHABLE):
        space.run("ip", "route", "add", "unreachable", address)
    roof, _ = signed(ROOF, [*cut(ROOF, servers(ROOF, (GOOD_V6,))), *cut(HOUSE, servers(HOUSE, (GOOD_V6,)))])
    NameServer(space, "good", (GOOD, GOOD_V6, PRIVATE), {**_own_zones(), ROOF: roof})
    NameServer(space, "own-root", (OWN_ROOT,), {"": ROOT_ZONE})
    lagging = [*cut("lagging.org", servers("lagging.org", (LAGGING,))), _soa("lagging.org", 7)]
    moved = DELEGATIONS["moved.org"][1]
    NameServer(space, "lagging", (LAGGING,), {"lagging.org": lagging, "moved.org": moved})
    boxes = (f"{address}={fault}" for fault, address in BOXES.items())
    module = ("-m", "tests.check.middlebox", GOOD)
    box = space.start("boxes", sys.executable, *module, *boxes, env={"PYTHONPATH": str(REPOSITORY)})
    box.wait_for("listening")
    start_unbound(space, "recursor", RECURSOR, lab.hints, settings="  access-control: 0.0.0.0/0 allow")
    with lab.owner_zone(f"{POINTER}. CNAME real.example.org.", f"real.example.org. A {GOOD}"):
        top = lab.upper["tld"].zones["org"]
        tld = [*top, *(line for zone, (bad, _) in ADDRESSES.items() for line in cut(zone, servers(zone, bad)))]
        tld += [line for lines, _, _ in DELEGATIONS.values() for line in lines]
        tld += cut(ROOF, servers(ROOF, (GOOD_V6,)))
        tld += cut("deaf.org", {"ns.deaf.org": (NOBODY,)})
        with lab.upper["tld"].serving("org", tld):
            yield lab


def _soa(zone: str, serial: int) -> str:
    return f"{zone}. SOA ns.nic.org. hostmaster.nic.org. {serial} 14400 3600 604800 5"


def found(lab: Lab, zone: str) -> Mapping[str, dict]:
    """Check a zone from a host without a server, and give the findings by id."""
    return {one["id"]: one for one in lab.check(zone, "--json", configured=False).findings("delegation", "reach")}


@pytest.mark.parametrize("zone", ADDRESSES)
def test_a_fault_of_an_address_is_found_and_nothing_else(broken, zone):
    """Also none at all, in a sound zone."""
    assert set(found(broken, zone)) - ALWAYS == ADDRESSES[zone][1]


@pytest.mark.parametrize("zone", DELEGATIONS)
def test_a_fault_of_a_delegation_is_found_and_nothing_else(broken, zone):
    """What the zone above says, and what not."""
    assert set(found(broken, zone)) - ALWAYS == DELEGATIONS[zone][2]


def test_a_lost_letter_case_is_no_failure_by_itself(broken):
    """Let's Encrypt then asks all servers, and is content where they agree (dns-correctness #36)."""
    assert broken.check("lower-case.org", "--json", configured=False).code == 1


def test_servers_of_the_zone_above_that_disagree_are_told(broken):
    """A change that has not reached all of them."""
    findings = found(broken, "uneven.example.org")
    assert set(findings) - ALWAYS == {"delegation-uneven"}
    assert FIRST[0] in findings["delegation-uneven"]["seen"]


def test_a_zone_above_whose_signatures_do_not_hold_is_told(broken):
    """By a resolver that validates; the servers themselves say nothing of it."""
    below = f"below.{SIGNED}"
    stripped = [*cut(SIGNED, dict.fromkeys(PROVIDERS, ())), *cut(below, servers(below, (GOOD_V6,)))]
    with broken.upper["first"].serving(SIGNED, stripped), broken.upper["second"].serving(SIGNED, stripped):
        findings = found(broken, below)
    assert set(findings) - ALWAYS == {"above-bogus"}
    assert findings["above-bogus"]["subject"] == f"{SIGNED}."


@pytest.mark.parametrize("label", [*(label.decode() for label in BEHAVIOURS), "drip"])
def test_whatever_the_servers_above_say_ends_in_a_report(broken, label):
    """No fault of the program, and nothing that a terminal would obey."""
    checked = broken.check(f"zone.{label}.puppet.org", configured=False)
    assert checked.code in {1, 2, 3}
    assert all(line.isprintable() for line in checked.printed.splitlines())


def test_a_zone_above_that_does_not_answer_is_told_as_what_it_is(broken):
    """The fault is not in the zone, and nothing more can be seen of it."""
    document = broken.check("zone.deaf.org", "--json", configured=False).document
    assert document["cause"] == {"id": "above-unreachable", "subject": "deaf.org."}
    assert [section["verdict"] for section in document["sections"][1:]] == ["NOT TESTED"] * len(
        document["sections"][1:]
    )


@pytest.mark.parametrize("above", LAME)
def test_a_lame_server_of_the_zone_above_does_not_hide_the_delegation(broken, above):
    """Resolvers pass it over; that the servers do not agree is told."""
    findings = found(broken, f"below.{above}")
    assert "delegation-uneven" in findings
    assert not {"above-unreachable", "delegation-missing"} & set(findings)


def test_servers_of_the_zone_above_that_are_all_lame_are_told_as_that(broken):
    """They have not said that the delegation is missing."""
    found_above = found(broken, "zone.sideways.alone.org")["above-unreachable"]
    assert found_above["subject"] == "alone.org."
    assert "an answer without authority" in found_above["seen"]


def test_servers_that_no_way_leads_to_are_not_called_silent(broken):
    """It is this machine that is to blame, and nothing more can be looked at."""
    document = broken.check("zone.farthest.org", "--json", configured=False).document
    assert [one["id"] for one in document["sections"][0]["findings"]] == ["delegation-not-tested"]
    assert {section["verdict"] for section in document["sections"]} == {"NOT TESTED"}


def test_a_sound_zone_below_a_signed_one_has_no_finding(broken):
    """No word of anything."""
    assert found(broken, HOUSE) == {}


def test_private_addresses_are_good_in_a_network_with_a_root_of_its_own(broken):
    """Who is asked there need not be found from elsewhere."""
    checked = broken.check("private.org", "--json", configured=False, roots=(OWN_ROOT,))
    assert [one["id"] for one in checked.findings("reach")] == []


def test_without_ipv6_the_addresses_that_were_not_asked_are_named(broken):
    """They are no failure: this host can't know."""
    space = broken.namespace
    space.run("ip", "addr", "del", ROOT[1], "dev", "lo")
    try:
        checked = broken.check("sound.org", "--json", configured=False)
    finally:
        space.run("ip", "addr", "add", ROOT[1], "dev", "lo", "nodad")
    findings = [one for section in checked.document["sections"] for one in section["findings"]]
    assert {one["id"] for one in findings} - ALWAYS == {"ipv6-untested"}
    assert checked.code == 3


def test_the_records_to_paste_are_those_of_the_configuration(broken):
    """On the server's own host; elsewhere nobody knows them."""
    assert found(broken, "missing.org")["delegation-missing"]["paste"] == []
    with without_ours(broken, "first", "second"):
        (finding,) = broken.check("--json").findings("delegation")
    assert finding["id"] == "delegation-missing"
    assert finding["paste"] == [f"{ZONE}. NS {ZONE}.", *glue(ZONE, sorted(SERVER, key=lambda address: ":" in address))]


def test_one_server_of_the_zone_above_that_lacks_the_delegation_is_no_missing_one(broken):
    """What it is: servers that disagree, whichever is asked first."""
    for server in ("first", "second"):
        with without_ours(broken, server):
            checked = broken.check("--json")
        assert checked.document["cause"] is None
        assert "delegation-uneven" in {one["id"] for one in checked.findings("delegation")}


@pytest.mark.parametrize(
    ("address", "ours", "hint"), [(ROUTER, True, True), (ROUTER, False, False), (NOBODY, True, False)]
)
def test_an_address_of_ours_on_another_machine_is_told_to_be_forwarded(broken, address, ours, hint):
    """NAT: the configuration has it, and this host does not. What is not ours, or is here, is another fault."""
    addresses = (*SERVER, *((address,) if ours else ()))
    with ExitStack() as ends:
        for server in (broken.upper["first"], broken.upper["second"]):
            ends.enter_context(server.serving(OWNER, [*server.zones[OWNER], *glue(ZONE, (address,))]))
        findings = broken.check("--json", options={"ACMEDNS_ZONE__ADDRESSES": ",".join(addresses)}).findings("reach")
    (silent,) = (one for one in findings if one["id"] == "ns-silent")
    assert silent["subject"] == f"{ZONE}. at {address}"
    assert (f"This host does not have {address} itself: forward UDP and TCP 53" in silent["cure"]) == hint
    assert (PRIVATE in silent["cure"]) == hint


@contextmanager
def without_ours(lab: Lab, *servers: str) -> Iterator[None]:
    """Take the delegation of our server out of the owner's zone at these servers."""
    with ExitStack() as ends:
        for server in servers:
            lines = [line for line in lab.upper[server].zones[OWNER] if not line.startswith(f"{ZONE}.")]
            ends.enter_context(lab.upper[server].serving(OWNER, lines))
        yield
