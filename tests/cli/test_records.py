"""`acmedns records`: the records of the zone in each layout, those of hosts, and every refusal in one line."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns import name
from acmedns_py.dns.presentation import parse_record
from acmedns_py.setup.record import Record
from tests.command import acmedns

ACCOUNT_URL = "https://acme-v02.api.letsencrypt.org/acme/acct/17"


def configure(folder: Path, zone: str, more: str = "") -> None:
    """Write a configuration whose root has an address that no system sends to; `zone` and `more` are lines of it."""
    (folder / "hints").write_text("a.root.test. A 255.255.255.255\n")
    more += f'[check]\nroot_hints = "{folder}/hints"\n'
    (folder / "config.toml").write_text(
        f'[zone]\nname = "auth.example.org"\n{zone}\n[database]\nurl = "sqlite:///{folder}/acmedns.db"\n{more}'
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    return acmedns(*arguments, "-c", folder / "config.toml")


def lines(folder: Path, *arguments: str, other: bool = False) -> list[str]:
    """The zone-file lines that are printed, of the layout in force or of the other one; each can be read."""
    done = run(folder, "records", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    first, _, second = done.stdout.partition("\nThe other layout, ")
    found = [line.strip() for line in (second if other else first).splitlines() if " IN " in line]
    for line in found:
        parse_record(line, origin=name.ROOT, default_ttl=0)
    return found


def documents(folder: Path, *arguments: str) -> list[dict[str, str]]:
    """The records as JSON."""
    done = run(folder, "records", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    found: list[dict[str, str]] = json.loads(done.stdout)["records"]
    return found


def test_a_server_named_like_the_zone_needs_glue(tmp_path):
    """And the other layout, for providers that refuse it."""
    configure(tmp_path, 'addresses = ["198.51.100.1", "2001:db8::1"]')
    assert lines(tmp_path) == [
        "auth.example.org. 3600 IN NS auth.example.org.",
        "auth.example.org. 3600 IN A 198.51.100.1",
        "auth.example.org. 3600 IN AAAA 2001:db8::1",
    ]
    printed = run(tmp_path, "records").stdout
    assert "acmedns setup writes it by --nameserver ns1.example.org." in printed
    assert "No other record may be at or below auth.example.org in example.org; no DS either" in printed
    assert "AAAA  auth  3600  2001:db8::1" in printed
    assert "AAAA  ns1   3600  2001:db8::1" in printed
    assert lines(tmp_path, other=True) == [
        "auth.example.org. 3600 IN NS ns1.example.org.",
        "ns1.example.org. 3600 IN A 198.51.100.1",
        "ns1.example.org. 3600 IN AAAA 2001:db8::1",
    ]


def test_servers_with_names_outside_have_their_addresses_there(tmp_path):
    """In a form for the parent only what belongs to it; the other name is of another zone."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]\nnameservers = ["ns1.example.org", "ns2.example.net"]')
    assert lines(tmp_path) == [
        "auth.example.org. 3600 IN NS ns1.example.org.",
        "auth.example.org. 3600 IN NS ns2.example.net.",
        "ns1.example.org. 3600 IN A 198.51.100.1",
        "ns2.example.net. 3600 IN A 198.51.100.1",
    ]
    assert [(one["owner"], one["name"]) for one in documents(tmp_path) if one["purpose"] == "address"] == [
        ("ns1.example.org.", "ns1"),
        ("ns2.example.net.", None),
    ]
    assert lines(tmp_path, other=True) == [
        "auth.example.org. 3600 IN NS auth.example.org.",
        "auth.example.org. 3600 IN A 198.51.100.1",
    ]
    assert 'zone.nameservers = ["auth.example.org"]' in run(tmp_path, "records").stdout


def test_servers_with_names_of_their_own_inside(tmp_path):
    """What the zone says of them goes before what follows from its addresses."""
    configure(
        tmp_path,
        'addresses = ["198.51.100.1"]\nnameservers = ["ns1.auth.example.org", "ns2.auth.example.org"]\n'
        'records = ["ns2 AAAA 2001:db8::2", "ns2 A 198.51.100.2"]\nttl = 86400',
    )
    assert lines(tmp_path) == [
        "auth.example.org. 3600 IN NS ns1.auth.example.org.",
        "auth.example.org. 3600 IN NS ns2.auth.example.org.",
        "ns1.auth.example.org. 3600 IN A 198.51.100.1",
        "ns2.auth.example.org. 3600 IN A 198.51.100.2",
        "ns2.auth.example.org. 3600 IN AAAA 2001:db8::2",
    ]
    assert lines(tmp_path, other=True) == [
        "auth.example.org. 3600 IN NS ns1.example.org.",
        "auth.example.org. 3600 IN NS ns2.example.org.",
        "ns1.example.org. 3600 IN A 198.51.100.1",
        "ns2.example.org. 3600 IN A 198.51.100.2",
        "ns2.example.org. 3600 IN AAAA 2001:db8::2",
    ]


