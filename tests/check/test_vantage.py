"""From where the check stands: what can't be seen from there is no fault of the zone, and not called one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.check.internet import OWNER, ZONE
from tests.check.lab import REPOSITORY, Account, Checked, Lab
from tests.check.resolvers import Kind
from tests.lab.layouts import SERVER
from tests.lab.nameserver import cut
from tests.lab.unbound import start_unbound
from tests.lab.zones import ROOT

SILENT = "45.33.5.1"
NOBODY = "45.33.5.2"
UNROUTED = "45.33.10.1"
RECURSOR = "45.33.5.3"
HOST = f"www.{OWNER}"

INNER = "192.168.77.2"
ROUTER = "192.168.77.1"

RECORDS = [f"_acme-challenge.{HOST}. CNAME plain.{ZONE}."]
ACCOUNTS = (Account("plain"),)


@pytest.fixture(scope="module")
def outside(lab: Lab) -> Lab:
    """The lab with an address that swallows all questions, one where nobody listens, and one of a resolver."""
    space = lab.namespace
    for address in (SILENT, NOBODY, RECURSOR):
        space.run("ip", "addr", "add", address, "dev", "lo")
    module = ("-m", "tests.check.middlebox", NOBODY, f"{SILENT}=silent")
    box = space.start("boxes", sys.executable, *module, env={"PYTHONPATH": str(REPOSITORY)})
    box.wait_for("listening")
    settings = "  access-control: 0.0.0.0/0 allow\n  cache-max-ttl: 0\n  cache-max-negative-ttl: 0"
    start_unbound(space, "recursor", RECURSOR, lab.hints, settings=settings)
    return lab


@pytest.fixture(scope="module")
def inside(outside: Lab) -> Sequence[str]:
    """A command that runs another on a host with a private address, behind a router that has all of the lab's."""
    space = outside.namespace
    resolv_conf = space.folder / "no-resolver"
    resolv_conf.touch()
    up = f"mount --bind {resolv_conf} /etc/resolv.conf && ip link set lo up && echo inside && exec sleep infinity"
    program = space.start("inside", "unshare", "-nm", "sh", "-c", up)
    program.wait_for("inside")
    within = ("nsenter", "--target", str(program.process.pid), "--net", "--mount", "--preserve-credentials", "--")
    space.run("ip", "link", "add", "inner", "type", "veth", "peer", "name", "outer", "netns", str(program.process.pid))
    for enter, device, address in (((), "inner", ROUTER), (within, "outer", INNER)):
        space.run(*enter, "ip", "addr", "add", f"{address}/24", "dev", device)
        space.run(*enter, "ip", "link", "set", device, "up")
    space.run(*within, "ip", "route", "add", "default", "via", ROUTER)
    space.run(*within, "ip", "route", "add", "unreachable", SERVER[0])
    return within


def ids(checked: Checked, *sections: str) -> list[str]:
    """Give what was found in some sections."""
    return [one["id"] for one in checked.findings(*sections)]


@pytest.mark.parametrize(
    ("roots", "kind"),
    [
        ((SILENT,), "dns-blocked"),
        ((NOBODY,), "dns-blocked"),
        ((Kind.GOOD.value,), "dns-blocked"),  # a router that sends every question to its own resolver
        ((SILENT, UNROUTED), "dns-blocked"),
        ((UNROUTED,), "delegation-not-tested"),
    ],
)
@pytest.mark.parametrize("zone", [OWNER, "org"])
def test_a_host_without_dns_to_the_internet_says_nothing_of_the_zone(outside, roots, kind, zone):
    """Not of its delegation, nor of CAA."""
    checked = outside.check(zone, "--host", HOST, "--json", configured=False, roots=roots)
    assert ids(checked, "delegation") == [kind]
    assert {section["verdict"] for section in checked.document["sections"]} == {"NOT TESTED"}
    assert checked.findings("caa", "hosts", "reach") == []
    assert checked.code == 3


