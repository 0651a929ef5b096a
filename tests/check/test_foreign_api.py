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
