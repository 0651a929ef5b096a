"""A server as `acmedns setup` makes it, found by resolvers through the records that it prints, on a parent of NSD's."""

import json
import sys
from pathlib import Path

import pytest

from tests.lab.laboratory import ACMEDNS, start_server
from tests.lab.layouts import SERVER
from tests.lab.namespace import Namespace
from tests.lab.resolvers import Kind, start_resolver
from tests.lab.zones import ADDRESSES, DOMAIN, Zones
from tests.server import value
from tests.tools import peers

ZONE = f"auth.{DOMAIN}"

# A program under the name of systemd-resolved, which holds port 53 where its stub does, bound to the device as well.
RESOLVED = """
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"systemd-resolve", 0, 0, 0)
held = []
for address in ("127.0.0.53", "127.0.0.54"):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        held.append(socket.socket(socket.AF_INET, kind))
        held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        held[-1].bind((address, 53))
        if kind == socket.SOCK_STREAM:
            held[-1].listen()
print("held", flush=True)
sys.stdin.read() or __import__("signal").pause()
"""


@pytest.fixture
def namespace(tmp_path):
    """A private network with the addresses of the server and of the name servers above it."""
    for program in ("dig", "ip", "nsd", "nsenter", "setpriv", "unbound", "unshare"):
        peers.need(program)
    with Namespace(tmp_path, addresses=(*ADDRESSES, *SERVER), resolver=Kind.STRICT.value) as made:
        yield made


def setup(namespace: Namespace, place: Path, *arguments: str) -> dict:
    """Run it in the namespace, for the zone with the first address of each family."""
    enough = ("--yes", "--zone", ZONE, "--address", SERVER[0], "--address", SERVER[1], "--tls", "none")
    database = ("--database", f"sqlite:///{namespace.folder}/acmedns.db")
    command = (ACMEDNS, "setup", "-c", place, *enough, *database, "--json", *arguments)
    return json.loads(namespace.run(*command).stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--nameserver", f"ns1.{DOMAIN}", "--nameserver", f"ns2.{DOMAIN}"),
        ("--nameserver", f"ns1.{ZONE}", "--api-name", f"api.{DOMAIN}"),
    ],
    ids=["one-name", "outside", "inside"],
)
def test_what_it_prints_leads_resolvers_to_what_it_sets_up(namespace, tmp_path, arguments):
    """From the root down, by a resolver like Let's Encrypt's and by a strict one; and so do a host's records."""
    parent = Zones(namespace, [])
    for kind in Kind:
        start_resolver(namespace, kind, parent.hints())
    place = tmp_path / "config.toml"
    document = setup(namespace, place, *arguments)
    # NSD has port 53 of all its addresses; what is announced is left.
    assert document["in_the_way"] == []
    parent.publish([record["line"] for record in document["records"]])
    home = tmp_path / "acmedns"
    home.mkdir()
    start_server(namespace, home, place.read_text())

    def acmedns(*command: str) -> str:
        return namespace.run(ACMEDNS, *command, "-c", place).stdout

    acmedns("account", "new", "--subdomain", "web", "www.example.org")
    acmedns("account", "values", "web", "--set", value(1))
    checked = namespace.run(ACMEDNS, "check", "-c", place, "--root-hints", parent.hints(), "--json", check=False)
    sections = json.loads(checked.stdout)["sections"]
    failing = {one["id"] for section in sections for one in section["findings"] if one["verdict"] == "FAIL"}
    # There is no proxy here, and it is looked for where clients will.
    assert failing == {"api-unreachable"}
    assert "reach" in [section["name"] for section in sections]
    hosts = json.loads(acmedns("records", "www.example.org", "--wildcard", "--json"))["records"]
    parent.publish([record["line"] for record in hosts])
    names = {f"{record['owner']}" for record in document["records"] if record["type"] in ("A", "AAAA")}
    for kind in Kind:
        for name in (*names, f"{ZONE}.") if len(arguments) != 4 or "api" not in arguments[-1] else names:
            assert namespace.dig(kind.value, name, "A", "+short").split() == [SERVER[0]]
            assert namespace.dig(kind.value, name, "AAAA", "+short").split() == [SERVER[1]]
        assert f'"{value(1)}"' in namespace.dig(kind.value, "_acme-challenge.www.example.org", "TXT", "+short")
        caa = namespace.dig(kind.value, "www.example.org", "CAA", "+short").splitlines()
        assert caa == ['0 issue "letsencrypt.org; validationmethods=dns-01"']


def test_systemd_resolved_may_stay_beside_the_host_s_addresses(namespace, tmp_path):
    """Its stub is in the way of a wildcard alone; then the cure is printed, and resolution goes on by it."""
    namespace.start("resolved", sys.executable, "-c", RESOLVED).wait_for("held")
    document = setup(namespace, tmp_path / "auto.toml")
    assert document["in_the_way"] == []
    assert "[dns]" not in (tmp_path / "auto.toml").read_text()
    document = setup(namespace, tmp_path / "wildcard.toml", "--listen", "0.0.0.0")
    assert ["systemd-resolve (pid" in line for line in document["in_the_way"]] == [True, True]
    enough = ("--yes", "--zone", ZONE, "--address", SERVER[0], "--tls", "none", "--listen", "0.0.0.0")
    printed = namespace.run(ACMEDNS, "setup", "-c", tmp_path / "told.toml", *enough).stdout
    told = printed.partition("To take the port from systemd-resolved and go on resolving names:\n")[2]
    commands = told.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in commands] == ["ln", "mkdir", "printf", "systemctl"]


def test_beside_another_server_the_free_addresses_are_taken(namespace, tmp_path):
    """As with the dnsmasq of virtual machines: the announced address where it is this host's, else the free ones."""
    Zones(namespace, [])
    setup(namespace, tmp_path / "here.toml")
    assert f'listen = ["{SERVER[0]}", "{SERVER[1]}"]' in (tmp_path / "here.toml").read_text()
    command = ("--yes", "--zone", ZONE, "--address", "45.33.99.99", "--tls", "none")
    namespace.run(ACMEDNS, "setup", "-c", tmp_path / "nat.toml", *command)
    free = sorted(SERVER, key=lambda address: (":" in address, address))
    assert f"listen = {json.dumps(free)}" in (tmp_path / "nat.toml").read_text()
