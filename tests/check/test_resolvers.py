"""Each finding about a resolver, with a real one that is so, and none about a good one."""

import re
import sys
from dataclasses import dataclass

import pytest

from acmedns_py.check.resolvers import system_resolvers
from tests.check.lab import REPOSITORY, SIGNED, Account
from tests.check.resolvers import ABSENT_NAME, FAILING_NAME, FILTERED_NAME, INTERNAL_NAME, Kind
from tests.check.test_hosts import OUR, challenge

ACCOUNTS = (Account("plain"), Account("former"))


def host_of(name: str) -> str:
    """Give the host that a challenge name is for."""
    return name.removeprefix("_acme-challenge.")


@dataclass(frozen=True)
class Row:
    """A host, a resolver, and the finding."""

    finding: str
    host: str
    resolver: Kind


INTERNAL, FILTERED = host_of(INTERNAL_NAME), host_of(FILTERED_NAME)
ROWS = [
    Row("resolver-internal", INTERNAL, Kind.INTERNAL),
    Row("resolver-internal", host_of(ABSENT_NAME), Kind.INTERNAL),
    Row("resolver-filtered", FILTERED, Kind.FILTERED),
    Row("resolver-fails", host_of(FAILING_NAME), Kind.INTERNAL),
    *(Row("", host_of(FAILING_NAME), kind) for kind in (Kind.GOOD, Kind.STALE, Kind.FILTERED)),
    Row("resolver-refuses", "sound.example.org", Kind.CLOSED),
    Row("", "sound.example.org", Kind.INTERNAL),
    Row("", "sound.example.org", Kind.STALE),
    *(Row("", INTERNAL, kind) for kind in (Kind.GOOD, Kind.STALE, Kind.FILTERED)),
    *(Row("", FILTERED, kind) for kind in (Kind.GOOD, Kind.STALE, Kind.INTERNAL)),
]
RECORDS = [challenge(host, f"plain.{OUR}") for host in dict.fromkeys(row.host for row in ROWS)]


def check(lab, host: str, *resolvers: str):
    """Check a host with more resolvers than the machine's own."""
    return lab.check("--host", host, "--json", options={"ACMEDNS_CHECK__RESOLVERS": ",".join(resolvers)})


@pytest.fixture(scope="module")
def checked(lab):
    """A check of all hosts through all resolvers."""
    hosts = [word for host in dict.fromkeys(row.host for row in ROWS) for word in ("--host", host)]
    resolvers = ",".join(kind.value for kind in Kind)
    return lab.check(*hosts, "--json", options={"ACMEDNS_CHECK__RESOLVERS": resolvers})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.finding or 'sound'}-{row.host}-{row.resolver.name}")
def test_a_resolver_has_just_the_finding_that_it_should(checked, row):
    """Others have none about the same host."""
    subjects = {row.resolver.value, f"{row.host} at {row.resolver.value}"}
    found = [one for one in checked.findings("resolvers") if one["subject"] in subjects]
    assert [one["id"] for one in found] == ([row.finding] if row.finding else [])
    assert all(one["verdict"] == "WARN" for one in found)


def test_nothing_else_is_found(checked):
    """Each finding is one that a row expects; warnings are exit code 1."""
    found = checked.findings("hosts", "caa", "resolvers")
    assert sorted(one["id"] for one in found) == sorted(row.finding for row in ROWS if row.finding)
    assert checked.code == 1


def test_what_a_resolver_remembers_is_not_what_the_servers_say(lab):
    """The owner has changed the record since, and the resolver keeps answers for an hour."""
    host = "moved.example.org"
    with lab.owner_zone(challenge(host, f"former.{OUR}")):
        lab.namespace.dig(Kind.STALE.value, f"_acme-challenge.{host}", "TXT")
    with lab.owner_zone(challenge(host, f"plain.{OUR}")):
        checked = check(lab, host, Kind.STALE.value)
    found = [(one["id"], one["subject"]) for one in checked.findings("hosts", "resolvers")]
    assert found == [("resolver-stale", f"{host} at {Kind.STALE.value}")]
    assert f"former.{OUR}" in checked.findings("resolvers")[0]["seen"]


def test_a_remembered_absence_is_stale_too(lab):
    """Somebody looked before the record was set; unbound remembers it for the type alone that was asked for."""
    host = "late.example.org"
    lab.namespace.dig(Kind.STALE.value, f"_acme-challenge.{host}", "MX")
    with lab.owner_zone(challenge(host, f"plain.{OUR}")):
        checked = check(lab, host, Kind.STALE.value)
    assert [one["id"] for one in checked.findings("hosts", "resolvers")] == ["resolver-stale"]


