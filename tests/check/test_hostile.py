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
    "silent": ("host-zone-broken", "no response in time"),
    "garbage": ("host-zone-broken", "can't be read"),
    "cut": ("host-zone-broken", "can't be read"),
    "drip": ("host-zone-broken", "no response in time"),
}
"""By the label that makes the server do it: the finding, and what is shown of it."""


@pytest.mark.parametrize("label", CASES)
def test_a_hostile_server_gets_a_finding_and_nothing_more(lab, label):
    """No traceback, which the lab looks for; no octet that moves a cursor; JSON that can be read."""
    kind, seen = CASES[label]
    checked = lab.check("--host", f"{label}.puppet.org", "--json")
    found = {one["id"]: one for one in checked.findings("hosts")}
    assert seen in found[kind]["seen"]
    assert checked.code == 2
    assert all(character.isprintable() for character in checked.printed.rstrip("\n"))
    for finding in checked.findings("hosts", "caa", "resolvers"):
        assert all(len(text) < 2000 for text in map(json.dumps, finding.values()))


def test_people_are_shown_it_on_single_lines(lab):
    """The same in the form for terminals, of all that come at once."""
    hosts = [word for label in CASES for word in ("--host", f"{label}.puppet.org")]
    printed = lab.check(*hosts).printed
    assert all(character == "\n" or character.isprintable() for character in printed)
    assert max(map(len, printed.splitlines())) < 1000
