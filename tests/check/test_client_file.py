"""The files that clients keep their accounts in, and those that are none: read by the command, or refused in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acmedns_py.check.client_file import FORMS, read
from acmedns_py.cli import app
from acmedns_py.cli.client_files import FORMATS

KEYS = {"username": "u", "password": "pppp", "subdomain": "s"}
URL = "https://auth.example.org"
ACME_SH = """\
Le_Domain='www.example.org'
Le_Alt='*.www.example.org,mail.example.org'
Le_Webroot='dns_acmedns'
ACMEDNS_USERNAME='u'
ACMEDNS_PASSWORD='pppp'
ACMEDNS_BASE_URL='https://auth.example.org'
ACMEDNS_SUBDOMAIN='s'
"""


def refused(path: Path, *arguments: str) -> str:
    """Check a file that can't be used; gives the one line that says why."""
    done = CliRunner().invoke(app, ["check", "client", "--storage", str(path), *arguments], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("acmedns: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1000
    return done.stderr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ACME_SH, [("www.example.org", URL), ("mail.example.org", URL)]),
        (ACME_SH.replace("'*.www.example.org,mail.example.org'", "'no'"), [("www.example.org", URL)]),
        ("SAVED_ACMEDNS_USERNAME=u SAVED_ACMEDNS_PASSWORD=pppp SAVED_ACMEDNS_SUBDOMAIN=s # account.conf", [("", "")]),
        (json.dumps({**KEYS, "fulldomain": None, "allowfrom": []}), [("", "")]),
        (json.dumps({"*.example.org": KEYS, "b.example.org": KEYS}), [("example.org", ""), ("b.example.org", "")]),
        (
            json.dumps(
                {"ACMEServer": "auth.example.org", "ACMEReg": {"_acme-challenge.a.org": ["s", "u", "pppp", "f"]}}
            ),
            [("a.org", URL)],
        ),
    ],
)
def test_what_a_file_says_besides_the_account_is_taken(tmp_path, text, found):
    """Domains and the API's address; the password is shown nowhere."""
    file = tmp_path / "file"
    file.write_text(text)
    credentials = read(file)
    assert [(one.domain, one.url) for one in credentials] == found
    assert {(one.username, one.password, one.subdomain) for one in credentials} == {("u", "pppp", "s")}
    assert "pppp" not in repr(credentials)


def test_the_clients_are_those_that_files_are_made_for():
    """One name for each, whichever way a file goes."""
    assert list(FORMS) == list(FORMATS)


MAP = json.dumps({"a.example.org": KEYS})
ONE = json.dumps(KEYS)
ARRAYS = json.dumps({"ACMEReg": {"_acme-challenge.a.org": ["s", "u", "pppp", "f"]}})
VARIABLES = "ACMEDNS_USERNAME=u\nACMEDNS_PASSWORD=pppp\nACMEDNS_SUBDOMAIN=s\n"


@pytest.mark.parametrize(
    ("text", "form", "seen"),
    [
        (ONE, "lego", "holds one account as a JSON object, where lego keeps a JSON object of accounts by domain"),
        (MAP, "raw", "holds a JSON object of accounts by domain, where raw keeps one account as a JSON object"),
        (ARRAYS, "certbot", "holds a JSON object with arrays below ACMEReg, where certbot keeps"),
        (VARIABLES, "cert-manager", "holds variables ACMEDNS_..., where cert-manager keeps"),
        (MAP, "acme.sh", "where acme.sh keeps variables ACMEDNS_..."),
        (MAP, "posh-acme", "where posh-acme keeps a JSON object with arrays below ACMEReg"),
        (ARRAYS, "caddy", "where caddy keeps a JSON object of accounts by domain or one account as a JSON object"),
        ("", "env", "holds nothing, where env keeps variables ACMEDNS_..."),
        (MAP, "bind", "--format 'bind' is not known; known are raw, lego, traefik, "),
    ],
)
def test_another_client_s_file_is_refused(tmp_path, text, form, seen):
    """What it looks like, and what that client keeps."""
    file = tmp_path / "file"
    file.write_text(text)
    assert seen in refused(file, "--format", form)


