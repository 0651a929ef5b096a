"""The tutorial on an empty machine under a real systemd: its commands, letter for letter."""

import json
from collections.abc import Iterator

import pytest

from tests.packaging.image import ADDRESSES, REPOSITORY, Images
from tests.packaging.machine import Machine
from tests.project.documents import blocks, text
from tests.server import value

TUTORIAL = {block.mark: block.text for block in blocks(text("docs/getting-started.md")) if block.mark}
(CURE,) = [block.text for block in blocks(text("docs/operations.md")) if block.mark == "resolved"]
ANSWERS = f"--yes --zone auth.example.org --address {ADDRESSES[0]} --tls none"


@pytest.fixture(scope="module")
def machine(images: Images, image: str) -> Iterator[Machine]:
    """A machine with the program in /opt/acmedns and the repository's folder `deploy`, and nothing else of ours."""
    with Machine(images, image) as made:
        for path in ("etc/systemd/system/acmedns.service", "etc/sysusers.d/acmedns.conf"):
            (made.root / path).unlink()
        for path in (REPOSITORY / "deploy" / "systemd").iterdir():
            target = made.root / "source" / "deploy" / "systemd" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        yield made


def play(machine: Machine, script: str) -> str:
    """Run commands as root in the repository's folder; gives what they print."""
    done = machine.run("sh", "-euc", f"cd /source\n{script}")
    assert done.returncode == 0, done.stdout + done.stderr + machine.log()
    return done.stdout


@pytest.fixture(scope="module")
def printed(machine: Machine) -> str:
    """What the commands that install and start the service print; the questions are answered by options."""
    return play(machine, TUTORIAL["service"].replace("acmedns setup", f"acmedns setup {ANSWERS}"))


def resolves(machine: Machine) -> bool:
    """Whether a program of the machine, which asks the system's resolver, finds the zone's address."""
    return ADDRESSES[0] in machine.run("getent", "ahostsv4", "auth.example.org").stdout


def test_the_commands_end_with_a_healthy_server_and_the_host_s_records(machine: Machine, printed: str):
    """What the account's CNAME leads to is served."""
    assert "auth.example.org. 3600 IN NS auth.example.org." in printed
    assert printed.endswith("healthy: DNS and API answer, zone auth.example.org\n")
    told = play(machine, TUTORIAL["host"])
    account = json.loads((machine.root / "source/www.json").read_text())["www.example.org"]
    assert f"_acme-challenge.www.example.org. 300 IN CNAME {account['fulldomain']}." in told
    play(machine, f"acmedns account values {account['fulldomain']} --set {value(1)}")
    assert machine.dig(ADDRESSES[0], "+notcp", account["fulldomain"], "TXT") == f'"{value(1)}"'


def test_port_53_is_taken_from_systemd_resolved_and_names_are_resolved_as_before(machine: Machine, printed: str):
    """Its stub stays beside the addresses of the host; in the way of 0.0.0.0 it is cured by what setup prints."""
    setup = f"acmedns setup -c /source/config.toml --overwrite {ANSWERS}"
    play(machine, f"{setup}\ncp /source/config.toml /etc/acmedns/config.toml\nsystemctl restart acmedns")
    # What systemd-resolved asks is our server, the only one in this network.
    (machine.root / "etc/systemd/resolved.conf").write_text(f"[Resolve]\nDNS={ADDRESSES[0]}\nDNSSEC=no\n")
    play(machine, "ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf\nsystemctl restart systemd-resolved")
    assert resolves(machine)
    play(machine, "systemctl stop acmedns")
    told = play(machine, f"{setup} --listen 0.0.0.0")
    assert "the port is taken by systemd-resolve" in told
    assert CURE.splitlines() == [line.strip() for line in told.splitlines() if line.strip() in CURE.splitlines()]
    play(machine, f"cp /source/config.toml /etc/acmedns/config.toml\n{CURE}\nsystemctl start acmedns")
    assert resolves(machine)
    assert "the port is taken" not in machine.log()
