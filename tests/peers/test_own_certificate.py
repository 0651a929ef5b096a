"""The API's own certificate from a real CA (Pebble): got, renewed, and got after all, whatever stood in between."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab import layouts, zones
from tests.lab.authority import DIRECTORY, Trust, start_pebble
from tests.lab.laboratory import ACMEDNS, start_server
from tests.lab.layouts import ONE_NAME, SERVER
from tests.lab.nameserver import address_record
from tests.lab.namespace import Namespace, Program, until
from tests.lab.resolvers import Kind, start_resolver
from tests.lab.zones import DOMAIN, Delegation, Zones
from tests.tools import peers

ZONE = ONE_NAME.zone
OUTSIDE = f"api.{DOMAIN}"
"""A host beside the zone, whose challenge is a CNAME to the zone's."""

ISSUED = "certificate_issued"
SECONDS = 40


class Ground:
    """A world of names with a CA in it, and our server with one home that outlives its runs."""

    def __init__(self, namespace: Namespace, home: Path, parent: Zones, trust: Trust) -> None:
        self.namespace = namespace
        self.home = home
        self.parent = parent
        self.trust = trust
        self.state = home / "state"
        self.server: Program | None = None
        self.pebble: Program | None = None
        self._runs = 0

    def start_ca(self, *, settings: dict[str, Any] | None = None, env: dict[str, str] | None = None) -> None:
        self._runs += 1
        resolver = Kind.LETS_ENCRYPT.value
        name = f"pebble-{self._runs}"
        self.pebble = start_pebble(self.namespace, self.trust, resolver, name=name, settings=settings, env=env)

    def start(self, api: str = "", certificate: str = "", records: str = "") -> None:
        self.server = start_server(
            self.namespace,
            self.home,
            f"""[zone]
name = "{ZONE}"
addresses = {json.dumps(SERVER)}
{records}
[dns]
listen = {json.dumps([f"[{address}]" if ":" in address else address for address in SERVER])}
workers = 2
[api]
tls = "acme"
{api if "listen =" in api else f'listen = ["{SERVER[0]}:443"]' + chr(10) + api}
[certificate]
directory = "{DIRECTORY}"
state_dir = "{self.state}"
{certificate or f'ca_bundle = "{self.trust.bundle}"'}
[database]
url = "sqlite:///{self.home}/acmedns.db"
""",
        )

    def wait_for(self, event: str, *, seconds: float = SECONDS) -> dict[str, Any]:
        assert self.server is not None
        found: dict[str, Any] = json.loads(self.server.wait_for(rf'.*"{event}".*', seconds=seconds)[0])
        return found

    def stop(self) -> None:
        assert self.server is not None
        assert self.server.stop() == 0
        assert "Traceback" not in self.server.text()

    def kill(self) -> None:
        assert self.server is not None
        self.server.process.kill()
        self.server.process.wait()

    def minute_passes(self) -> None:
        """Let the pause be over, without waiting for it."""
        (self.state / "pause.json").unlink(missing_ok=True)

    def standing(self, host: str = ZONE, *options: str) -> dict[str, Any]:
        """Ask /health/ready as a client that trusts only the CA, or as one that trusts everyone (`--insecure`)."""
        root = self.home / "root.pem"
        if not options:
            root.write_text(self._curl("https://127.0.0.1:15000/roots/0", "--cacert", str(self.trust.bundle)))
            options = ("--cacert", str(root))
        document = json.loads(self._curl(f"https://{host}/health/ready", *options))
        assert document["ready"]
        standing: dict[str, Any] = document["certificate"]
        return standing

    def orders(self) -> int:
        """Count the orders that the CA has taken."""
        return len(re.findall(r"There are now \d+ orders in the db", self.ca_log()))

    def ca_log(self) -> str:
        assert self.pebble is not None
        return self.pebble.text()

    def challenge(self) -> str:
        return self.namespace.dig(SERVER[0], f"_acme-challenge.{ZONE}", "TXT", "+norecurse")

    def answers(self, url: str, *options: str) -> dict[str, Any] | None:
        """Ask once; None where no answer comes."""
        done = self.namespace.run(peers.need("curl"), "--silent", "--max-time", "5", url, *options, check=False)
        found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return found

    def status(self, url: str) -> str:
        """Give the status of an HTTP answer."""
        return self._curl(url, "--output", "/dev/null", "--write-out", "%{http_code}")

    def start_stranger(self, place: str) -> None:
        """Let a server of somebody else answer HTTP there."""
        address, _, port = place.rpartition(":")
        stranger = self.namespace.start(
            "stranger", *(sys.executable, "-u", "-m", "http.server", "--bind", address, port)
        )
        stranger.wait_for("Serving HTTP")

    def acmedns(self, *arguments: str) -> str:
        """Run a command beside the server."""
        return self.namespace.run(ACMEDNS, *arguments, "-c", self.home / "config.toml").stdout

    def until_idle(self) -> None:
        """Wait until what the last try came to is noted."""

        def idle() -> bool:
            note: dict[str, Any] = json.loads((self.state / "pause.json").read_bytes())
            return not note["failures"]

        until(idle, seconds=SECONDS, what="rest")

    def _curl(self, url: str, *options: str) -> str:
        return self.namespace.run(
            peers.need("curl"), "--silent", "--show-error", "--max-time", "20", url, *options
        ).stdout

    def refusal(self) -> str:
        """Give why the first try came to nothing: one line, which says what is wrong before the CA's words."""
        problem: str = self.wait_for("certificate_not_issued")["problem"]
        self.stop()
        return problem


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with _ground(tmp_path, [*ONE_NAME.parent_records(), address_record(OUTSIDE, SERVER[0])]) as made:
        yield made