def test_the_other_layout_can_be_the_one_in_force(tmp_path):
    """What it prints is what would be printed with its name servers in the configuration; and back again."""
    api = '[api]\ntls = "acme"\nhostnames = ["api.example.net"]\n'
    configure(tmp_path, 'addresses = ["198.51.100.1", "2001:db8::1"]', api)
    here, there = lines(tmp_path), lines(tmp_path, other=True)
    document = json.loads(run(tmp_path, "records", "--json").stdout)["other_layout"]
    assert [one["line"] for one in document["records"]] == there
    configure(tmp_path, f'addresses = ["198.51.100.1", "2001:db8::1"]\nnameservers = {document["nameservers"]}', api)
    assert (lines(tmp_path), lines(tmp_path, other=True)) == (there, here)


def test_a_name_that_another_server_has_is_not_given_again(tmp_path):
    """Of servers inside and outside, those inside get names of their own."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]\nnameservers = ["auth.example.org", "ns1.example.org"]')
    assert lines(tmp_path, other=True)[:2] == [
        "auth.example.org. 3600 IN NS ns2.example.org.",
        "auth.example.org. 3600 IN NS ns1.example.org.",
    ]


def test_ns_records_of_the_configuration_are_those_of_the_parent(tmp_path):
    """They replace what follows from `nameservers`, here as in the zone."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]\nttl = 60\nrecords = ["@ NS NS.example.com.", "@ NS b"]')
    assert lines(tmp_path) == [
        "auth.example.org. 60 IN NS ns.example.com.",
        "auth.example.org. 60 IN NS b.auth.example.org.",
        "b.auth.example.org. 60 IN A 198.51.100.1",
        "ns.example.com. 60 IN A 198.51.100.1",
    ]
    assert "The other layout" not in run(tmp_path, "records").stdout


def test_the_name_of_the_api_outside_needs_its_address_and_a_way_to_the_proof(tmp_path):
    """The second only where its certificate is got by this server."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]', '[api]\nhostnames = ["api.example.org"]\n')
    without = lines(tmp_path)
    assert without[-1] == "api.example.org. 3600 IN A 198.51.100.1"
    configure(tmp_path, 'addresses = ["198.51.100.1"]', '[api]\ntls = "acme"\nhostnames = ["api.example.org"]\n')
    assert lines(tmp_path) == [
        *without,
        "_acme-challenge.api.example.org. 300 IN CNAME _acme-challenge.auth.example.org.",
    ]


def test_a_parent_further_up_changes_the_names_of_the_form(tmp_path):
    """Zones are not cut at every dot."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]\nnameservers = ["org"]')
    assert {one["name"] for one in documents(tmp_path)} == {"auth", None}
    assert {one["name"] for one in documents(tmp_path, "--parent", "ORG.")} == {"auth.example", "@"}


def test_ports_of_the_firewall(tmp_path):
    """DNS always, the API and its proof over HTTP where others reach them."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]')
    document = json.loads(run(tmp_path, "records", "--json").stdout)
    assert (str(document["firewall"]).count("443"), document["forward_53_to"]) == (0, [])
    api = '[api]\ntls = "acme"\nhostnames = ["api.example.org"]\nlisten = ["0.0.0.0:443", "127.0.0.1:8081"]\n'
    configure(tmp_path, 'addresses = ["198.51.100.1"]', f'{api}[certificate]\nhttp_listen = ["0.0.0.0:80"]\n')
    document = json.loads(run(tmp_path, "records", "--json").stdout)
    for commands in document["firewall"].values():
        joined = " ".join(commands)
        assert all(word in joined for word in ("53", "udp", "tcp", "443", "80"))
        assert "8081" not in joined
    # Proved over HTTP, so that no CNAME leads to the zone.
    assert "challenge" not in {record["purpose"] for record in document["records"]}
    assert "the API need be open to the hosts that renew alone" in run(tmp_path, "records").stdout


def test_a_port_that_is_forwarded_is_opened_where_that_is_done(tmp_path):
    """A container's, or a router's."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]', '[dns]\nlisten = ["auto", "127.0.0.1:5353"]\nport = 8053\n')
    document = json.loads(run(tmp_path, "records", "--json").stdout)
    assert (document["forward_53_to"], document["firewall"]) == ([5353, 8053], {})
    assert "DNS listens on port 5353, 8053: what comes to port 53" in run(tmp_path, "records").stdout


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """A folder with three accounts, two of which are for www.example.org."""
    configure(tmp_path, 'addresses = ["198.51.100.1"]')
    assert run(tmp_path, "db", "upgrade").returncode == 0
    for label, subdomain in (
        ("example.org, *.a.example.org", "one"),
        ("www.example.org", "two"),
        ("www.example.org", "three"),
    ):
        assert run(tmp_path, "account", "new", "--label", label, "--subdomain", subdomain).returncode == 0
    return tmp_path


def test_a_host_gets_its_cname_and_the_caa_records(accounts):
    """The account is the one whose label names the host, alone or among others; www.example.org only has it in it."""
    assert lines(accounts, "Example.org.", "*.a.example.org") == [
        "_acme-challenge.example.org. 300 IN CNAME one.auth.example.org.",
        "_acme-challenge.a.example.org. 300 IN CNAME one.auth.example.org.",
        'example.org. 3600 IN CAA 0 issue "letsencrypt.org; validationmethods=dns-01"',
        'example.org. 3600 IN CAA 0 issuewild ";"',
        'a.example.org. 3600 IN CAA 0 issue "letsencrypt.org; validationmethods=dns-01"',
    ]