def test_a_signature_that_does_not_hold_stops_every_ca(lab):
    """The machine's own resolver validates; without validation it would answer."""
    checked = check(lab, f"forged.{SIGNED}")
    found = {one["id"]: one for one in checked.findings("resolvers")}
    assert set(found) == {"resolver-bogus"}
    assert found["resolver-bogus"]["verdict"] == "FAIL"
    assert check(lab, f"whole.{SIGNED}").findings("resolvers") == []


def test_a_signed_zone_that_no_resolver_validates_is_not_tested(lab):
    """The machine's resolver answers for what CAs refuse; monitoring.md 1, DNSSEC bogus."""
    forged = f"forged.{SIGNED}"
    with lab.system_resolver(Kind.TRUSTING.value):
        (found,) = check(lab, forged).findings("resolvers")
        assert (found["id"], found["verdict"], found["subject"]) == ("resolver-none-validates", "NOT TESTED", "DNSSEC")
        assert found["seen"] == f"signed: {SIGNED}."
        assert check(lab, "sound.example.org").findings("resolvers") == []
        (found,) = check(lab, forged, Kind.GOOD.value).findings("resolvers")
        assert found["subject"] == f"{forged} at {Kind.GOOD.value}"


def test_a_caa_record_whose_signature_does_not_hold_stops_every_ca(lab):
    """Behind an alias, in the zone of whoever delivers the pages (RFC 8659 3)."""
    host = "pages.example.org"
    with lab.owner_zone(challenge(host, f"plain.{OUR}"), f"{host}. CNAME cdn.{SIGNED}."):
        (found,) = check(lab, host).findings("hosts", "caa", "resolvers")
    assert (found["id"], found["subject"]) == ("resolver-bogus", f"CAA of {host} at {Kind.GOOD.value}")


@pytest.mark.parametrize(("address", "kind"), [("45.33.9.8", "resolver-silent"), ("45.33.10.1", "resolver-not-tested")])
def test_a_resolver_that_is_not_there_is_told_once(lab, address, kind):
    """However many hosts are checked; one that no way leads to is not to blame."""
    checked = check(lab, "sound.example.org", address)
    assert [(one["id"], one["subject"]) for one in checked.findings("resolvers")] == [(kind, address)]


def test_a_silent_resolver_is_asked_one_question(lab):
    """Whoever waits for it waits once, whatever else is to be asked."""
    silent = "45.33.2.1"
    lab.namespace.run("ip", "addr", "add", silent, "dev", "lo")
    module = (sys.executable, "-m", "tests.check.middlebox", Kind.GOOD.value, f"{silent}=silent")
    with lab.namespace.running("silent", *module, env={"PYTHONPATH": str(REPOSITORY)}) as box:
        box.wait_for("listening")
        checked = check(lab, "sound.example.org", silent)
        assert set(re.findall("swallowed (.*)", box.text())) == {". IN SOA"}
    assert [(one["id"], one["subject"]) for one in checked.findings("resolvers")] == [("resolver-silent", silent)]


def test_hosts_without_one_answer_to_compare_with_are_no_agreement(lab):
    """Nothing was compared, and that is said."""
    checked = check(lab, "nobody.example.org.lame.org")
    (finding,) = checked.findings("resolvers")
    assert (finding["id"], finding["verdict"]) == ("resolver-not-tested", "NOT TESTED")
    section = {one["name"]: one["verdict"] for one in checked.document["sections"]}
    assert (section["caa"], section["resolvers"]) == ("NOT TESTED", "NOT TESTED")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        ("# nameserver 192.0.2.9\nsearch example.org\n  nameserver\t192.0.2.1 \n", ("192.0.2.1",)),
        ("nameserver nonsense\nnameserver\n\xff\n", ()),
        ("", ()),
    ],
)
def test_the_machines_resolvers_are_read(tmp_path, text, expected):
    """As resolv.conf(5) has them; what is no address is left out."""
    file = tmp_path / "resolv.conf"
    file.write_bytes(text.encode("latin-1"))
    assert system_resolvers(file) == expected


def test_a_machine_without_resolv_conf_has_none(tmp_path):
    """Then there is nothing to compare."""
    assert system_resolvers(tmp_path / "none") == ()


@pytest.mark.parametrize("configured", [False, True])
def test_resolvers_can_be_named_by_options(lab, configured):
    """Besides the system's own, and in the place of the configuration's."""
    options = {"ACMEDNS_CHECK__RESOLVERS": Kind.CLOSED.value} if configured else {}
    named = [word for kind in (Kind.INTERNAL, Kind.STALE) for word in ("--resolver", kind.value)]
    checked = lab.check(OUR, "--host", INTERNAL, *named, "--json", configured=configured, options=options)
    assert [one["id"] for one in checked.findings("resolvers")] == ["resolver-internal"]
    (seen,) = [one["seen"] for one in checked.document["sections"] if one["name"] == "resolvers"]
    assert seen == "127.0.0.1, 127.0.0.3, 127.0.0.4; 1 of 1 hosts"
