"""The lines for firewalls: for what is installed, else for all that are known."""

import os

import pytest

from acmedns_py.setup import firewall

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
    assert firewall.lines(PORTS) == {
        "firewalld": [
            "firewall-cmd --permanent --add-port=53/udp --add-port=53/tcp --add-port=443/tcp",
            "firewall-cmd --reload",
        ],
        "nftables": [
            "nft insert rule inet filter input udp dport 53 accept",
            "nft insert rule inet filter input tcp dport 53 accept",
            "nft insert rule inet filter input tcp dport 443 accept",
        ],
    }