def test_ca_account_and_parent_are_chosen(accounts):
    """RFC 8657; a form has names of its zone."""
    options = (
        "--ca",
        "CA.example",
        "--account-url",
        ACCOUNT_URL,
        "--wildcard",
        "--account",
        "two",
        "--parent",
        "example.org",
    )
    value = f"ca.example; validationmethods=dns-01; accounturi={ACCOUNT_URL}"
    assert lines(accounts, "example.org", *options)[1:] == [
        f'example.org. 3600 IN CAA 0 issue "{value}"',
    ]
    assert [(one["name"], one["type"], one["value"]) for one in documents(accounts, "example.org", *options)] == [
        ("_acme-challenge", "CNAME", "two.auth.example.org."),
        ("@", "CAA", f'0 issue "{value}"'),
    ]
    printed = run(accounts, "records", "example.org", *options).stdout
    assert "By --account-url, no ACME account" not in printed
    assert "issuewild" not in printed
    assert (
        "Whether example.org is a CNAME could not be seen (255.255.255.255: no way leads there): beside one" in printed
    )


CA_URL = "https://acme.ca.test/acct/9"
LE_URL = "https://acme-v02.api.letsencrypt.org/acme/acct/1"


def issue(ca: str, url: str = "") -> str:
    """The value of a CAA record."""
    return f"{ca}; validationmethods=dns-01" + (f"; accounturi={url}" if url else "")


@pytest.mark.parametrize(
    ("cas", "urls", "options", "values"),
    [
        ("", "", [], [issue("letsencrypt.org")]),
        ("ca.example", "", [], [issue("ca.example")]),
        # The one CA has all accounts, wherever they are.
        ("ca.example", f"{CA_URL},{LE_URL}", [], [issue("ca.example", CA_URL), issue("ca.example", LE_URL)]),
        # Of several each has those that are at its own hosts.
        ("ca.test,letsencrypt.org", LE_URL, [], [issue("ca.test"), issue("letsencrypt.org", LE_URL)]),
        ("", f"{CA_URL},{LE_URL}", [], [issue("letsencrypt.org", LE_URL)]),
        ("ca.example", CA_URL, ["--ca", "letsencrypt.org"], [issue("letsencrypt.org")]),
        ("ca.example", CA_URL, ["--account-url", LE_URL], [issue("ca.example", LE_URL)]),
    ],
)
def test_ca_and_accounts_are_those_of_the_configuration(accounts, monkeypatch, cas, urls, options, values):
    """What acmedns check compares with; options go before it."""
    monkeypatch.setenv("ACMEDNS_CHECK__CA", cas)
    monkeypatch.setenv("ACMEDNS_CHECK__ACCOUNTS", urls)
    found = documents(accounts, "example.org", "--wildcard", *options)[1:]
    assert [one["value"] for one in found] == [f'0 issue "{value}"' for value in values]
    printed = run(accounts, "records", "example.org", *options).stdout
    assert ("By --account-url, no ACME account" in printed) == any("accounturi" not in value for value in values)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["www.example.org"], "2 accounts have the label www.example.org; choose by --account: two.auth.example.org, three"),
        (["b.example.org"], "no account has the label b.example.org; make it by acmedns account new b.example.org"),
        (["b.example.org", "--account", "four"], "there is no account 'four'"),
        (["a..b"], "host 'a..b' can't be used: "),
        (["192.0.2.1"], "host '192.0.2.1' can't be used: this is an address"),
        (["example.org", "--ca", "a b"], "--ca 'a b' can't be used: "),
        (["example.org", "--account-url", "17"], "--account-url '17' is no account URL"),
        (["example.org", "--account-url", "https://ca.example/a;b"], "has a character in it that CAA can't hold"),
        (["example.org", "--parent", "example.com"], "--parent 'example.com' is not above example.org"),
        (["--parent", "example.net"], "--parent 'example.net' is not above auth.example.org"),
    ],
)  # fmt: skip
def test_what_can_not_be_told_is_one_line(accounts, arguments, line):
    done = run(accounts, "records", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    assert line in done.stderr


LABEL = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20).map(
    lambda text: name.to_text(bytes((len(text),)) + text.encode() + name.ROOT).removesuffix(".")
)


@given(below=st.lists(LABEL, max_size=3), zone=st.lists(LABEL, min_size=1, max_size=3))
def test_field_and_zone_make_the_owner(below, zone):
    """Whatever the labels are made of; elsewhere there is no field."""
    apex = ".".join(zone)
    owner = ".".join([*below, *zone])
    field = Record(owner, 60, "A", "192.0.2.1", "address").field(apex)
    assert name.absolute(field, name.from_text(apex)).lower() == name.from_text(owner)
    assert Record(apex, 60, "A", "192.0.2.1", "address").field(f"x.{apex}") is None
