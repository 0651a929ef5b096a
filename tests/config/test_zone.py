"""The zone's records: what is derived in each layout, what static records replace, and which are refused."""

import json
import re

import pytest

from acmedns_py.config.settings import Zone
from acmedns_py.config.zone import zone_data
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType

APEX = name.from_text("auth.example.org")
SOA = "auth.example.org. 30 SOA {} 0 14400 3600 604800 30"


def zone(**options) -> Zone:
    return Zone.model_validate({"name": "auth.example.org", "addresses": ["198.51.100.1"]} | options)


def rrset(data, owner, rrtype):
    (found,) = [item for item in data.rrsets if (item.owner, item.rrtype) == (name.from_text(owner), rrtype)]
    return found


def test_zone_that_is_its_own_server():
    """First layout: the zone's name is the server's; SOA, NS and addresses stand at the apex."""
    data = zone_data(zone(addresses=["198.51.100.1", "2001:db8::1"]))
    assert data.derived == (
        SOA.format("auth.example.org. hostmaster.auth.example.org."),
        "auth.example.org. 3600 NS auth.example.org.",
        "auth.example.org. 3600 A 198.51.100.1",
        "auth.example.org. 3600 AAAA 2001:db8::1",
    )
    assert (data.rejected, data.flaws, data.unaddressed, data.warnings) == ((), (), (), ())
    assert rrset(data, "auth.example.org", RRType.A).rdatas == (bytes((198, 51, 100, 1)),)


def test_soa_has_serial_zero_and_the_defaults_that_checkers_pass():
    """REFRESH, RETRY, EXPIRE and a low MINIMUM (dns-correctness #23, #78)."""
    soa = rrset(zone_data(zone(negative_ttl=30, admin="jane.doe@example.org")), "auth.example.org", RRType.SOA)
    mailbox = b"\x08jane.doe\x07example\x03org\0"
    timers = b"".join(number.to_bytes(4, "big") for number in (0, 14400, 3600, 604800, 30))
    assert soa.rdatas == (APEX + mailbox + timers,)
    assert soa.ttl == 30


def test_nameservers_outside_the_zone_get_no_records():
    """Second layout: a separate server name, whose addresses its own zone has."""
    data = zone_data(zone(nameservers=["ns1.example.org", "ns2.example.org."], addresses=[]))
    assert data.derived == (
        SOA.format("ns1.example.org. hostmaster.auth.example.org."),
        "auth.example.org. 3600 NS ns1.example.org.",
        "auth.example.org. 3600 NS ns2.example.org.",
    )
    assert (data.unaddressed, data.flaws) == ((), ())


def test_nameservers_inside_the_zone_get_the_addresses():
    """Names of their own inside the zone; the apex has no address then."""
    data = zone_data(zone(nameservers=["ns1.auth.example.org", "ns.example.net"]))
    assert "ns1.auth.example.org. 3600 A 198.51.100.1" in data.derived
    assert not [item for item in data.rrsets if item.owner == APEX and item.rrtype == RRType.A]


def test_static_addresses_replace_derived_ones():
    """A nameserver with any static address gets no derived one, of no family: it may be another host."""
    data = zone_data(
        zone(
            nameservers=["ns1.auth.example.org", "ns2.auth.example.org"],
            addresses=["198.51.100.1", "2001:db8::1"],
            records=["ns2 A 198.51.100.2"],
        )
    )
    assert rrset(data, "ns2.auth.example.org", RRType.A).rdatas == (bytes((198, 51, 100, 2)),)
    assert not [item for item in data.rrsets if (item.owner[:4], item.rrtype) == (b"\x03ns2", RRType.AAAA)]
    assert rrset(data, "ns1.auth.example.org", RRType.AAAA)


def test_static_nameservers_replace_derived_ones():
    """NS records at the apex are the whole set; they get derived addresses too."""
    data = zone_data(zone(records=["@ 60 NS ns1", "@ 60 NS NS2.example.net."]))
    assert len(rrset(data, "auth.example.org", RRType.NS).rdatas) == 2
    assert data.derived == (
        SOA.format("ns1.auth.example.org. hostmaster.auth.example.org."),
        "ns1.auth.example.org. 3600 A 198.51.100.1",
    )
    assert data.warnings == ()


