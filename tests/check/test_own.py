"""The server at its own addresses, and the API as clients meet it: exactly the finding that each fault should give."""

from __future__ import annotations

import pytest

from acmedns_py.check.own import ApiFacts, Site, Visit, judge
from tests.check.internet import ZONE
from tests.check.lab import Account, Lab
from tests.check.resolvers import INTERNAL_API, Kind
from tests.lab.layouts import CLIENT, OTHER_CLIENT, SERVER

ACCOUNTS = (Account("plain"), Account("locked", disabled=True))
RECORDS = [
    f"site.example.org. A {CLIENT}",
    f"misnamed.example.org. A {SERVER[0]}",
    f"dark.example.org. A {OTHER_CLIENT}",
    "far.example.org. A 45.33.10.1",
]

ALWAYS = {"registration-open", "accounts-unused", "accounts-disabled"}
"""The lab has accounts that nobody uses, and lets everybody register."""


def findings(lab: Lab, section: str, **options: str) -> list[dict]:
    """Check with options of the configuration; gives the findings of one section."""
    return lab.check("--json", options=options).findings(section)


def test_each_socket_of_the_server_answers(lab):
    """UDP and TCP at four addresses; the API at each of them."""
    checked = lab.check("--json")
    assert checked.findings("server") == []
    assert {one["id"] for one in checked.findings("api")} == ALWAYS
    assert checked.code == 0


@pytest.mark.parametrize(
    ("listen", "kind", "seen"),
    [(CLIENT, "server-silent", ""), (Kind.GOOD.value, "port-taken", "held by unbound (pid ")],
)
def test_an_address_that_is_not_served_is_told(lab, listen, kind, seen):
    """Nobody is there, or another program is, which is named; over each transport."""
    found = findings(lab, "server", ACMEDNS_DNS__LISTEN=f"{SERVER[0]},{listen}")
    assert [(one["id"], one["subject"]) for one in found] == [(kind, f"{listen}:53 ({way})") for way in ("UDP", "TCP")]
    assert all(seen in one["seen"] for one in found)


@pytest.mark.parametrize(
    ("url", "kind", "verdict"),
    [
        ("https://nothing.example.org", "api-no-address", "FAIL"),
        ("https://www.silent.puppet.org", "api-unresolved", "FAIL"),
        ("https://www.lame.org", "api-unresolved", "FAIL"),
        ("https://dark.example.org", "api-unreachable", "FAIL"),
        ("https://misnamed.example.org", "api-certificate", "FAIL"),
        # No way leads there from the lab, which says nothing of the API.
        ("https://far.example.org", "api-not-tested", "NOT TESTED"),
        ("https://www.farthest.org", "api-not-tested", "NOT TESTED"),
    ],
)
def test_an_api_that_clients_do_not_reach_is_told(lab, url, kind, verdict):
    """By the URL that the configuration names."""
    (found,) = (one for one in findings(lab, "api", ACMEDNS_CHECK__API_URL=url) if one["id"] not in ALWAYS)
    assert (found["id"], found["verdict"]) == (kind, verdict)


def test_behind_a_proxy_the_url_has_to_be_named(lab):
    """Nothing is looked at, and that is said."""
    found = findings(lab, "api", ACMEDNS_API__TLS="none")
    assert {one["id"] for one in found} - ALWAYS == {"api-unknown"}


def test_every_name_of_the_api_is_visited(lab):
    """A client may know any of them: here the second is not in the certificate."""
    found = findings(lab, "api", ACMEDNS_API__HOSTNAMES=f"{ZONE},misnamed.example.org")
    wrong = {(one["id"], one["subject"]) for one in found if one["id"] not in ALWAYS}
    assert wrong == {("api-certificate", f"misnamed.example.org at {SERVER[0]}")}


def test_registration_that_takes_a_token_is_not_open(lab):
    """The note is gone."""
    found = findings(lab, "api", ACMEDNS_API__REGISTRATION="token")
    assert {one["id"] for one in found} == ALWAYS - {"registration-open"}


REFUSED = '{"error": "malformed_json_payload"}'


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({}, None),
        ({"status": 404}, "api-not-ours"),
        ({"body": "It works!"}, "api-not-ours"),
        # A proxy that lets this host come to /update alone; and to nothing.
        ({"status": 403, "posted": (400, REFUSED)}, None),
        ({"status": 403, "posted": (401, '{"error": "forbidden"}')}, None),
        ({"status": 429, "posted": (400, REFUSED)}, None),
        ({"status": 403, "posted": (400, '{"message": "no"}')}, "api-not-ours"),
        ({"status": 403, "body": "<html>"}, "api-closed-to-us"),
        ({"status": 401, "body": "<html>"}, "api-closed-to-us"),
        ({"status": 429, "body": "<html>"}, "api-busy"),
        ({"status": 503, "body": "<html>"}, "api-unavailable"),
        ({"status": 502, "body": "<html>"}, "api-unavailable"),
        ({"skew": 3600}, "clock-off"),
        ({"days": (-70, 20)}, "api-certificate-late"),
        ({"days": (-85, 5)}, "api-certificate-ending"),
        ({"days": (-91, -1)}, "api-certificate"),
    ],
)
def test_what_answers_at_the_url_is_looked_at(lab, how, kind):
    """What it says at /health and /update, its clock, and how long its certificate lasts."""
    with lab.site(**how):
        found = findings(lab, "api", ACMEDNS_CHECK__API_URL="https://site.example.org/")
    assert {one["id"] for one in found} - ALWAYS == ({kind} if kind else set())


def test_an_api_that_is_known_in_the_own_network_alone_is_visited_there(lab):
    """Clients outside are told of in a note; what is wrong with it is found as with any other."""
    options = {
        "ACMEDNS_CHECK__API_URL": f"https://{INTERNAL_API}",
        "ACMEDNS_CHECK__RESOLVERS": Kind.INTERNAL.value,
    }
    for status, more in ((200, set()), (404, {("api-not-ours", f"{INTERNAL_API} at {CLIENT}")})):
        with lab.site(host="inside", status=status):
            found = findings(lab, "api", **options)
        wrong = {(one["id"], one["subject"]) for one in found if one["id"] not in ALWAYS}
        assert wrong == {("api-internal", INTERNAL_API), *more}


def test_addresses_that_this_host_has_no_way_to_are_not_called_wrong():
    """A host without IPv6 knows nothing of them."""
    visit = Visit("192.0.2.1", 1000.0, date=1000.0)
    for visits in ((visit,), ()):
        site = Site("https://api.example.org", visits, ("2001:db8::1",))
        facts = ApiFacts((site,), stats=None, registration_open=False)
        assert [one.kind.id for one in judge(facts)] == ["api-ipv6-untested"]