@contextmanager
def _ground(folder: Path, records: list[str]) -> Iterator[Ground]:
    """Make the ground; `records` are those of the zone above ours."""
    for program in ("curl", "dig", "ip", "nsd", "nsenter", "pebble", "setpriv", "unbound", "unshare"):
        peers.need(program)
    trust = Trust(folder)
    home = folder / "acmedns"
    home.mkdir()
    addresses = (*zones.ADDRESSES, *layouts.ADDRESSES)
    with Namespace(folder, addresses=addresses, resolver=Kind.LETS_ENCRYPT.value) as namespace:
        parent = Zones(namespace, records)
        start_resolver(namespace, Kind.LETS_ENCRYPT, parent.hints())
        yield Ground(namespace, home, parent, trust)


def test_first_certificate_is_issued_and_kept(ground: Ground) -> None:
    """By dns-01 against ourselves: the value is there for the CA and gone afterwards (dns-correctness #81)."""
    ground.start_ca()
    ground.start()
    issued = ground.wait_for(ISSUED)
    assert issued["names"] == [ZONE]
    standing = ground.standing()
    assert (standing["issuer"], standing["problem"], standing["failures"]) == (DIRECTORY, None, 0)
    answer = ground.challenge()
    assert "ANSWER: 0" in answer, answer
    assert {path.stat().st_mode & 0o777 for path in ground.state.iterdir()} == {0o600}
    ground.stop()
    # What was kept is served from the start, and nothing is ordered.
    ground.start()
    assert ground.standing()["expires"] == standing["expires"]
    assert ground.orders() == 1
    ground.stop()


