"""`acmedns account new --format`: what each client finds in its file, how files are merged, and what is refused."""

import json
import os
import shlex
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import acmedns

ZONE = "auth.example.org"
URL = "https://acme.example.org"
MAPS = ("lego", "traefik", "cert-manager", "caddy", "acme-dns-client")
CREDENTIAL = {"username", "password", "fulldomain", "subdomain"}


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without accounts."""
    place = tmp_path_factory.mktemp("empty")
    configure(place)
    assert run(place, "db", "upgrade").returncode == 0
    return place / "acmedns.db"


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    """A folder with a configuration and a database, and no server."""
    configure(tmp_path)
    shutil.copy(empty_database, tmp_path)
    return tmp_path


def configure(place: Path, zone: str = ZONE) -> None:
    """Write a configuration."""
    (place / "config.toml").write_text(
        f'[zone]\nname = "{zone}"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "sqlite:///{place}/acmedns.db"\n'
    )


def run(folder: Path, *arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return acmedns(*arguments, "-c", folder / "config.toml", typed=typed, folder=folder)


def new(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Make accounts; that must go well."""
    done = run(folder, "account", "new", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def accounts(folder: Path) -> list[dict]:
    """All accounts, oldest first."""
    return [json.loads(line) for line in run(folder, "account", "list", "--json").stdout.splitlines()]


def refusal(folder: Path, *arguments: str | Path) -> str:
    """The one line with which it fails; no account was made."""
    done = run(folder, "account", "new", *arguments)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.count("\n") == 1
    with closing(sqlite3.connect(folder / "acmedns.db")) as connection:
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (0,)
    return done.stderr


@pytest.mark.parametrize("form", MAPS)
def test_maps_are_keyed_by_the_bare_name_and_hold_the_api_s_address(folder: Path, form: str):
    """One account for a name and its wildcard, without the final slash of the URL (clients #16, #17)."""
    done = new(folder, "--format", form, "--url", f"{URL}/", "Example.ORG.", "*.example.org", "www.example.net")
    document = json.loads(done.stdout)
    assert list(document) == ["example.org", "www.example.net"]
    for entry, account in zip(document.values(), accounts(folder), strict=True):
        assert entry.keys() == CREDENTIAL | {"server_url"}
        assert entry["server_url"] == URL
        assert (entry["username"], entry["subdomain"]) == (account["username"], account["subdomain"])
        assert entry["fulldomain"] == f"{entry['subdomain']}.{ZONE}"
        assert len(entry["password"]) == 40
    assert [account["label"] for account in accounts(folder)] == ["example.org", "www.example.net"]
    assert done.stderr.splitlines() == [
        f"_acme-challenge.{name}. 300 IN CNAME {entry['fulldomain']}." for name, entry in document.items()
    ]


def test_certbot_has_a_map_of_what_register_answers(folder: Path):
    """Its plugin's registration file."""
    document = json.loads(new(folder, "--format", "certbot", "example.org", "--allow-from", "192.0.2.0/24").stdout)
    assert document.keys() == {"example.org"}
    assert document["example.org"].keys() == CREDENTIAL | {"allowfrom"}
    assert document["example.org"]["allowfrom"] == ["192.0.2.0/24"]


def test_posh_acme_has_arrays_in_their_order_by_the_record_s_name(folder: Path):
    """Subdomain, username, password, complete name."""
    document = json.loads(new(folder, "--format", "posh-acme", "example.org").stdout)
    (account,) = accounts(folder)
    (entry,) = document["ACMEReg"].values()
    assert list(document["ACMEReg"]) == ["_acme-challenge.example.org"]
    assert [*entry[:2], entry[3]] == [account[key] for key in ("subdomain", "username", "fulldomain")]
    assert len(entry[2]) == 40


def test_acme_sh_gets_one_account_for_all_names(folder: Path):
    """Four exports that a shell reads; a CNAME for each name (clients #16)."""
    done = new(folder, "--format", "acme.sh", "--url", URL, "example.org", "example.net")
    (account,) = accounts(folder)
    shell = subprocess.run(["sh", "-c", f"{done.stdout}\nenv"], capture_output=True, text=True, check=True, env={})
    found = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert found["ACMEDNS_BASE_URL"] == URL
    assert found["ACMEDNS_USERNAME"] == account["username"]
    assert found["ACMEDNS_SUBDOMAIN"] == account["subdomain"]
    assert len(found["ACMEDNS_PASSWORD"]) == 40
    assert account["label"] == "example.org, example.net"
    assert done.stderr.count(f"IN CNAME {account['fulldomain']}.\n") == 2


def test_env_is_a_file_of_variables(folder: Path):
    """Without quotes and exports, as containers read it."""
    lines = dict(line.split("=", 1) for line in new(folder, "--format", "env", "--url", URL).stdout.splitlines())
    (account,) = accounts(folder)
    assert lines["ACMEDNS_FULLDOMAIN"] == account["fulldomain"]
    assert shlex.split(lines["ACMEDNS_PASSWORD"]) == [lines["ACMEDNS_PASSWORD"]]


def test_flat_and_raw_are_one_object_on_one_line(folder: Path):
    """Caddy's own object, and the answer that Certify takes."""
    flat = new(folder, "--format", "caddy-flat", "--url", URL, "example.org").stdout
    assert json.loads(flat).keys() == {"username", "password", "subdomain", "server_url"}
    raw = new(folder, "--format", "raw").stdout
    assert json.loads(raw).keys() == CREDENTIAL | {"allowfrom"}
    assert flat.count("\n") == raw.count("\n") == 1


def test_simple_acme_has_a_file_for_each_domain(folder: Path):
    """In the folder that it has for the server."""
    (folder / "acme-dns").mkdir()
    new(folder, "--format", "simple-acme", "-o", "acme-dns", "example.org", "example.net")
    for account, domain in zip(accounts(folder), ("example.org", "example.net"), strict=True):
        path = folder / "acme-dns" / f"{domain}.json"
        document = json.loads(path.read_text())
        assert document.keys() == CREDENTIAL
        assert document["username"] == account["username"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["lego", "certbot", "posh-acme"])
def test_a_file_is_added_to_and_keeps_what_it_holds(folder: Path, form: str):
    """In one step, for its owner alone, through a link; other keys of the client stay."""
    path, link = folder / "real.json", folder / "link.json"
    before = {"example.com": {"username": "u", "anything": [1, {"x": "\N{SNOWMAN}"}]}}
    if form == "posh-acme":
        before = {"ACMEServer": "https://x", "ACMEReg": {"_acme-challenge.example.com": ["s", "u", "p", "f"]}}
    path.write_text(json.dumps(before))
    path.chmod(0o644)
    link.symlink_to(path)
    done = new(folder, "--format", form, "--url", URL, "-o", "link.json", "example.org")
    after = json.loads(path.read_text())
    entries = after.get("ACMEReg", after)
    assert len(entries) == 2
    assert {**after, **before, "ACMEReg": None} == {**after, "ACMEReg": None}, "nothing else has changed"
    assert all(entries[key] == entry for key, entry in before.get("ACMEReg", before).items())
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(one.name for one in folder.glob("*.part")) == []
    assert done.stdout.startswith("_acme-challenge.example.org. 300 IN CNAME ")
    (account,) = accounts(folder)
    assert account["username"] in path.read_text()


def test_domains_come_from_a_file_too(folder: Path):
    """A line each; comments and empty lines don't count, nor does what is named twice."""
    (folder / "domains").write_text("# ours\nexample.org\n\n*.example.org  # the same\n EXAMPLE.net. \n")
    done = new(folder, "--domains", "domains", "www.example.org", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["domains"] for line in lines] == [["www.example.org"], ["example.org"], ["example.net"]]
    assert lines[0]["cnames"] == [f"_acme-challenge.www.example.org. 300 IN CNAME {lines[0]['fulldomain']}."]
    assert "password" in lines[0]


def test_a_chosen_subdomain_is_what_the_client_is_given(folder: Path):
    """Clients take the first label of the complete name for it (clients #8)."""
    document = json.loads(new(folder, "--format", "lego", "--url", URL, "--subdomain", "Web-1", "example.org").stdout)
    assert document["example.org"]["subdomain"] == "web-1"
    assert document["example.org"]["fulldomain"] == f"web-1.{ZONE}"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--format", "nothing"], "--format 'nothing' is not known; known are raw, lego"),
        (["--format", "lego", "--url", URL], "--format lego keeps accounts by domain; name the domains"),
        (["--format", "lego", "example.org"], "this format holds the API's address; say it by --url https://HOST"),
        (["--format", "env", "--url", "acme.example.org"], "--url 'acme.example.org' can't be used; write one such as"),
        (["--format", "env", "--url", f"{URL}/?a"], "without ? and #"),
        (["-o", "file"], "--output needs --format, one of raw, lego"),
        (["exa mple.org"], "domain 'exa mple.org' can't be used: "),
        (["192.0.2.1"], "domain '192.0.2.1' can't be used: this is an address"),
        (["a." * 117 + "example.org"], "this name is too long: with _acme-challenge. in front"),
        (["--domains", "missing"], "--domains missing can't be read: No such file or directory"),
        (["--domains", "empty"], "--domains empty names nothing; write one name a line"),
        (["--subdomain", "x", "a.example", "b.example"], "--subdomain is the name of one account, and 2 are to be made"),
        (["--format", "certbot", "-o", "broken.json", "example.org"], "broken.json is no JSON; name another file"),
        (["--format", "certbot", "-o", "flat.json", "example.org"], "flat.json holds no accounts by name"),
        (["--format", "certbot", "-o", "list.json", "example.org"], "list.json holds no accounts by name"),
        (["--format", "certbot", "-o", "map.json", "Example.com"], "map.json has an account for example.com already"),
        (["--format", "certbot", "-o", "none/map.json", "example.com"], "none can't be written; make it"),
        (["--format", "raw", "-o", "map.json"], "map.json exists already, and this form can't be added to a file"),
        (["--format", "simple-acme", "-o", "map.json", "example.org"], "map.json is no directory; this client has a file"),
        (["--format", "simple-acme", "-o", "d", "example.org"], "example.org.json has an account for example.org already"),
    ],
)  # fmt: skip
def test_what_can_not_be_done_is_one_line_and_makes_no_account(folder: Path, arguments: list[str], line: str):
    """Lego would take a flat file for an empty one and write over it, so it is not added to either."""
    (folder / "empty").write_text("# nothing\n")
    (folder / "broken.json").write_text("{")
    (folder / "flat.json").write_text('{"username": "u", "password": "p"}')
    (folder / "list.json").write_text("[]")
    (folder / "map.json").write_text('{"example.com": {"username": "u"}}')
    (folder / "d").mkdir()
    (folder / "d" / "example.org.json").write_text("{}")
    assert line in refusal(folder, *arguments)
    assert (folder / "map.json").read_text() == '{"example.com": {"username": "u"}}'


def test_a_name_that_does_not_fit_into_dns_is_refused(folder: Path):
    """Here, not when it is asked for (dns-correctness #84)."""
    zone = ".".join(["z" * 50] * 4) + ".org"
    configure(folder, zone)
    assert "would have more than 253 characters" in refusal(folder, "--subdomain", "x" * 63)
    assert json.loads(new(folder, "--subdomain", "x" * 45, "--json").stdout)["fulldomain"] == f"{'x' * 45}.{zone}"


def test_what_can_not_be_written_is_printed(folder: Path):
    """A password that was made is never lost: root may write everywhere, yet there are no files in /proc to make."""
    done = run(folder, "account", "new", "--format", "certbot", "-o", "/proc/map.json", "example.org")
    assert done.returncode == 1
    assert "/proc/map.json can't be written" in done.stderr or "/proc can't be written" in done.stderr
    made = accounts(folder)
    if os.geteuid() == 0:
        assert json.loads(done.stdout)["example.org"]["username"] == made[0]["username"]
