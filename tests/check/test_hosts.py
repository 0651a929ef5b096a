"""Each finding about a host's challenge name, in a lab where just that is wrong, and none where nothing is."""

from dataclasses import dataclass

import pytest

from acmedns_py.accounts.challenge_label import challenge_label
from tests.check.internet import LAME, PUPPET
from tests.check.lab import Account

VALUE = "v" * 43
ACCOUNTS = (
    Account("flat", "flat.example.org", value=VALUE),
    Account("given", "given.example.org"),
    Account("labelled", "labelled.example.org"),
    Account("good", "good.example.org"),
    Account("plain"),
    Account("mail", "mail.example.org"),
    Account("right", "misled.example.org"),
    Account("locked", disabled=True),
)


@dataclass(frozen=True)
class Row:
    """What is wrong with a host: records of its zone, and the finding, whose subject is the host unless named.

    `first` and `second` are records that one of the zone's two servers has alone; `then` is what can't be tested for it.
    """

    finding: str
    host: str
    records: tuple[str, ...]
    first: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    subject: str = ""
    seen: str = ""
    paste: str = ""
    then: str = ""

    @property
    def findings(self) -> list[str]:
        """The ids, in the order of a report."""
        return [self.finding, *([self.then] if self.then else [])]


def challenge(host: str, target: str, *, ttl: int = 60) -> str:
    """Give the line of a CNAME record."""
    return f"_acme-challenge.{host}. {ttl} CNAME {target}."


OUR = "acme.example.org"
URL = "https://ca.example/acct/17"
LABEL = challenge_label(URL)
CHAIN = tuple(f"c{number}.example.org. CNAME c{number + 1}.example.org." for number in range(14))

ROWS = [
    Row("host-no-alias", "missing.example.org", (), seen="NXDOMAIN"),
    Row(
        "host-account-label",
        "labelled.example.org",
        (f"{LABEL}._acme-challenge.labelled.example.org. CNAME labelled.{OUR}.",),
        seen="NOERROR",
    ),
    Row("host-no-account", "own.example.org", (challenge("own.example.org", f"_acme-challenge.{OUR}"),)),
    Row("host-no-alias", "empty.example.org", ('x._acme-challenge.empty.example.org. TXT "x"',), seen="NOERROR"),
    Row("host-txt-instead", "txt.example.org", ('_acme-challenge.txt.example.org. TXT "left behind"',), seen="left"),
    Row("host-flattened", "flat.example.org", (f'_acme-challenge.flat.example.org. TXT "{VALUE}"',), seen=VALUE),
    Row("host-txt-instead", "other.example.org", (f'_acme-challenge.other.example.org. TXT "{VALUE}"',)),
    Row(
        "host-delegated",
        "given.example.org",
        (f"_acme-challenge.given.example.org. NS {OUR}.",),
        seen=f"_acme-challenge.given.example.org. NS {OUR}.",
        paste=f"_acme-challenge.given.example.org. CNAME given.{OUR}.",
    ),
    Row(
        "host-owner-doubled",
        "owner.example.org",
        (f"_acme-challenge.owner.example.org.example.org. CNAME good.{OUR}.",),
        seen="_acme-challenge.owner.example.org.example.org.",
    ),
    Row(
        "host-target-doubled",
        "target.example.org",
        (challenge("target.example.org", f"good.{OUR}.example.org"),),
        paste=f"_acme-challenge.target.example.org. CNAME good.{OUR}.",
    ),
    Row("host-dangling", "dangling.example.org", (challenge("dangling.example.org", "gone.example.org"),)),
    Row(
        "host-dangling",
        "middle.example.org",
        (challenge("middle.example.org", "m.example.org"), "m.example.org. CNAME gone.elsewhere.org."),
        seen="gone.elsewhere.org. (NXDOMAIN)",
    ),
    Row("host-elsewhere", "elsewhere.example.org", (challenge("elsewhere.example.org", "www.elsewhere.org"),)),
    Row(
        "host-taken",
        "taken.example.org",
        (challenge("taken.example.org", "abc.authorize.certificatemanager.goog"),),
        seen="Google",
    ),
    Row(
        "host-taken",
        "proxied.example.org",
        (challenge("proxied.example.org", "proxied.example.org.0123.dcv.cloudflare.com"),),
        seen="Cloudflare",
    ),
    Row("host-not-tested", "farthest.org", (), seen="no way leads there", then="caa-not-tested"),
    Row("host-loop", "loop.example.org", (challenge("loop.example.org", "l.example.org"), "l CNAME l2", "l2 CNAME l")),
    Row("host-chain-too-long", "long.example.org", (challenge("long.example.org", "c0.example.org"), *CHAIN)),
    Row("host-wildcard", "any.wild.example.org", ("*.wild.example.org. CNAME www.example.org.",)),
    Row("host-wildcard-shared", "any.shared.example.org", (f"*.shared.example.org. CNAME plain.{OUR}.",)),
    Row("host-no-account", "stranger.example.org", (challenge("stranger.example.org", f"nobody.{OUR}"),)),
    Row("host-account-disabled", "locked.example.org", (challenge("locked.example.org", f"locked.{OUR}"),)),
    Row(
        "host-other-account",
        "misled.example.org",
        (challenge("misled.example.org", f"plain.{OUR}"),),
        paste=f"_acme-challenge.misled.example.org. CNAME right.{OUR}.",
    ),
    Row("host-label-differs", "web.example.org", (challenge("web.example.org", f"mail.{OUR}"),)),
    Row(
        "host-servers-differ",
        "uneven.example.org",
        (),
        first=(challenge("uneven.example.org", f"plain.{OUR}"),),
        second=(challenge("uneven.example.org", f"good.{OUR}"),),
    ),
    Row("host-ttl-long", "slow.example.org", (challenge("slow.example.org", f"plain.{OUR}", ttl=7200),)),
    Row("host-zone-broken", "www.lame.org", (), then="caa-not-tested"),
    Row("host-zone-broken", "h.sideways.alone.org", (), seen="without authority", then="caa-not-tested"),
    Row("host-server-fails", "a.half.org", (), seen="REFUSED", subject="45.33.7.2 for half.org."),
    Row("host-server-fails", "a.half.org", (), seen="REFUSED", subject="2600:3c00:7::2 for half.org."),
    Row("host-txt-beside", "beside.puppet.org", (), seen="old value"),
    Row("host-in-our-zone", f"api.{OUR}", ()),
]