def test_names_inside_and_beside_the_zone(ground: Ground) -> None:
    """Three names in one certificate: the zone, one below it, and one whose challenge is a CNAME to the zone's."""
    ground.parent.point(OUTSIDE, at=f"_acme-challenge.{ZONE}")
    ground.start_ca(env={"PEBBLE_WFE_NONCEREJECT": "30"})
    inside = f"api.{ZONE}"
    ground.start(
        api=f'hostnames = ["{ZONE}", "{inside}", "{OUTSIDE}"]',
        records=f'records = ["api A {SERVER[0]}"]',
        certificate=f'ca_bundle = "{ground.trust.bundle}"\nkey_type = "p384"\ncontact = "admin@{DOMAIN}"',
    )
    told = ground.wait_for("certificate_needs_cname")
    assert (told["owner"], told["target"]) == (f"_acme-challenge.{OUTSIDE}.", f"_acme-challenge.{ZONE}.")
    ground.wait_for(ISSUED)
    for host in (ZONE, inside, OUTSIDE):
        assert ground.standing(host)["names"] == sorted([ZONE, inside, OUTSIDE])
    ground.stop()


OVER_HTTP = f'http_listen = ["{SERVER[0]}:80"]'
PORT_80 = {"httpPort": 80}


def test_name_outside_the_zone_is_proved_over_http(ground: Ground) -> None:
    """Without a CNAME: the CA fetches the text at port 80, and nobody finds anything else there, nor that afterwards.

    The zone's own name is in the same certificate, by DNS.
    """
    ground.start_ca(settings=PORT_80)
    ground.start(
        api=f'hostnames = ["{OUTSIDE}", "{ZONE}"]', certificate=f'ca_bundle = "{ground.trust.bundle}"\n{OVER_HTTP}'
    )
    assert ground.wait_for("certificate_needs_port_80")["host"] == OUTSIDE
    path = ground.wait_for("http_challenge_answered")["path"]
    ground.wait_for(ISSUED)
    for host in (OUTSIDE, ZONE):
        assert ground.standing(host)["names"] == sorted([OUTSIDE, ZONE])
    assert ground.server is not None
    assert "certificate_needs_cname" not in ground.server.text()
    for asked in (path, "/health", "/"):
        assert ground.status(f"http://{OUTSIDE}{asked}") == "404"
    ground.stop()


def test_what_stands_in_the_way_of_a_proof_over_http_is_named(ground: Ground) -> None:
    """A name without an address, a port that leads nowhere, and one that leads to somebody else."""
    nowhere = f"nowhere.{DOMAIN}"
    trusted = f'ca_bundle = "{ground.trust.bundle}"'
    ground.start_ca(settings=PORT_80)
    for host, listen, begins in (
        (nowhere, f"{SERVER[0]}:80", "the CA finds no address of"),
        (OUTSIDE, f"{SERVER[0]}:8079", "the CA does not get through to port 80 of"),
        (OUTSIDE, f"{SERVER[2]}:80", "another server answers at port 80 of"),
    ):
        ground.minute_passes()
        if "another server" in begins:
            ground.start_stranger(f"{SERVER[0]}:80")
        ground.start(api=f'hostnames = ["{host}"]', certificate=f'{trusted}\nhttp_listen = ["{listen}"]')
        problem = ground.refusal()
        assert problem.startswith(f"{host}: {begins} {host}; "), problem
        assert '; the CA says "' in problem


LAME = Delegation(ZONE, ((ZONE, (layouts.CLIENT,)),))


@pytest.mark.parametrize(
    ("records", "says"),
    [([], "does not find the name server"), (LAME.lines(), "gets no answer from the name servers")],
    ids=["none", "lame"],
)
def test_missing_delegation_is_named(tmp_path: Path, records: list[str], says: str) -> None:
    """No NS record above, and one that leads to a host where nobody answers."""
    with _ground(tmp_path, records) as ground:
        ground.start_ca()
        ground.start()
        problem = ground.refusal()
    assert problem.startswith(f"{ZONE}: the CA {says} of {ZONE}; "), problem
    assert '; the CA says "' in problem


