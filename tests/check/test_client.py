"""`acmedns check client`: a client's own file against the running server, one fault of it at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from acmedns_py.cli.client_files import FORMATS
from tests.check.lab import Checked, Lab
from tests.lab.laboratory import ACMEDNS
from tests.lab.layouts import CLIENT

ZONE = "acme.example.org"
URL = f"https://{ZONE}"
DOMAIN = "client.example.org"

PATHS = {
    "good.example.org": (f"_acme-challenge.good.example.org. CNAME client.{ZONE}.",),
    "twice.example.org": (
        "_acme-challenge.twice.example.org. CNAME t.example.org.",
        f"t.example.org. CNAME client.{ZONE}.",
    ),
    "missing.example.org": (),
    "left.example.org": ('_acme-challenge.left.example.org. TXT "left behind"',),
    "gone.example.org": ("_acme-challenge.gone.example.org. CNAME nothing.example.org.",),
    "away.example.org": ("_acme-challenge.away.example.org. CNAME www.elsewhere.org.",),
    "loop.example.org": ("_acme-challenge.loop.example.org. CNAME _acme-challenge.loop.example.org.",),
    "nobody.example.org": (f"_acme-challenge.nobody.example.org. CNAME nobody.{ZONE}.",),
    "slow.example.org": (f"_acme-challenge.slow.example.org. 7200 CNAME client.{ZONE}.",),
    "www.lame.org": (),
    "farthest.org": (),
    "a.half.org": (),
    "b.half.org": (),
    "silent.puppet.org": (),
}
"""Domains of one account, and what stands in the owner's zone for them."""

LEADING = ("good.example.org", "twice.example.org", "slow.example.org", "a.half.org", "b.half.org")
"""Those that reach it."""

RECORDS = [
    f"_acme-challenge.{DOMAIN}. CNAME client.{ZONE}.",
    f"site.example.org. A {CLIENT}",
    *(line for lines in PATHS.values() for line in lines),
]


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
    file.write_text(json.dumps(document), encoding="utf-8")
    before = file.stat()
    checked = lab.check("client", "--storage", str(file), "--json", *arguments, configured=False)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
    return checked


def ids(checked: Checked) -> list[tuple[str, str]]:
    """Give what was found where."""
    return [(one["id"], one["subject"]) for one in checked.findings("client", "hosts")]


def test_a_client_that_is_set_up_well_has_no_finding(lab):
    """And its account is as before."""
    credential = account(lab, "client")
    before = lab.ask("GET", "/admin/v1/accounts/client")
    checked = check(lab, {DOMAIN: entry(credential)})
    assert (ids(checked), checked.code) == ([], 0)
    assert [(one["id"], one["subject"]) for one in checked.good("hosts")] == [("host-path", DOMAIN)]
    assert lab.ask("GET", "/admin/v1/accounts/client") == before


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"password": "x" * 40}, "client-refused"),
        ({"password": "x\r\ny"}, "client-unreachable"),
        ({"password": "\ud800"}, "client-refused"),
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


def test_paths_are_judged_as_those_of_any_host(lab):
    """What `acmedns check --host` finds of the same domains, silent and missing servers included."""
    credential = account(lab, "client")
    lab.ask("PATCH", "/admin/v1/accounts/client", {"label": ", ".join(LEADING)})
    found = check(lab, dict.fromkeys(PATHS, entry(credential)))
    expected = lab.check(*(word for host in PATHS for word in ("--host", host)), "--json")
    lab.ask("PATCH", "/admin/v1/accounts/client", {"label": ""})
    assert found.findings("client") == []
    assert {one["verdict"] for one in found.findings("hosts") if one["subject"] == "silent.puppet.org"} == {"FAIL"}
    assert sorted(ids(found)) == sorted((one["id"], one["subject"]) for one in expected.findings("hosts"))
    assert [one["subject"] for one in found.good("hosts")] == [one["subject"] for one in expected.good("hosts")]
    assert (found.code, found.document["cause"]) == (2, expected.document["cause"])


def test_what_there_was_no_time_for_is_not_tested(lab):
    """As of any check: the servers of that zone are waited for longer than a second."""
    checked = check(lab, {"silent.puppet.org": entry(account(lab, "client"))}, "--timeout", "1")
    assert {one["verdict"] for one in checked.findings("hosts")} == {"NOT TESTED"}
    assert checked.code == 3


def test_a_challenge_name_that_leads_to_another_account_is_told_with_the_record(lab):
    """It is no other's that the client can set."""
    checked = check(lab, {"good.example.org": entry(account(lab, "second"))})
    (finding,) = checked.findings("client", "hosts")
    assert (finding["id"], checked.good("hosts")) == ("client-cname", [])
    assert finding["paste"] == [f"_acme-challenge.good.example.org. CNAME second.{ZONE}."]


