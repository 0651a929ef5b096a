"""Each finding about CAA, in a lab where just that record is there, and none where the CA may issue."""

from dataclasses import dataclass, field

import pytest

from tests.check.lab import Account
from tests.check.test_hosts import OUR, challenge

ACCOUNTS = (Account("plain"),)

ANYBODY: dict[str, str] = {}
CA = {"ACMEDNS_CHECK__CA": "ca.example"}
URL = "https://ca.example/acct/17"
CLIENT = {**CA, "ACMEDNS_CHECK__ACCOUNTS": URL}
WITH_DNS = "validationmethods=http-01,dns-01"
OTHER = "https://ca.example/acct/18"
CLIENTS = {**CA, "ACMEDNS_CHECK__ACCOUNTS": f"{URL},{OTHER}"}


@dataclass(frozen=True)
class Row:
    """CAA records by owner, "@" being the host; the finding, "" for none; and its subject where that is not the host.

    `seen` and `cure` are what is in those texts of the finding, besides.
    """

    finding: str
    host: str
    records: tuple[str, ...]
    options: dict[str, str] = field(default_factory=lambda: ANYBODY)
    subject: str = ""
    paste: tuple[str, ...] = ()
    seen: str = ""
    cure: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the owner's zone."""
        bare = self.host.removeprefix("*.")
        own = () if bare.endswith("puppet.org") else (challenge(bare, f"plain.{OUR}"),)
        return (*own, *(line.replace("@", f"{bare}.", 1) for line in self.records))


ROWS = [
    Row("", "none.example.org", (), CA),
    Row("", "named.example.org", ('@ CAA 0 issue "ca.example"',), CA),
    Row("", "anybody.example.org", ('@ CAA 0 issue "whoever.example"',)),
    Row("", "below.named.example.org", (), CA),
    Row("", "nearest.example.org", ('@ CAA 0 issue "ca.example"', 'up.nearest.example.org. CAA 0 issue ";"'), CA),
    Row(
        "caa-forbids",
        "other.example.org",
        ('@ CAA 0 issue "other.example"',),
        CA,
        paste=('other.example.org. CAA 0 issue "ca.example"',),
    ),
    Row("caa-forbids", "nobody.example.org", ('@ CAA 0 issue ";"',)),
    Row("caa-forbids", "x.y.above.example.org", ('above.example.org. CAA 0 issue ";"',), CA),
    # Nothing can stand beside a CNAME, at whatever height it is.
    Row(
        "caa-forbids",
        "alias.example.org",
        ("@ CNAME caatarget.example.org.", 'caatarget CAA 0 issue ";"'),
        CA,
        paste=('caatarget.example.org. CAA 0 issue "ca.example"',),
        cure="It goes to caatarget.example.org., and not to alias.example.org.: that is a CNAME",
    ),
    Row(
        "caa-forbids",
        "below.alias.example.org",
        (),
        CA,
        paste=('caatarget.example.org. CAA 0 issue "ca.example"',),
        cure="It goes to caatarget.example.org., and not to alias.example.org.: that is a CNAME",
    ),
    # The parent of an alias's target says nothing (RFC 8659 3).
    Row("", "toalias.example.org", ("@ CNAME a.parent.example.org.", "a.parent TXT x", 'parent CAA 0 issue ";"'), CA),
    Row(
        "caa-forbids",
        "*.wild.example.org",
        ('@ CAA 0 issue "ca.example"', '@ CAA 0 issuewild ";"'),
        CA,
        paste=('wild.example.org. CAA 0 issuewild "ca.example"',),
    ),
    # The first issuewild would shut out the other CA.
    Row(
        "caa-forbids",
        "*.starless.example.org",
        ('@ CAA 0 issue "other.example"',),
        CA,
        paste=('starless.example.org. CAA 0 issue "ca.example"',),
    ),
    Row("", "tame.example.org", ('@ CAA 0 issue "ca.example"', '@ CAA 0 issuewild ";"'), CA),
    Row("", "*.only.example.org", ('@ CAA 0 issue ";"', '@ CAA 0 issuewild "ca.example"'), CA),
    Row("caa-forbids", "*.deep.sub.example.org", ('sub.example.org. CAA 0 issuewild ";"',), CA),
    Row(
        "caa-method",
        "http.example.org",
        ('@ CAA 0 issue "ca.example; validationmethods=http-01"',),
        CA,
        paste=('http.example.org. CAA 0 issue "ca.example; validationmethods=http-01,dns-01"',),
    ),
    *(
        Row(
            "caa-method-other",
            f"{method}.example.org",
            (f'@ CAA 0 issue "ca.example; validationmethods={method}"',),
            CA,
            subject=f"{method}.example.org.",
        )
        for method in ("dns-account-01", "dns-persist-01")
    ),
    # Whatever else a record says is kept.
    Row(
        "caa-method",
        "*.params.example.org",
        (
            '@ CAA 0 issue "ca.example"',
            f'@ CAA 128 issuewild "ca.example; validationmethods=http-01; accounturi={URL}; tier=7"',
        ),
        CA,
        paste=(f'params.example.org. CAA 128 issuewild "ca.example; accounturi={URL}; tier=7; {WITH_DNS}"',),
    ),
    Row(
        "caa-account",
        "acct.example.org",
        ('@ CAA 0 issue "ca.example; accounturi=https://ca.example/1; validationmethods=dns-01"',),
        CLIENT,
        paste=(f'acct.example.org. CAA 0 issue "ca.example; validationmethods=dns-01; accounturi={URL}"',),
        seen=f"not for {URL}: acct.example.org.",
    ),
    Row(
        "caa-account",
        "neither.example.org",
        ('@ CAA 0 issue "ca.example; accounturi=https://ca.example/1"',),
        CLIENTS,
        paste=tuple(f'neither.example.org. CAA 0 issue "ca.example; accounturi={one}"' for one in (URL, OTHER)),
        seen=f"not for {URL}, {OTHER}: neither.example.org.",
    ),
    Row(
        "caa-account-some",
        "one.example.org",
        (f'@ CAA 0 issue "ca.example; accounturi={URL}"',),
        CLIENTS,
        paste=(f'one.example.org. CAA 0 issue "ca.example; accounturi={OTHER}"',),
        seen=f"not for {OTHER}: one.example.org.",
    ),
    Row(
        "", "both.example.org", tuple(f'@ CAA 0 issue "ca.example; accounturi={one}"' for one in (URL, OTHER)), CLIENTS
    ),
    Row("", "mine.example.org", (f'@ CAA 0 issue "ca.example; accounturi={URL}"',), CLIENT),
    Row(
        "caa-account-bound",
        "bound.example.org",
        (f'@ CAA 0 issue "ca.example; accounturi={URL}"',),
        CA,
        subject="bound.example.org.",
    ),
    Row("caa-critical", "crit.example.org", ('@ CAA 0 issue "ca.example"', '@ CAA 128 future "x"'), CA),
    Row("", "known.example.org", ('@ CAA 128 issue "ca.example"',), CA),
    Row("caa-flag", "flag.example.org", ('@ CAA 1 issue "ca.example"',), CA, subject="flag.example.org."),
    Row(
        "caa-malformed",
        "odd.example.org",
        ('@ CAA 0 issue "ca.example"', '@ CAA 0 iodef "mailto:\\233"'),
        CA,
        subject="odd.example.org.",
    ),
    Row("caa-not-tested", "farther.example.org", ("@ CNAME www.farthest.org.",), CA),
    Row("caa-unanswered", "a.nocaa.puppet.org", (), CA),
]

