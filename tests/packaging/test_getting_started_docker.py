"""The tutorial's Docker half: its commands, letter for letter, on the real image and compose file, by podman-compose."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from acmedns_py.config.environment import PREFIX, variable
from acmedns_py.config.load import load
from tests.packaging.compose import ComposeHost
from tests.packaging.image import ADDRESSES, REPOSITORY, Images
from tests.project.documents import blocks, text
from tests.server import value

PAGE = text("docs/getting-started.md")
TUTORIAL = {block.mark: block.text for block in blocks(PAGE) if block.mark}
HEALTHY = "healthy: DNS and API answer, zone auth.example.org\n"
COULD_NOT_CONNECT = 7
"""An exit code of curl's."""

INSIDE = "docker compose exec -T acmedns"


@pytest.fixture(scope="module")
def host(images: Images, image: str) -> Iterator[ComposeHost]:
    """A host with the folder `deploy`; its compose file has the right zone and address already."""
    with ComposeHost(images, image) as made:
        yield made


def play(host: ComposeHost, script: str) -> str:
    """Run commands in the folder `deploy`; gives what they print."""
    done = host.run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def printed(host: ComposeHost) -> str:
    """What the commands that start the service print."""
    return play(host, TUTORIAL["docker"])


def test_the_commands_end_with_a_healthy_server_and_the_zone_s_records(printed: str):
    """The first one returns when the server is ready, so that the next one finds it."""
    assert HEALTHY in printed
    assert f"auth.example.org. 3600 IN A {ADDRESSES[0]}\n" in printed


def test_the_first_host_s_file_is_printed_and_what_its_cname_leads_to_is_served(host: ComposeHost, printed: str):
    """To the host's own port 53, by UDP and TCP; nobody else may read the file."""
    told = play(host, TUTORIAL["docker-host"])
    file = host.deploy / "www.json"
    assert file.stat().st_mode & 0o777 == 0o600
    account = json.loads(file.read_text())["www.example.org"]
    assert account["server_url"] == "https://auth.example.org"
    assert f"_acme-challenge.www.example.org. 300 IN CNAME {account['fulldomain']}." in told
    play(host, f"{INSIDE} acmedns account values {account['fulldomain']} --set {value(1)}")
    for transport in ("+notcp", "+tcp"):
        dig = f"dig +short +norecurse {transport} @{ADDRESSES[0]} {account['fulldomain']} TXT"
        assert play(host, dig) == f'"{value(1)}"\n'


def test_the_check_runs_inside(host: ComposeHost, printed: str):
    """It finds its own sockets; from this network there is no way to the zone above."""
    done = host.run(f"{INSIDE} acmedns check")
    assert done.stdout.startswith("OK          This server at its own addresses: 4 sockets\n")
    assert "\nNOT TESTED  Delegation by the zone above" in done.stdout


def test_the_api_is_for_the_host_alone(host: ComposeHost, printed: str):
    """Without TLS: passwords pass there."""
    ready = "curl --silent --show-error --fail http://{}:8080/health/ready"
    assert json.loads(play(host, ready.format("127.0.0.1")))["ready"] is True
    assert host.run(ready.format(ADDRESSES[0])).returncode == COULD_NOT_CONNECT


def test_the_container_has_no_right_but_to_its_volume(host: ComposeHost, printed: str):
    """As the compose file says: a read-only root, no capability, and none to be had."""
    told = host.run(f"{INSIDE} sh -c 'cat /proc/1/status; touch /opt/here; touch /var/lib/acmedns/here /tmp/here'")
    assert "Uid:\t10053\t10053\t10053\t10053\n" in told.stdout
    assert "CapBnd:\t0000000000000000\n" in told.stdout
    assert "NoNewPrivs:\t1\n" in told.stdout
    assert re.findall("touch: .*", told.stderr) == ["touch: cannot touch '/opt/here': Read-only file system"]


def test_a_backup_is_restored_in_the_server_s_place(host: ComposeHost, printed: str):
    """As the head of the compose file says; the account that was deleted since is back."""
    (backup,) = re.findall(r"docker compose exec acmedns acmedns backup.*", compose_head())
    stop, run, start = re.findall(r"docker compose (?:stop|run|start)[^;\n]*", compose_head())
    file = "/var/lib/acmedns/kept.jsonl.gz"
    play(host, f"{INSIDE} acmedns account new --subdomain kept")
    play(host, f"{backup.replace('FILE', file)}\n{INSIDE} acmedns account delete kept --yes")
    play(host, f"{stop}\n{run.replace('FILE', file)}\n{start}")
    play(host, TUTORIAL["docker"])
    assert "kept.auth.example.org" in play(host, f"{INSIDE} acmedns account show kept")


def compose_head() -> str:
    """The comment at the top of the compose file."""
    whole = (REPOSITORY / "deploy" / "docker-compose.yml").read_text()
    return whole[: whole.index("\nservices:")]


def test_what_the_page_sets_is_a_whole_configuration(tmp_path: Path):
    """Typed into the compose file, beside what is there, it loads without a problem or a warning."""
    file = yaml.safe_load((REPOSITORY / "deploy" / "docker-compose.yml").read_text())
    said = dict(re.findall(rf"`({PREFIX}\w+): (\S+)`", PAGE))
    assert {variable("api.tls"), variable("check.api_url"), variable("zone.nameservers")} <= set(said)
    config = tmp_path / "empty.toml"
    config.touch()
    assert load(config, {**file["services"]["acmedns"]["environment"], **said}).warnings == ()
