"""Name servers that send what they should not: the check ends in time, shows all of it escaped, and says what it means."""

import json

import pytest

from tests.check.lab import Account

ACCOUNTS = (Account("plain"),)

CASES = {
    "control": ("host-wildcard", r"\027[31mred\007.a\013\010b"),
    "html": ("host-wildcard", "<script>"),
    "long": ("host-wildcard", r"\255\255"),
    "endless": ("host-chain-too-long", "endless."),
    "loop": ("host-loop", "_acme-challenge.loop.puppet.org. -> _acme-challenge.loop.puppet.org."),
    "texts": ("host-wildcard", r"\x1b]0;title\x07"),
    "many": ("host-wildcard", '"00000", "00001"'),
    "huge": ("host-zone-broken", "the response is too long to be read"),
    "silent": ("host-zone-broken", "no response in time"),
    "garbage": ("host-zone-broken", "can't be read"),
    "cut": ("host-zone-broken", "can't be read"),
    "drip": ("host-zone-broken", "no response in time"),
}
"""By the label that makes the server do it: the finding, and what is shown of it."""


@pytest.fixture(scope="module")
def options():
    """One host for each."""
    return [word for label in CASES for word in ("--host", f"{label}.puppet.org")]


@pytest.fixture(scope="module")
def checked(lab, options):
    """All at once: a slow one must not hold up the others. The lab looks for tracebacks."""
    return lab.check(*options, "--json")


@pytest.mark.parametrize("label", CASES)
def test_a_hostile_server_gets_a_finding(checked, label):
    """It is the cause that is named, and what is shown of it is escaped."""
    kind, seen = CASES[label]
    found = {one["id"]: one for one in checked.findings("hosts") if one["subject"] == f"{label}.puppet.org"}
    assert seen in found[kind]["seen"]


def test_programs_are_shown_it_in_bounds(checked):
    """JSON on one line, and no text in it that fills a page."""
    assert checked.code == 2
    assert all(character.isprintable() for character in checked.printed.rstrip("\n"))
    for finding in checked.findings("hosts", "caa", "resolvers"):
        assert all(len(text) < 2000 for text in map(json.dumps, finding.values()))


def test_one_hosts_servers_do_not_use_up_the_check(lab):
    """However many there are, and however much they send: all other hosts are looked at as if it were not there."""
    good = "host.upward.org"
    checked = lab.check("--host", "www.crowd.org", "--host", good, "--json")
    found = {(one["id"], one["subject"]): one["seen"] for one in checked.findings("hosts", "caa")}
    assert "this host's name servers sent more than one host may take" in found["host-not-tested", "www.crowd.org"]
    assert found["host-servers-many", "crowd.org."] == "13 of 26 addresses were not asked"
    assert "more than 11 aliases in a row" in found["caa-unanswered", "www.crowd.org"]
    assert {one["subject"] for one in checked.good("hosts")} == {good}
    verdicts = {one["name"]: one["verdict"] for one in checked.document["sections"]}
    assert verdicts["resolvers"] == "OK"
    assert verdicts["api"] != "NOT TESTED"


def test_slow_servers_do_not_extend_a_check(lab):
    """What was looked at by then is shown, and the rest is not tested, so that nothing of it is called good or bad."""
    hosts = ("--host", "a.slow.puppet.org", "--host", "b.plain.puppet.org")
    document = lab.check(*hosts, "--timeout", "8", "--json").document
    verdicts = {one["name"]: one["verdict"] for one in document["sections"]}
    assert verdicts["server"] == "OK"
    slow = [
        (one["id"], section["name"])
        for section in document["sections"]
        for one in section["findings"]
        if one["subject"] == "a.slow.puppet.org"
    ]
    assert slow == [("host-not-tested", "hosts"), ("caa-not-tested", "caa")]
    assert "the time of this check has run out" in document["sections"][4]["findings"][-1]["seen"]
    assert verdicts["resolvers"] == verdicts["api"] == "NOT TESTED"


def test_a_check_without_time_says_that_it_has_tested_nothing(lab):
    """Not that something is wrong: a silent server is not known to be silent so soon."""
    checked = lab.check("--host", "a.silent.puppet.org", "--timeout", "1", "--json")
    assert checked.code == 3
    assert {one["name"]: one["verdict"] for one in checked.document["sections"]}["hosts"] == "NOT TESTED"


def test_people_are_shown_it_on_single_lines(lab, options):
    """The same in the form for terminals."""
    printed = lab.check(*options).printed
    assert all(character == "\n" or character.isprintable() for character in printed)
    assert max(map(len, printed.splitlines())) < 1000