RECORDS = [line for row in ROWS if not row.host.endswith("puppet.org") for line in row.lines]


@pytest.fixture(scope="module")
def checked(lab, tmp_path_factory):
    """A check of all hosts that are wanted by the same CA for the same client, by its options."""
    made = {}
    for options in (ANYBODY, CA, CLIENT, CLIENTS):
        hosts = tmp_path_factory.mktemp("hosts") / "hosts"
        hosts.write_text("".join(f"{row.host}\n" for row in ROWS if row.options is options))
        made[id(options)] = lab.check("--hosts-file", str(hosts), "--json", options=options)
    return made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.finding or 'sound'}-{row.host}")
def test_records_have_just_the_finding_that_they_should(checked, row):
    """A CA that may issue has nothing to be told."""
    subjects = {row.host, f"{row.host.removeprefix('*.')}."}
    findings = [one for one in checked[id(row.options)].findings("caa", "resolvers") if one["subject"] in subjects]
    assert [(one["id"], one["subject"]) for one in findings] == (
        [(row.finding, row.subject or row.host)] if row.finding else []
    )
    if row.paste:
        assert findings[0]["paste"] == list(row.paste)
        assert row.seen in findings[0]["seen"]
        assert row.cure in findings[0]["cure"]
        if findings[0]["verdict"] == "FAIL":
            assert findings[0]["consequence"] == f"ca.example will refuse {row.host}, and say that CAA forbids it."


def test_who_may_issue_is_told(checked):
    """Of every host that is not refused."""
    found = {one["subject"]: one["seen"] for one in checked[id(CA)].good("caa")}
    assert found["none.example.org"] == "no CAA record from here to the root: any CA may issue"
    assert found["*.only.example.org"].startswith("ca.example may issue; only.example.org. 60 IN CAA 0 issue")
    failing = {one["subject"] for one in checked[id(CA)].findings("caa") if one["verdict"] in {"FAIL", "NOT TESTED"}}
    assert set(found) == {row.host for row in ROWS if row.options is CA} - failing


def test_nothing_else_is_found(checked):
    """Each finding is one that a row expects."""
    found = [one for one in checked.values() for one in one.findings("caa", "resolvers")]
    assert sorted(one["id"] for one in found) == sorted(row.finding for row in ROWS if row.finding)


@pytest.mark.parametrize(
    ("host", "options", "configured", "findings"),
    [
        ("acct.example.org", (), {}, []),
        ("other.example.org", ("--ca", "ca.example"), {}, ["caa-forbids"]),
        ("other.example.org", ("--ca", "ca.example", "--ca", "Other.Example."), {}, []),
        ("acct.example.org", ("--ca", "ca.example", "--account-url", URL), {}, ["caa-account"]),
        ("one.example.org", ("--account-url", OTHER, "--account-url", URL), {}, ["caa-account-some"]),
        ("other.example.org", ("--ca", "other.example"), CA, []),
        ("acct.example.org", ("--account-url", "https://ca.example/1"), CLIENT, []),
    ],
)
def test_what_is_wanted_can_be_told_without_a_configuration_and_goes_before_one(
    lab, host, options, configured, findings
):
    """On the host of an owner there is no configuration."""
    checked = lab.check(
        "acme.example.org", "--host", host, *options, "--json", configured=bool(configured), options=configured
    )
    assert [one["id"] for one in checked.findings("caa") if one["verdict"] != "NOTE"] == findings