GROUPS = ("hosts", "caa", "resolvers")

SOUND = {
    "farther.org": (),
    # Whoever fails for NS alone has the answers that a CA asks for.
    "www.ns-refused.puppet.org": (),
    "www.ns-notimp.puppet.org": (),
    "www.ns-silent.puppet.org": (),
    "persist.example.org": (f"_validation-persist.persist.example.org. CNAME plain.{OUR}.",),
    "good.example.org": (challenge("good.example.org", f"good.{OUR}"),),
    "*.good.example.org": (),
    "plain.example.org": (challenge("plain.example.org", f"plain.{OUR}"),),
    "twice.example.org": (challenge("twice.example.org", "t.example.org"), f"t.example.org. CNAME plain.{OUR}."),
}

RECORDS = (*(line for row in ROWS for line in row.records), *(line for lines in SOUND.values() for line in lines))
FIRST_RECORDS = [line for row in ROWS for line in row.first]
SECOND_RECORDS = [line for row in ROWS for line in row.second]


@pytest.fixture(scope="module")
def checked(lab, tmp_path_factory):
    """One check of every host of this module, and of one more that a half dead zone has."""
    hosts = tmp_path_factory.mktemp("hosts") / "hosts"
    hosts.write_text("# all\n" + "".join(f"{one}\n" for one in (*(row.host for row in ROWS), *SOUND, "b.half.org")))
    return lab.check("--hosts-file", str(hosts), "--json")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.finding}-{row.subject or row.host}")
def test_a_host_has_just_the_finding_that_was_made(checked, row):
    """One thing is wrong with each."""
    findings = [one for one in checked.findings(*GROUPS) if one["subject"] == (row.subject or row.host)]
    assert [one["id"] for one in findings] == row.findings
    assert row.seen in findings[0]["seen"]
    if row.paste:
        assert findings[0]["paste"] == [row.paste]


def test_nothing_else_is_found(checked):
    """Sound hosts have no finding, the lab itself has notes at most, and a server's own fault is told once."""
    expected = {(finding, row.subject or row.host) for row in ROWS for finding in row.findings}
    assert {(one["id"], one["subject"]) for one in checked.findings(*GROUPS)} == expected
    assert len(checked.findings(*GROUPS)) == len(expected)
    assert {one["verdict"] for one in checked.findings("delegation", "reach")} <= {"NOTE"}


def test_an_account_url_leads_to_the_name_of_dns_account_01(lab):
    """docs/other-challenges.md: where `_acme-challenge` is missing a client may use a name below it."""
    host = "labelled.example.org"
    checked = lab.check("--host", host, "--account-url", URL, "--json")
    assert checked.findings("hosts", "resolvers") == []
    assert [one["seen"] for one in checked.good("hosts")] == [
        f"{LABEL}._acme-challenge.{host}. (60 s) -> labelled.{OUR}."
    ]
    (found,) = lab.check("--host", host, "--account-url", f"{URL}8", "--json").findings("hosts", "resolvers")
    assert found["id"] == "host-no-alias"
    assert f"no way to us from {challenge_label(f'{URL}8')}._acme-challenge.{host}., _validation" in found["seen"]