def test_api_may_stay_closed_until_the_first_certificate(ground: Ground) -> None:
    """To all, or to all but this machine; then HTTPS for everyone, without a restart. DNS answers all the while."""
    trusted = f'ca_bundle = "{ground.trust.bundle}"'
    for until_first, local in (("wait", None), ("loopback", "loopback")):
        ground.start(api='listen = ["0.0.0.0:443"]', certificate=f'{trusted}\nuntil_first = "{until_first}"')
        assert ground.wait_for("api_awaits_certificate")["until_first"] == until_first
        for url in (f"http://{SERVER[0]}:443/health/ready", f"https://{SERVER[0]}/health/ready"):
            assert ground.answers(url, "--insecure", "--interface", SERVER[0]) is None
        told = ground.answers("http://127.0.0.1:443/health/ready")
        assert (told["certificate"]["until_first"] if told else None) == local
        assert ground.acmedns("health").startswith("healthy: DNS answers, the API waits for its certificate")
        ground.stop()
        ground.minute_passes()
    ground.start_ca()
    ground.start(api='listen = ["0.0.0.0:443"]', certificate=f'{trusted}\nuntil_first = "wait"')
    ground.wait_for(ISSUED)
    assert ground.standing()["until_first"] is None
    assert ground.answers("http://127.0.0.1:443/health/ready") is None
    assert ground.acmedns("health").startswith("healthy: DNS and API answer")
    ground.stop()


def test_caa_record_of_the_zone_that_forbids_the_ca(ground: Ground) -> None:
    """Named before anything is ordered; mended by SIGHUP and a forced try."""
    ground.start_ca(settings={"caaIdentities": ["pebble.example"]})
    ground.start(records="""records = ["@ CAA 0 issue \\"other.example\\""]""")
    problem = ground.wait_for("certificate_not_issued")["problem"]
    assert problem.startswith(f"{ZONE}: the CAA records of {ZONE}. in zone.records do not let this CA issue")
    assert ground.orders() == 0
    path = ground.home / "config.toml"
    path.write_text(path.read_text().replace("other.example", "pebble.example"))
    assert ground.server is not None
    ground.server.signal(signal.SIGHUP)
    ground.wait_for("reloaded")
    assert json.loads(ground.acmedns("certificate", "renew", "--force", "--json"))["issuer"] == DIRECTORY
    assert ground.orders() == 1
    ground.stop()


def test_operator_renews_and_revokes_by_the_running_server(ground: Ground) -> None:
    """Not due, forced, revoked: the command waits and tells what came of it, the API serves it, the audit log has it."""
    ground.start_ca()
    ground.start()
    first = ground.wait_for(ISSUED)["serial"]
    ground.until_idle()
    assert ground.acmedns("certificate", "renew").startswith("nothing is due until 20")
    second = json.loads(ground.acmedns("certificate", "renew", "--force", "--json"))
    third = json.loads(ground.acmedns("certificate", "revoke", "--reason", "superseded", "--yes", "--json"))
    assert len({first, second["serial"], third["serial"]}) == 3
    assert (third["problem"], third["revoked"], third["issuer"]) == (None, False, DIRECTORY)
    assert ground.standing()["expires"] == third["expires"]
    assert ground.orders() == 3
    entries = [json.loads(line) for line in ground.acmedns("audit", "--json").splitlines()]
    asked = [
        (one["action"], one["subject"], one["result"].partition(":")[0], one["details"])
        for one in entries
        if one["action"].startswith("certificate_")
    ]
    assert asked == [
        ("certificate_renewal_asked", first, "not begun", {"force": False}),
        ("certificate_renewal_asked", first, "done", {"force": True}),
        ("certificate_revoked", second["serial"], "done", {"reason": "superseded"}),
    ]
    ground.stop()