def test_a_host_without_dns_to_the_internet_says_nothing_of_the_api(outside):
    """By its name it can't be found from here."""
    checked = outside.check("--json", roots=(SILENT,), options={"ACMEDNS_CHECK__API_URL": f"https://{HOST}"})
    assert "api-not-tested" in ids(checked, "api")
    assert checked.document["cause"] is None


@pytest.mark.parametrize(("kind", "address"), [("ipv4-untested", ROOT[0]), ("ipv6-untested", ROOT[1])])
def test_a_host_of_one_family_names_the_addresses_that_were_not_asked(outside, kind, address):
    """They are no failure: this host can't know."""
    with gone(outside, address):
        checked = outside.check("--host", HOST, "--json")
    assert checked.document["cause"] is None
    assert ids(checked, "reach") == [kind]


@pytest.mark.parametrize(
    ("address", "resolvers", "kinds", "unresolved"),
    [
        (SILENT, (), {"ns-inside"}, set()),
        (NOBODY, (), {"ns-inside"}, set()),
        (RECURSOR, (), {"ns-inside"}, set()),  # the router's own
        (SERVER[0], (), {"ns-inside"}, set()),
        (SERVER[0], (RECURSOR,), {"ns-inside-resolved"}, set()),
        # Nobody has forwarded anything, and the resolver tells it.
        (SILENT, (RECURSOR,), {"ns-inside"}, {"resolver-fails"}),
    ],
)
def test_behind_a_router_that_leads_nobody_back_the_rest_is_looked_at(
    outside, inside, address, resolvers, kinds, unresolved
):
    """That its outer address can't be seen from inside is no fault of the server."""
    checked = from_inside(outside, inside, address, *resolvers)
    assert set(ids(checked, "reach")) == kinds
    assert ids(checked, "server") == []
    assert set(ids(checked, "canary", "resolvers")) == unresolved
    assert checked.findings("hosts", "caa") == []
    assert [one["id"] for one in checked.good("hosts", "caa")] == ["host-path", "caa-allows"]
    assert "api-inside" in ids(checked, "api")
    assert checked.document["cause"] is None


def test_behind_a_router_that_leads_back_all_is_looked_at(outside, inside):
    """What is met there is the server; here its certificate is for another name."""
    checked = from_inside(outside, inside, SERVER[2])
    assert ids(checked, "reach") == []
    assert "api-certificate" in ids(checked, "api")


def from_inside(lab: Lab, inside: Sequence[str], address: str, *resolvers: str) -> Checked:
    """Check from behind the router, with its outer address as that of the server, and of the API."""
    options = {
        "ACMEDNS_ZONE__ADDRESSES": address,
        "ACMEDNS_DNS__LISTEN": SERVER[2],
        "ACMEDNS_CHECK__API_URL": f"https://outer.{OWNER}",
    }
    chosen = [word for one in resolvers for word in ("--resolver", one)]
    with delegated(lab, address):
        return lab.check("--host", HOST, "--json", *chosen, options=options, within=inside)


@contextmanager
def delegated(lab: Lab, address: str) -> Iterator[None]:
    """Delegate our zone to one address, by a name that has no other."""
    with ExitStack() as ends:
        for server in (lab.upper["first"], lab.upper["second"]):
            lines = [line for line in server.zones[OWNER] if not line.startswith(f"{ZONE}.")]
            ends.enter_context(server.serving(OWNER, [*lines, *cut(ZONE, {f"outer.{OWNER}": (address,)})]))
        yield


@contextmanager
def gone(lab: Lab, address: str) -> Iterator[None]:
    """Take an address away, so that nothing leads there."""
    nodad = ("nodad",) if ":" in address else ()
    lab.namespace.run("ip", "addr", "del", address, "dev", "lo")
    try:
        yield
    finally:
        lab.namespace.run("ip", "addr", "add", address, "dev", "lo", *nodad)