def test_a_zone_that_is_not_delegated_is_told(lab):
    """The path ends at the account's name, which the zone above answers for."""
    upper = lab.upper["first"].zones["example.org"]
    without = [line for line in upper if not line.startswith(f"{ZONE}. ")]
    credential = entry(account(lab, "client"))
    with (
        lab.upper["first"].serving("example.org", without),
        lab.upper["second"].serving("example.org", without),
    ):
        checked = check(lab, {DOMAIN: credential})
    assert ("delegation-missing", f"{ZONE}.") in ids(checked)


@pytest.mark.parametrize(
    ("changed", "domain", "seen"),
    [
        ({"fulldomain": "", "server_url": f"{URL}/health"}, DOMAIN, "neither the file nor the server says"),
        ({"fulldomain": "a..b", "server_url": f"{URL}/health"}, DOMAIN, "neither the file nor the server says"),
        ({}, "b\xfccher.example.org", "is not ASCII"),
        ({}, "a..b", "two dots in a row"),
    ],
)
def test_what_can_t_be_walked_is_not_passed_over(lab, changed, domain, seen):
    """It was not tested, and why."""
    checked = check(lab, {domain: entry(account(lab, "client"), **changed)})
    (finding,) = checked.findings("hosts")
    assert (finding["id"], finding["verdict"]) == ("client-path-unknown", "NOT TESTED")
    assert seen in finding["seen"]
    assert checked.code == 3


def test_what_the_file_does_not_say_can_be_said(lab):
    """A file of one account, as /register answered it."""
    credential = account(lab, "client")
    checked = check(lab, credential, "--api-url", URL, "--domain", DOMAIN)
    assert (ids(checked), checked.code) == ([], 0)
    checked = check(lab, credential, "--api-url", URL)
    assert (checked.code, "give --domain" in checked.printed) == (3, True)
    checked = check(lab, credential)
    assert (checked.code, "name it with --api-url" in checked.printed) == (3, True)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_that_is_made_is_read_back(lab, tmp_path, form):
    """With the account's whole name and its domain, from the file or from the server."""
    place, domain = tmp_path if FORMATS[form].per_domain else tmp_path / "file", f"{form}.made.example.org"
    made = lab.namespace.run(
        *(ACMEDNS, "account", "new", "-c", lab.config, "--format", form, "--output", place, "--url", URL, domain),
    )
    record = made.stdout.split()
    checked = lab.check(
        *("client", "--storage", str(place), "--format", form, "--json"),
        *(() if FORMATS[form].needs_url else ("--api-url", URL)),
        configured=False,
    )
    (finding,) = checked.findings("client", "hosts")
    assert (finding["id"], finding["subject"]) == ("host-no-alias", domain)
    assert finding["paste"] == [f"{record[0]} CNAME {record[-1]}"]


BODIES = {
    "null": "client-untold",
    "[]": "client-untold",
    "[" * 100_000: "client-unreachable",
    '{"fulldomain": 1}': "client-other-name",
    '{"fulldomain": "\\u001b]0;title\\u0007", "label": ["a.b"]}': "client-other-name",
    '{"label": "' + "a." * 40_000 + '"}': "client-other-name",
}


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_an_api_that_sends_what_it_should_not_is_told(lab, body):
    """Escaped and in bounds; and all that it was asked is GET."""
    with lab.site(body=body) as site:
        checked = check(lab, {DOMAIN: entry(account(lab, "client"), server_url="https://site.example.org")})
        asked = [line.split('"')[1] for line in site.text().splitlines() if "HTTP/1.1" in line]
    assert ids(checked)[0] == (BODIES[body], DOMAIN)
    assert all(character.isprintable() for character in checked.printed.rstrip("\n"))
    assert asked == ["GET /account HTTP/1.1"]


def test_a_file_that_may_not_be_read_is_one_line(lab):
    """The owner has no right to it, and no capability that goes over that."""
    file = lab.home / "locked.json"
    file.write_text("{}")
    file.chmod(0)
    plain = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    done = lab.namespace.run(*plain, ACMEDNS, "check", "client", "--storage", file, check=False)
    assert done.returncode == 3
    assert done.stdout.startswith(f"acmedns: {file} can't be read: Permission denied; name the file")
    assert done.stdout.count("\n") == 1


def test_the_directory_of_a_client_is_read(lab, tmp_path):
    """simple-acme has a file for each domain; a link to it is as good."""
    folder, link = tmp_path / "accounts", Path(tmp_path / "link")
    folder.mkdir()
    link.symlink_to(folder)
    keys = entry(account(lab, "client"))
    for domain in (DOMAIN, "good.example.org"):
        (folder / f"{domain}.json").write_text(json.dumps(keys))
    checked = lab.check("client", "--storage", str(link), "--json", configured=False)
    assert ids(checked) == []
    assert {one["subject"] for one in checked.good("hosts")} == {DOMAIN, "good.example.org"}
