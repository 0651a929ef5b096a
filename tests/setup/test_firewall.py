"""The lines for firewalls: for what is installed, else for all that are known."""

import os
import subprocess

import pytest

from acmedns_py.setup import firewall
from tests.tools import peers

PORTS = ((53, "udp"), (53, "tcp"), (443, "tcp"))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts programs, and no others, where commands are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(*programs: str) -> None:
        for program in programs:
            (tmp_path / program).touch()
            os.chmod(tmp_path / program, 0o700)

    return install


def test_all_are_told_where_none_is_installed(installed):
    assert list(firewall.lines(PORTS)) == ["ufw", "firewalld", "nftables"]


def test_what_is_installed_is_told_alone(installed):
    """Each with both transports of DNS."""
    installed("firewall-cmd", "nft")
    found = firewall.lines(PORTS)
    assert list(found) == ["firewalld", "nftables"]
    assert found["firewalld"] == [
        "firewall-cmd --permanent --add-port=53/udp --add-port=53/tcp --add-port=443/tcp",
        "firewall-cmd --reload",
    ]


DEBIAN = """flush ruleset
table inet filter {
  chain input { type filter hook input priority filter; policy drop; }
}
"""

FOREIGN = DEBIAN.replace("inet filter", "inet other")


@pytest.mark.parametrize(("conf", "opened"), [(DEBIAN, 3), (FOREIGN, 0)], ids=["debian", "foreign"])
def test_the_lines_for_nftables_hold_after_a_restart(conf, opened):
    """As root of a host of one's own: pasted, then loaded again as at the start of the host.

    Where the rules are not the distribution's nothing is added that would fail then, and leave the host without any.
    """
    peers.need("nft")
    commands = firewall.FIREWALLS["nftables"].commands(PORTS)
    script = [
        "mount -t tmpfs none /etc",
        f"printf '%s' '{conf}' > /etc/nftables.conf",
        "systemctl() { echo systemctl $*; }",
        "nft -f /etc/nftables.conf",
        *(f"{command} || true" for command in commands),
        "nft flush ruleset",
        "nft -f /etc/nftables.conf",
        "nft list ruleset",
    ]
    done = subprocess.run(
        [peers.need("unshare"), "-rmn", "sh", "-ec", "\n".join(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "systemctl enable nftables" in done.stdout
    assert done.stdout.count(" accept\n") == opened
    assert [f"{transport} dport {port} accept" in done.stdout for port, transport in PORTS] == [bool(opened)] * 3
