"""The round trip of a random value: what stands between it and a CA, one fault at a time; and that nothing is left."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.check import internet
from tests.check.internet import TLD_ZONE
from tests.check.lab import REPOSITORY, Lab
from tests.check.resolvers import Kind
from tests.lab.laboratory import ACMEDNS, start_server
from tests.lab.layouts import SERVER
from tests.lab.nameserver import cut
from tests.lab.namespace import Namespace

ZONE = "round.org"
OURS = "45.33.4.1"
BOX = "45.33.4.2"
RESOLVER = "45.33.4.3"

FAULTS = {"forgets": "canary-missing", "lags": "canary-late", "long-ttl": "ttl-long"}


@pytest.fixture(scope="module")
def home(lab: Lab) -> Iterator[Lab]:
    """A server of ours whose second address is a middlebox in front of it."""
    space = lab.namespace
    for address in (OURS, BOX, RESOLVER):
        space.run("ip", "addr", "add", address, "dev", "lo")
    folder = space.folder / "round"
    folder.mkdir()
    configuration = f"""[zone]
name = "{ZONE}"
addresses = ["{OURS}", "{BOX}"]
[dns]
listen = ["{OURS}"]
[api]
listen = ["{OURS}:8080"]
[database]
url = "sqlite:///{folder}/acmedns.db"
[admin]
socket = "{folder}/admin.sock"
[check]
root_hints = "{lab.hints}"
resolvers = ["{RESOLVER}"]
"""
    start_server(space, folder, configuration)
    with lab.upper["tld"].serving("org", [*TLD_ZONE, *cut(ZONE, {ZONE: (OURS, BOX)})]):
        yield lab


@contextmanager
def box(lab: Lab, address: str, upstream: str, fault: str) -> Iterator[None]:
    """Put a middlebox in front of a name server or resolver."""
    module = (sys.executable, "-m", "tests.check.middlebox", upstream, f"{address}={fault}")
    with lab.namespace.running(f"box-{address}", *module, env={"PYTHONPATH": str(REPOSITORY)}) as started:
        started.wait_for("listening")
        yield


def check(lab: Lab, fault: str = "none", *, resolver: str = "none") -> dict:
    """Check through middleboxes that do this before our server, and before a resolver; gives the canary's section."""
    folder = lab.namespace.folder / "round"
    with box(lab, BOX, OURS, fault), box(lab, RESOLVER, Kind.GOOD.value, resolver):
        done = lab.namespace.run(ACMEDNS, "check", "--json", "-c", folder / "config.toml", check=False)
    return section_of(json.loads(done.stdout))


def section_of(document: dict) -> dict:
    """Give the canary's part of a report."""
    (section,) = (one for one in document["sections"] if one["name"] == "canary")
    return section


def canaries(space: Namespace) -> str:
    """Give what is answered for the name that all canaries are below."""
    return space.dig(OURS, f"_acmedns-check.{ZONE}", "TXT", "+norecurse")


def test_a_value_is_seen_everywhere_and_then_gone(home):
    """Without a trace: the reserved name has nothing below it, and does not exist."""
    section = check(home)
    assert (section["verdict"], section["findings"]) == ("OK", [])
    assert re.fullmatch("seen at ([45]) of \\1 addresses, everywhere within .*", section["seen"])
    assert "NXDOMAIN" in canaries(home.namespace)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_stands_before_the_server_is_found(home, fault):
    """At the address that it stands at, and at no other; which of the two a resolver asks is chance."""
    (finding,) = (one for one in check(home, fault)["findings"] if one["id"] != "canary-unresolved")
    assert (finding["id"], finding["subject"]) == (FAULTS[fault], BOX)


def test_a_resolver_that_does_not_find_it_is_told(home):
    """It is no failure: CAs have resolvers of their own."""
    (finding,) = check(home, resolver="forgets")["findings"]
    assert (finding["id"], finding["verdict"], finding["subject"]) == ("canary-unresolved", "WARN", RESOLVER)


def test_a_database_that_takes_nothing_is_a_failure_of_the_server(home):
    """As its clients meet it."""
    path = home.namespace.folder / "round" / "acmedns.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        (finding,) = check(home)["findings"]
    assert finding["id"] == "canary-refused"


def test_without_a_server_it_is_not_tested_and_says_why(home):
    """On another host: its server can't be asked to set anything."""
    checked = home.check(internet.ZONE, "--json", configured=False)
    section = section_of(checked.document)
    assert section["verdict"] == "NOT TESTED"
    assert "no configuration of its server" in section["not_tested"]
    assert checked.code == 3


def test_from_another_host_a_token_of_the_server_will_do(home):
    """Over the API, whose certificate is looked at on the way; and what it sets there is gone at the end."""
    token = home.ask("POST", "/admin/v1/tokens", {"name": "check", "scopes": ["write"]})["token"]
    file = home.home / "token"
    file.write_text(f"{token}\n", encoding="ascii")
    options = ("--api-url", f"https://{internet.ZONE}", "--token-file", str(file))
    checked = home.check(internet.ZONE, "--json", *options, configured=False)
    assert section_of(checked.document)["seen"].startswith("seen at 5 of 5")
    assert checked.code == 0
    assert "NXDOMAIN" in home.namespace.dig(SERVER[0], f"_acmedns-check.{internet.ZONE}", "TXT", "+norecurse")
    other = section_of(home.check(ZONE, "--json", *options, configured=False).document)
    assert "another zone's" in other["not_tested"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--token-file", "/dev/null"), "name its API with --api-url"),
        (("--token-file", "/dev/null", "--api-url", f"https://{internet.ZONE}"), "holds no token"),
        (("--token-file", "/none", "--api-url", f"https://{internet.ZONE}"), "can't be read"),
        (("--api-url", "ftp://x"), "write the URL that clients are given"),
    ],
)
def test_what_can_not_be_used_is_one_line(home, options, told):
    """Exit code 3: nothing was tested."""
    checked = home.check(internet.ZONE, *options, configured=False)
    assert (checked.code, checked.printed.count("\n")) == (3, 1)
    assert told in checked.printed