def test_primary_that_is_no_nameserver_is_a_warning():
    """The SOA's name should be in the NS set (dns-correctness #78)."""
    (warning,) = zone_data(zone(nameservers=["hidden.example.net"], records=["@ NS ns1"])).warnings
    assert "hidden.example.net." in warning


def test_nameserver_without_address_is_named():
    """Inside the zone nobody else can give it."""
    data = zone_data(zone(addresses=[]))
    assert data.unaddressed == ("auth.example.org.",)
    assert data.flaws == ()


def test_static_address_is_enough():
    """The minimum can be said by a record too."""
    assert zone_data(zone(addresses=[], records=["@ A 198.51.100.1"])).unaddressed == ()


def test_records_join_into_one_rrset():
    """Several lines of one owner and type, relative and complete, in any letter case; a repeat is one record."""
    data = zone_data(zone(records=["www A 198.51.100.1", "WWW.auth.example.org. A 198.51.100.2", "www A 198.51.100.1"]))
    assert len(rrset(data, "www.auth.example.org", RRType.A).rdatas) == 2


def test_ttls_of_one_rrset_are_made_equal():
    """RFC 2181 5.2; it is said, since a line does not get what it asks for."""
    data = zone_data(zone(records=["www 60 A 198.51.100.1", "www 300 A 198.51.100.2"]))
    assert rrset(data, "www.auth.example.org", RRType.A).ttl == 60
    assert "60, 300" in data.warnings[0]


def test_default_ttl_is_the_zones():
    """A line without a TTL has that of the zone."""
    assert rrset(zone_data(zone(ttl=77, records=["www A 198.51.100.1"])), "www.auth.example.org", RRType.A).ttl == 77


@pytest.mark.parametrize("line", ["www.auth.example.org A 198.51.100.1", "@ MX 10 mail.auth.example.org"])
def test_forgotten_final_dot_is_a_warning(line):
    """The zone's name twice in a row is hardly ever meant."""
    (warning,) = zone_data(zone(records=[line])).warnings
    assert "final dot" in warning
    assert "zone.records[0]" in warning


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("www A 198.51.100", "needed: an IPv4 address"),
        ("www", "type is missing"),
        ("", "empty"),
        ("www FOO bar", "no record type"),
        ("www.example.org. A 198.51.100.1", "outside the zone"),
        ("notauth.example.org. A 198.51.100.1", "outside the zone"),
        ("@ SOA a. b. 1 2 3 4 5", "SOA record is made from"),
        ("www SOA a. b. 1 2 3 4 5", "SOA record is made from"),
        ("@ CNAME www.example.net.", "apex"),
        ("@ DS 1 13 2 " + "00" * 32, "parent zone"),
    ],
)
def test_record_that_cannot_be_served_is_refused(line, reason):
    """Each with its place and the reason."""
    (rejected,) = zone_data(zone(records=["ok A 198.51.100.1", line])).rejected
    assert (rejected.index, rejected.line) == (1, line)
    assert reason in rejected.reason


@pytest.mark.parametrize(
    ("records", "index", "reason"),
    [
        (["www CNAME a.example.net.", 'www TXT "x"'], 0, "other records"),
        (["www CNAME a.example.net.", "www CNAME b.example.net."], 1, "another CNAME"),
        (["@ NS ns1", "ns1 CNAME a.example.net."], 1, "nameserver"),
    ],
)
def test_alias_beside_other_data_is_refused(records, index, reason):
    """RFC 2181 10.1 and 10.3."""
    (rejected,) = zone_data(zone(records=records)).rejected
    assert rejected.index == index
    assert reason in rejected.reason


def test_same_alias_twice_is_one():
    """Equal but for letter case is no second CNAME."""
    data = zone_data(zone(records=["www CNAME a.example.net.", "www CNAME A.example.net."]))
    assert (data.rejected, data.flaws) == ((), ())
    assert rrset(data, "www.auth.example.org", RRType.CNAME).rdatas == (b"\x01a\x07example\x03net\0",)


def test_configured_nameserver_may_be_no_alias():
    """The name from `nameservers` is looked at as well."""
    (rejected,) = zone_data(zone(nameservers=["ns1.auth.example.org"], records=["ns1 CNAME a.example.net."])).rejected
    assert "nameserver" in rejected.reason


