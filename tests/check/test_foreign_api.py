"""What answers in place of the operator's routes, whatever it says: one line each, and the rest of the check goes on."""

from __future__ import annotations

import json

import pytest

from acmedns_py.service.door import MOST_OCTETS
from tests.check.internet import OWNER, ZONE
from tests.check.lab import Account
from tests.lab.layouts import CLIENT

ACCOUNTS = (Account("plain"),)
HOST = f"host.{OWNER}"
RECORDS = [f"site.{OWNER}. A {CLIENT}", f"_acme-challenge.{HOST}. CNAME plain.{ZONE}."]

CONTROL = "\x1b]0;title\x07\r\n<b>"

CANARY = {"name": "x/../..", "fulldomain": f"x.{ZONE}", "txt": "value"}
ACCOUNT = {"fulldomain": f"plain.{ZONE}", "label": HOST, "disabled": False}
STATS = {"accounts": 1, "never_updated": 0, "disabled": 0}
SOUND = {**CANARY, **ACCOUNT, **STATS}
"""What could be an answer of each of the routes that are asked here."""

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "html": b"<html><body>404</body></html>",
    "list": b"[]",
    "object": b"{}",
    "number": b"1",
    "huge": b'{"name": "' + b"x" * MOST_OCTETS + b'"}',
    "deep": b'{"name": ' + b"[" * 100_000,
    "latin-1": '{"name": "\xff"}'.encode("latin-1"),
    "other types": json.dumps({**SOUND, "name": 1, "label": None, "accounts": "many"}).encode(),
    "no name": json.dumps({**SOUND, "fulldomain": "a..b", "accounts": -1.5}).encode(),
    "control": json.dumps({**SOUND, "fulldomain": f"{CONTROL}.{ZONE}", "accounts": CONTROL}).encode(),
    "control, refused": json.dumps({"error": CONTROL, "detail": CONTROL * 100_000}).encode(),
}


@pytest.fixture(scope="module")
def token(lab):
    """A file with an operator's token, which the server that is asked here knows nothing of."""
    file = lab.home / "token"
    given = lab.ask("POST", "/admin/v1/tokens", {"name": "check", "scopes": ["write"]})["token"]
    file.write_text(given, encoding="ascii")
    return file


@pytest.mark.parametrize(
    ("status", "body"), [*((200, body) for body in BODIES), (500, "object"), (500, "control, refused")]
)
def test_an_answer_of_another_form_is_told_in_its_sections(lab, token, status, body):
    """They are not tested, and no octet of it reaches the terminal as it came."""
    file = lab.home / "body"
    file.write_bytes(BODIES[body])
    asked = ("--api-url", f"https://site.{OWNER}", "--token-file", str(token), "--host", HOST)
    with lab.site(status=status, body=f"@{file}"):
        checked = lab.check(ZONE, "--json", *asked, configured=False)
    assert all(char.isprintable() for char in checked.printed.rstrip("\n"))
    sections = {section["name"]: section for section in checked.document["sections"]}
    assert sections["canary"]["verdict"] == "NOT TESTED"
    assert sections["canary"]["not_tested"]
    assert "accounts by DNS alone" in sections["hosts"]["seen"]
    assert [one["id"] for one in checked.findings("hosts")] == []
    assert "accounts-untold" in {one["id"] for one in checked.findings("api")}
    assert checked.code == (2 if status == 500 or BODIES[body] else 3), "the API's /health is 200 and empty"
    assert len(checked.printed) < 20_000


def test_more_hosts_than_are_checked_without_being_named_are_told(lab, token):
    """How many there are; whoever has no time for the first thousand says so of each."""
    file = lab.home / "body"
    accounts = [{**ACCOUNT, "label": f"h{number}.{OWNER}"} for number in range(1_001)]
    file.write_text(json.dumps({**SOUND, "accounts": accounts, "next": None}))
    asked = ("--api-url", f"https://site.{OWNER}", "--token-file", str(token), "--labels", "--timeout", "3")
    with lab.site(body=f"@{file}"):
        checked = lab.check(ZONE, "--json", *asked, configured=False)
    (found,) = (one for one in checked.findings("hosts") if one["id"] == "labels-more")
    assert (found["verdict"], found["subject"]) == ("NOT TESTED", f"{ZONE}.")
    assert found["seen"] == "the first 1,000 of 1,001 hosts were looked at"


def test_labels_that_can_not_be_read_are_told_beside_the_hosts_that_are_named(lab):
    """There is no server to ask."""
    checked = lab.check(ZONE, "--json", "--labels", "--host", HOST, configured=False)
    assert [one["id"] for one in checked.findings("hosts")] == ["labels-unread"]
    assert checked.code == 3


def test_hosts_whose_labels_were_not_searched_are_counted(lab, token):
    """A hundred searches are what the server's database bears; what is then not seen must not look as if it were."""
    body, hosts = lab.home / "body", lab.home / "hosts"
    body.write_text(json.dumps({**SOUND, "accounts": [], "next": None}))
    hosts.write_text("".join(f"h{number}.{OWNER}\n" for number in range(102)))
    asked = ("--api-url", f"https://site.{OWNER}", "--token-file", str(token), "--hosts-file", str(hosts))
    with lab.site(body=f"@{body}"):
        checked = lab.check(ZONE, "--json", *asked, configured=False)
    (seen,) = (section["seen"] for section in checked.document["sections"] if section["name"] == "hosts")
    assert seen == "102 hosts, for 2 of them no other account was looked for whose label names them"
