"""`acmedns check client`: a client's own file against the running server, one fault of it at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from acmedns_py.check.client_file import read
from acmedns_py.cli.client_files import FORMATS, ClientFile, Made
from acmedns_py.errors import Unusable
from tests.check.lab import Checked, Lab

ZONE = "acme.example.org"
URL = f"https://{ZONE}"
DOMAIN = "client.example.org"
RECORDS = [f"_acme-challenge.{DOMAIN}. CNAME client.{ZONE}."]


def account(lab: Lab, label: str, *allow_from: str) -> dict[str, Any]:
    """Make an account, or give it a new password."""
    body = {"subdomain": label, "allowfrom": list(allow_from)}
    found = {one["subdomain"] for one in lab.ask("GET", "/admin/v1/accounts")["accounts"]}
    if label in found:
        return lab.ask("POST", f"/admin/v1/accounts/{label}/password", {})
    return lab.ask("POST", "/admin/v1/accounts", body)


def entry(credential: Mapping[str, Any], **changed: str) -> dict[str, str]:
    """Give what lego keeps of an account."""
    keys = ("fulldomain", "subdomain", "username", "password")
    return {**{key: credential[key] for key in keys}, "server_url": URL, **changed}


def check(lab: Lab, document: object, *arguments: str) -> Checked:
    """Check a file that holds this."""
    file = lab.home / "storage.json"
    text = json.dumps(document)
    file.write_text(text, encoding="utf-8")
    checked = lab.check("client", "--storage", str(file), "--json", *arguments, configured=False)
    assert file.read_text(encoding="utf-8") == text, "it is read, and nothing else"
    return checked


def ids(checked: Checked) -> list[tuple[str, str]]:
    """Give what was found where."""
    return [(one["id"], one["subject"]) for one in checked.findings("client")]


def test_a_client_that_is_set_up_well_has_no_finding(lab):
    """And its account is as before."""
    credential = account(lab, "client")
    before = lab.ask("GET", "/admin/v1/accounts/client")
    checked = check(lab, {DOMAIN: entry(credential)})
    assert (ids(checked), checked.code) == ([], 0)
    assert lab.ask("GET", "/admin/v1/accounts/client") == before


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"password": "x" * 40}, "client-refused"),
        ({"password": "x\r\ny"}, "client-unreachable"),
        ({"subdomain": "other"}, "client-other-name"),
        ({"server_url": f"https://{ZONE}:444"}, "client-unreachable"),
        ({"server_url": "not a URL"}, "client-unreachable"),
        ({"server_url": f"{URL}/health"}, "client-untold"),
    ],
)
def test_a_wrong_entry_is_told(lab, changed, kind):
    """With its domain, and without its password."""
    checked = check(lab, {DOMAIN: entry(account(lab, "client"), **changed)})
    assert ids(checked) == [(kind, DOMAIN)]
    assert "xxxx" not in checked.printed


def test_an_account_that_is_for_other_networks_is_told(lab):
    """As the server sees this host."""
    checked = check(lab, {"elsewhere.example.org": entry(account(lab, "elsewhere", "192.0.2.0/24"))})
    assert ids(checked)[0] == ("client-shut-out", "elsewhere.example.org")


def test_a_challenge_name_that_leads_elsewhere_is_told_with_the_record(lab):
    """There is none for this domain."""
    checked = check(lab, {"www.example.org": entry(account(lab, "client"))})
    (finding,) = checked.findings("client")
    assert finding["id"] == "client-cname"
    assert finding["paste"] == [f"_acme-challenge.www.example.org. 300 IN CNAME client.{ZONE}."]


def test_what_the_file_does_not_say_can_be_said(lab):
    """A file of one account, as /register answered it."""
    credential = account(lab, "client")
    assert ids(check(lab, credential, "--api-url", URL, "--domain", DOMAIN)) == []
    checked = check(lab, credential)
    assert (checked.code, "name it with --api-url" in checked.printed) == (3, True)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_that_is_written_is_read(tmp_path, form):
    """With domain and URL where the client keeps them."""
    credential = {
        "username": "8e57ed5c-0c1c-4a0c-9c25-ad6b9b0aefc1",
        "password": "p" * 40,
        "fulldomain": f"client.{ZONE}",
        "subdomain": "client",
        "allowfrom": [],
    }
    place = tmp_path if FORMATS[form].per_domain else tmp_path / "file"
    ClientFile(FORMATS[form], place).take([Made(credential, [DOMAIN], URL)])
    (found,) = read(place)
    assert (found.username, found.password, found.subdomain) == (credential["username"], "p" * 40, "client")
    keeps_domain = FORMATS[form].key is not None or FORMATS[form].per_domain
    assert found.domain == (DOMAIN if keeps_domain else "")
    assert found.url == (URL if FORMATS[form].needs_url else "")
    assert "ppp" not in repr(found)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"a": {"username": 1}}',
        b"ACMEDNS_USERNAME='",
        b"a b c",
    ],
)
def test_a_file_that_is_none_is_one_line(tmp_path, octets):
    """Whatever it holds."""
    file = tmp_path / "file"
    file.write_bytes(octets)
    with pytest.raises(Unusable, match="file"):
        read(file)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    """Nor can a device be read for ever."""
    for path in (tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(Unusable):
            read(path)