FLAWS = [
    (["* NS ns.example.net."], "*.auth.example.org. NS", "a wildcard can't be delegated"),
    (["www DS 1 13 2 " + "00" * 32], "www.auth.example.org. DS", "there is no NS beside it"),
    (["sub NS ns.example.net.", "x.sub TXT a"], "x.sub.auth.example.org. TXT", "sub.auth.example.org. is delegated"),
    (["sub NS ns.sub"], "sub.auth.example.org. NS", "ns.sub.auth.example.org. has no A or AAAA record"),
    (["sub NS www", "www CNAME a.example.net."], "sub.auth.example.org. NS", "www.auth.example.org. is a CNAME"),
    (["* CNAME a.example.net.", "sub NS any"], "sub.auth.example.org. NS", "any.auth.example.org. is a CNAME"),
    (
        [f"big TXT {number} {'x' * 250}" + f" {'x' * 250}" * 200 for number in range(2)],
        "big.auth.example.org. TXT",
        "too large",
    ),
]


@pytest.mark.parametrize(("records", "title", "reason"), FLAWS)
def test_flaw_of_several_records_together_is_a_problem(problems, records, title, reason):
    """What no single line has wrong is told once, with owner and type."""
    text = f'[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\nrecords = {json.dumps(records)}\n'
    (problem,) = problems(text).problems
    assert (problem.option, problem.value) == ("zone.records", title)
    assert reason in problem.cure


@pytest.mark.parametrize(("records", "title", "reason"), FLAWS)
def test_flaw_of_several_records_is_a_warning_of_an_acme_dns_file(loaded, records, title, reason):
    """acme-dns serves such records, so that taking its file over goes on; it is told once."""
    apex = ["auth.example.org. A 198.51.100.1", "auth.example.org. NS auth.example.org."]
    relative = re.compile(r"(?<=NS )(ns\.sub|www|any)$")
    lines = [relative.sub(r"\1.auth.example.org.", line) for line in records]
    lines = apex + [line.replace(" ", ".auth.example.org. ", 1) for line in lines]
    text = f"""
[general]
listen = "198.51.100.1:53"
domain = "auth.example.org"
nsname = "auth.example.org"
nsadmin = "admin.example.org"
records = {json.dumps(lines)}
[database]
engine = "sqlite"
connection = "/var/lib/acme-dns.db"
[api]
port = "8080"
tls = "none"
corsorigins = ["*"]
"""
    (warning,) = [warning for warning in loaded(text).warnings if title in warning]
    assert warning.startswith(f"general.records: {title}: ")
    assert reason in warning


@pytest.mark.parametrize(
    "records", [["@ NS www", "www CNAME a.example.net."], ["sub CNAME a.", "sub TXT b"], ["@ DS 1 13 2 " + "00" * 32]]
)
def test_what_a_line_has_wrong_is_no_flaw_as_well(problems, records):
    """It is told with its place in the list, and only there."""
    text = f'[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\nrecords = {json.dumps(records)}\n'
    (problem,) = problems(text).problems
    assert problem.option.startswith("zone.records[")


def test_refused_record_names_its_line_in_the_file(problems):
    """Line of the file, index in the list, the text and the reason."""
    text = '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\nrecords = [\n  "www A 1.2.3.4",\n  "b A x",\n]\n'
    (problem,) = problems(text).problems
    assert (problem.option, problem.value) == ("zone.records[1]", "b A x")
    assert problem.cure.startswith("line 6: ")


def test_refused_record_of_the_environment_names_the_variable(problems):
    """No line of the file is blamed for it."""
    text = '# "b A x"\n[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n'
    (problem,) = problems(text, {"ACMEDNS_ZONE__RECORDS": "b A x"}).problems
    assert problem.option == "ACMEDNS_ZONE__RECORDS[0]"
    assert not problem.cure.startswith("line")


def test_missing_address_says_whose(problems):
    """The minimum is asked for with an example."""
    (problem,) = problems('[zone]\nname = "auth.example.org"\n').problems
    assert problem.option == "zone.addresses"
    assert "auth.example.org." in problem.cure