def test_short_certificate_is_renewed_in_time(ground: Ground) -> None:
    """A certificate of half a minute is exchanged before its end, while the server goes on."""
    ground.start_ca(settings={"profiles": {"default": {"description": "short", "validityPeriod": 30}}})
    ground.start()
    first = ground.wait_for(ISSUED)["serial"]
    assert ground.server is not None
    ground.server.wait_for(rf'"{ISSUED}"(?s:.*)"{ISSUED}"', seconds=SECONDS)
    assert ground.server.text().count(first) == 1
    assert ground.orders() >= 2
    assert "is a replacement of" in ground.ca_log()
    assert ground.standing()["issuer"] == DIRECTORY
    ground.stop()


def test_failed_validation_is_told_in_the_words_of_the_ca(ground: Ground) -> None:
    """A host whose challenge leads nowhere: one line says what the CA said, and the API goes on self-signed."""
    ground.start_ca()
    ground.start(api=f'hostnames = ["{ZONE}", "{OUTSIDE}"]')
    failed = ground.wait_for("certificate_not_issued")
    alias = f"_acme-challenge.{OUTSIDE}"
    assert failed["problem"].startswith(
        f"{OUTSIDE}: the CA does not find our TXT record at {alias}; make it a CNAME to _acme-challenge.{ZONE}. "
    )
    assert '; the CA says "' in failed["problem"]
    standing = ground.standing(ZONE, "--insecure")
    assert (standing["issuer"], standing["failures"]) == ("self-signed", 1)
    assert standing["problem"] == failed["problem"]
    ground.stop()
    # The pause survives a restart.
    ground.start(api=f'hostnames = ["{ZONE}", "{OUTSIDE}"]')
    assert ground.standing(ZONE, "--insecure")["not_before"] == standing["not_before"]
    assert ground.orders() == 1
    ground.stop()
    # Mended, and the pause over: a fresh order, since a failed one is lost.
    ground.parent.point(OUTSIDE, at=f"_acme-challenge.{ZONE}")
    ground.minute_passes()
    ground.start(api=f'hostnames = ["{ZONE}", "{OUTSIDE}"]')
    ground.wait_for(ISSUED)
    assert ground.orders() == 2
    ground.stop()


def test_directory_that_is_down_or_not_trusted(ground: Ground) -> None:
    """The server starts and serves; once the CA is there and trusted, the next try succeeds."""
    ground.start()
    assert "can't be reached" in ground.wait_for("certificate_not_issued")["problem"]
    assert ground.standing(ZONE, "--insecure")["issuer"] == "self-signed"
    ground.stop()
    ground.start_ca()
    other = ground.home / "other.pem"
    stranger = Trust(ground.home)
    other.write_bytes(stranger.bundle.read_bytes())
    ground.minute_passes()
    ground.start(certificate=f'ca_bundle = "{other}"')
    assert "can't be trusted" in ground.wait_for("certificate_not_issued")["problem"]
    ground.stop()
    ground.minute_passes()
    ground.start()
    ground.wait_for(ISSUED)
    assert ground.standing()["failures"] == 0
    ground.stop()


def test_kill_in_the_middle_loses_neither_order_nor_certificate(ground: Ground) -> None:
    """SIGKILL once the order is kept, once the CA believes us, once it has issued: one order each time."""
    ground.start_ca()

    def kept_order() -> bool:
        return (ground.state / "order.json").exists()

    def believed() -> bool:
        return ground.ca_log().count("set VALID by completed challenge") > before

    def issued() -> bool:
        return ground.ca_log().count("Issued certificate serial") > before

    for number, (what, reached) in enumerate({"order": kept_order, "belief": believed, "issue": issued}.items()):
        shutil.rmtree(ground.state, ignore_errors=True)
        before = number
        ground.start()
        until(reached, seconds=SECONDS, what=what)
        ground.kill()
        ground.minute_passes()
        ground.start()
        until(lambda: ground.standing(ZONE, "--insecure")["issuer"] == DIRECTORY, seconds=SECONDS, what="certificate")
        assert ground.orders() == number + 1, what
        assert "ANSWER: 0" in ground.challenge()
        assert not kept_order()
        ground.stop()