def test_names_of_the_api_outside_of_the_zone_lead_to_the_servers_own(lab):
    """docs/operations.md; the configuration says which they are, and without one nobody knows."""
    options = {"ACMEDNS_API__TLS": "acme", "ACMEDNS_API__HOSTNAMES": "own.example.org"}
    checked = lab.check("--host", "own.example.org", "--json", options=options)
    assert checked.findings("hosts") == []
    assert [one["id"] for one in checked.good("hosts")] == ["host-path"]
    elsewhere = lab.check(OUR, "--host", "own.example.org", "--json", configured=False).findings("hosts")
    assert [(one["id"], one["verdict"]) for one in elsewhere] == [("host-own-certificate", "NOTE")]


@pytest.mark.parametrize("zone", LAME)
def test_a_lame_server_hides_nothing(lab, zone):
    """The other server's alias and CAA records are found; a resolver may be misled, so it is not looked at."""
    checked = lab.check("--host", f"host.{zone}", "--json")
    found = [(one["id"], one["subject"]) for one in checked.findings("hosts", "caa")]
    assert found == [("host-server-fails", f"{PUPPET[0]} for {zone}."), ("caa-forbids", f"host.{zone}")]
    assert [one["subject"] for one in checked.good("hosts")] == [f"host.{zone}"]


def test_what_follows_and_what_to_do_name_the_host(checked):
    """And the account, where it is about that."""
    found = {one["subject"]: one for one in checked.findings("hosts")}
    missing, locked = found["missing.example.org"], found["locked.example.org"]
    assert missing["consequence"] == "No CA can issue for missing.example.org by dns-01 now."
    assert "acmedns account new missing.example.org makes an account" in missing["cure"]
    assert locked["cure"] == f"acmedns account enable locked.{OUR} lets it in again."


def test_a_path_that_is_good_is_shown_with_its_ttls(checked):
    """Every host that no CA will refuse has one."""
    found = {one["subject"]: one["seen"] for one in checked.good("hosts")}
    assert {one["id"] for one in checked.good("hosts")} == {"host-path"}
    failing = {one["subject"] for one in checked.findings("hosts") if one["verdict"] in {"FAIL", "NOT TESTED"}}
    without_alias = {f"api.{OUR}", "flat.example.org"}
    assert set(found) == {*(row.host for row in ROWS), *SOUND, "b.half.org"} - failing - without_alias
    assert found["twice.example.org"] == (
        f"_acme-challenge.twice.example.org. (60 s) -> t.example.org. (60 s) -> plain.{OUR}."
    )


def test_a_host_without_caa_records_may_have_certificates(checked):
    """That is told of each, as what lets the CA issue."""
    assert ("caa-allows", "good.example.org") in {(one["id"], one["subject"]) for one in checked.good("caa")}


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("farthest.org", 3),
        ("good.example.org", 0),
        ("slow.example.org", 0),
        ("a.half.org", 1),
        ("missing.example.org", 2),
    ],
)
def test_the_exit_code_says_how_bad_it_is(lab, host, code):
    """0 with notes, 1 with a warning, 2 with a failure."""
    assert lab.check("--host", host).code == code


def test_what_hosts_share_is_asked_once(lab, tmp_path):
    """Sixty hosts of a zone: root and TLD hear of its delegation a few times (the lab's unbound asks there as well)."""
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"h{number}.example.org\n" for number in range(60)))
    above = [lab.upper[name] for name in ("root", "tld")]
    before = [server.asked()["NS"] for server in above]
    lab.check("--hosts-file", str(hosts))
    assert all(0 < server.asked()["NS"] - counted < 10 for server, counted in zip(above, before, strict=True))


def test_what_the_repeat_line_asks_is_what_was_seen(lab):
    """A person can paste it."""
    found = lab.check("--host", "missing.example.org", "--json")
    line = found.findings(*GROUPS)[0]["repeat"].split()
    assert "status: NXDOMAIN" in lab.namespace.run(*line).stdout


def test_without_the_server_accounts_are_judged_by_dns(lab):
    """On another machine there is neither configuration nor socket: a name that does not exist is no account's."""
    hosts = ("stranger.example.org", "locked.example.org", "good.example.org")
    options = [word for host in hosts for word in ("--host", host)]
    found = lab.check(OUR, *options, "--json", configured=False)
    assert [(one["id"], one["subject"]) for one in found.findings("hosts")] == [("host-no-account", hosts[0])]
    (section,) = (one for one in found.document["sections"] if one["name"] == "hosts")
    assert section["seen"] == "3 hosts, accounts by DNS alone: no configuration of its server is at hand"
