"""The systemd unit: what systemd says of it, and what it does under a real systemd."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.namespace import until
from tests.packaging.image import ADDRESSES, Images
from tests.packaging.machine import Machine
from tests.tools import peers

SYSTEMD = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNIT = SYSTEMD / "acmedns.service"
CONFIG = """
[zone]
name = "auth.example.org"
addresses = ["198.51.100.10"]
"""


@pytest.fixture(scope="module")
def machine(images: Images, image: str) -> Iterator[Machine]:
    """A machine with the service installed and running."""
    with Machine(images, image) as made:
        assert made.run("systemd-sysusers").returncode == 0
        (made.root / "etc/acmedns").mkdir()
        (made.root / "etc/acmedns/config.toml").write_text(CONFIG)
        started = made.run("systemctl", "start", "acmedns")
        assert started.returncode == 0, started.stderr + made.log()
        yield made


def show(machine: Machine, option: str) -> str:
    """What systemd knows of the service."""
    return machine.run("systemctl", "show", "--value", "--property", option, "acmedns").stdout.strip()


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path):
    """Every directive, value and system call is known."""
    program = Path(sys.executable).with_name("acmedns")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/acmedns/bin/acmedns", str(program)))
    verified = subprocess.run(
        [peers.need("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stderr
    assert UNIT.name not in verified.stderr


def test_it_is_hardened():
    """The judgement of systemd, from 10 (all is open) to 0; what is left are the network and port 53."""
    judged = subprocess.run(
        [peers.need("systemd-analyze"), "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = judged.splitlines()[-1]
    print(line)
    exposure = re.search(r"exposure level for acmedns\.service: ([0-9.]+)", line)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


def test_it_starts_and_serves_on_port_53(machine: Machine):
    """Started means ready: DNS answers on each address of the machine, and the health command agrees."""
    for address in ADDRESSES:
        for transport in ("+notcp", "+tcp"):
            assert machine.dig(address, transport, "auth.example.org", "A") == "198.51.100.10"
    health = "acmedns health --config /etc/acmedns/config.toml"
    assert machine.run(
        "setpriv", "--reuid=acmedns", "--regid=acmedns", "--clear-groups", *shlex.split(health)
    ).stdout == ("healthy: DNS and API answer, zone auth.example.org\n")


def test_it_holds_port_53_and_nothing_else(machine: Machine):
    """Its own user, one capability, no way to new privileges, and a filter of system calls."""
    pid = show(machine, "MainPID")
    status = machine.run("cat", f"/proc/{pid}/status").stdout
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    uid = machine.run("id", "--user", "acmedns").stdout.strip()
    assert uid != "0"
    assert set(facts["Uid"].split()) == {uid}
    net_bind_service = f"{1 << 10:016x}"
    assert facts["CapEff"] == facts["CapBnd"] == net_bind_service
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


def test_the_filter_lets_the_workers_fence_themselves(machine: Machine):
    """The workers say the same of their fence as without systemd; an older kernel has none to raise."""
    log = machine.log()
    assert "worker_fenced" in log
    assert not re.search(r"refused|Operation not permitted", log), log


def test_reload_takes_over_changed_records(machine: Machine):
    """`systemctl reload` reads the file again, in the same process."""
    pid = show(machine, "MainPID")
    (machine.root / "etc/acmedns/config.toml").write_text(CONFIG + 'records = ["new 300 IN A 192.0.2.2"]\n')
    assert machine.run("systemctl", "reload", "acmedns").returncode == 0
    until(lambda: '"reloaded"' in machine.log(), seconds=20, what="the service to say that it has reloaded")
    assert machine.dig(ADDRESSES[0], "new.auth.example.org", "A") == "192.0.2.2"
    assert show(machine, "MainPID") == pid


def test_a_killed_service_comes_back_and_a_stop_is_clean(machine: Machine):
    """After a crash systemd starts another one; a stop ends with exit code 0 and leaves no process."""
    pid = show(machine, "MainPID")
    machine.run("kill", "-KILL", pid)
    until(lambda: show(machine, "SubState") == "running", seconds=60, what="another service")
    assert show(machine, "MainPID") != pid
    assert machine.run("systemctl", "stop", "acmedns").returncode == 0
    assert (show(machine, "Result"), show(machine, "ExecMainStatus")) == ("success", "0")
    assert machine.run("pgrep", "--uid", "acmedns").stdout == ""
    assert machine.run("systemctl", "start", "acmedns").returncode == 0