@pytest.mark.parametrize(
    ("octets", "seen"),
    [
        (b"", "holds nothing, and no accounts of acme-dns"),
        (b"{}", "holds a JSON object without a key"),
        (b"[]", "holds a JSON list"),
        (b"null", "holds a JSON null"),
        (b"true", "holds a JSON boolean"),
        (b"12", "holds a JSON number"),
        (b'"text"', "holds a JSON string"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(256)), "is no text: octet 135 is not UTF-8"),
        (b"\xff\xfe{\0}\0", "is no text: octet 0 is not UTF-8"),
        (b'{"a": {"username": 1}}', """file: 'a' has a JSON number as "username\""""),
        (b'{"a": {"username": "u", "password": "p"}}', """file: 'a' has no "subdomain\""""),
        (b'{"username": "u", "password": null, "subdomain": "s"}', 'has a JSON null as "password"'),
        (b'{"username": "u", "password": "p", "subdomain": "s", "server_url": []}', '"server_url" that is no text'),
        (MAP.encode()[:-1] + b', "version": 2}', "holds a JSON object with 'a.example.org', 'version'"),
        (b'{"\\u001b]0;title\\u0007": 1, "b": 2, "c": 3, "d": 4}', r"'\x1b]0;title\x07', 'b', 'c', ..."),
        (b'{"' + b"x" * 1_000_000 + b'": 1}', "holds a JSON object with 'xxx"),
        (b'{"ACMEReg": {"_acme-challenge.a.org": ["s", "u", "p"]}}', "is no list of subdomain, username"),
        (b'{"ACMEReg": {"_acme-challenge.a.org": ["s", "u", 7, "f"]}}', 'has a JSON number as "password"'),
        (b"# nothing\nACMEDNS_USERNAME='\n", "line 2 has a quotation without an end"),
        (b"export ACMEDNS_USERNAME=u\n", "sets no ACMEDNS_PASSWORD and no ACMEDNS_SUBDOMAIN"),
        (b"a b c", "holds text that is neither JSON nor variables"),
        (b"dns_acmedns_api_url = https://auth.example.org\n", "holds text that is neither JSON nor variables"),
        (b"x" * (1024 * 1024 + 1), "holds text that is neither JSON nor variables"),
    ],
    ids=range(25),
)
def test_a_file_that_is_none_is_one_line(tmp_path, octets, seen):
    """It names what was seen there."""
    file = tmp_path / "file"
    file.write_bytes(octets)
    told = refused(file, "--api-url", URL)
    assert f"acmedns: {file}" in told
    assert seen in told


@pytest.mark.parametrize("url", ["acme.example.org", "ftp://acme.example.org", "https://", "https://a.example.org?b"])
def test_a_url_that_is_none_is_one_line(tmp_path, url):
    """As in the file that an account is made for."""
    assert f"--api-url '{url}' can't be used; write one such as" in refused(tmp_path, "--api-url", url)


def test_the_api_may_be_at_an_address(tmp_path):
    """On the server itself, or in its container; nobody listens there."""
    file = tmp_path / "file"
    file.write_text(ONE)
    storage = ["check", "client", "--storage", str(file)]
    done = CliRunner().invoke(app, [*storage, "--api-url", "http://127.0.0.1:1"], catch_exceptions=False)
    assert (done.exit_code, "client-unreachable" in done.stdout) == (2, True)


def test_a_path_that_is_not_utf_8_is_told_escaped(tmp_path):
    """JSON is UTF-8; a path is any octets."""
    file = tmp_path / os.fsdecode(b"b\xff.json")
    file.write_text(ONE)
    storage = ["check", "client", "--json", "--storage", str(file), "--api-url", "http://127.0.0.1:1"]
    done = CliRunner().invoke(app, storage, catch_exceptions=False)
    assert json.loads(done.stdout)["zone"] == f"{tmp_path}/b\\udcff.json"


def test_what_is_no_file_is_one_line(tmp_path):
    """Nor can a huge file or a device be read for ever."""
    huge, folder, link, loop, pipe = (tmp_path / name for name in ("huge", "folder", "link", "loop", "pipe"))
    with huge.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    folder.mkdir()
    link.symlink_to(folder)
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    assert "has more than 16777216 octets" in refused(huge)
    assert "can't be read: it is no regular file; name the file" in refused(Path("/dev/zero"))
    assert "can't be read: it is no regular file; name the file" in refused(pipe)
    assert "can't be read: No such file or directory" in refused(tmp_path / "none")
    assert "can't be read: Input/output error" in refused(Path("/proc/self/mem"))
    assert "can't be read: Too many levels of symbolic links" in refused(loop)
    assert "is a directory without a file *.json" in refused(link)
    assert "is a directory, and lego keeps its accounts in a file" in refused(link, "--format", "lego")
    (folder / "a.example.org.json").write_text("[]")
    assert "link/a.example.org.json holds a JSON list" in refused(link)
