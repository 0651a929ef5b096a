"""The lines that open a firewall for this server: UDP and TCP 53 to the world, and the port of the API."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from acmedns_py.config.settings import Settings
from acmedns_py.config.values import listen_address

Port = tuple[int, str]
"""Number and transport."""

DNS_PORTS: Sequence[Port] = ((53, "udp"), (53, "tcp"))
"""What CAs ask (RFC 7766 5), whatever port the server listens on behind a forwarding."""


def open_ports(settings: Settings) -> list[Port]:
    """Give the ports that others must reach: DNS; the API and its proof over HTTP, beyond loopback."""
    proof = settings.certificate.http_listen if settings.api.tls == "acme" else []
    places = [listen_address(text) for text in (*settings.api.listen, *proof)]
    api = [(port, "tcp") for host, port in places if port is not None and not host.is_loopback]
    return list(dict.fromkeys([*DNS_PORTS, *api]))


def forwarded(settings: Settings) -> list[int]:
    """Give the ports other than 53 that DNS listens on, to which somebody has to bring what comes to 53."""
    places = [(None, None) if text == "auto" else listen_address(text) for text in settings.dns.listen]
    ports = {port or settings.dns.port for _, port in places}
    return sorted(ports - {53})


@dataclass(frozen=True, slots=True)
class Firewall:
    """A program that guards ports: how it is called, what opens ports in it for good, and what to know of that."""

    program: str
    commands: Callable[[Sequence[Port]], list[str]]
    remark: str


def lines(ports: Sequence[Port]) -> dict[str, list[str]]:
    """Give the commands for each firewall that is installed here, or for every one we know where none is.

    What they open is open at once, and after a restart of the host as well.
    """
    present = [name for name, one in FIREWALLS.items() if shutil.which(one.program)]
    return {name: FIREWALLS[name].commands(ports) for name in present or FIREWALLS}


def _ufw(ports: Iterable[Port]) -> list[str]:
    return [f"ufw allow {port}/{transport}" for port, transport in ports]


def _firewalld(ports: Iterable[Port]) -> list[str]:
    wanted = " ".join(f"--add-port={port}/{transport}" for port, transport in ports)
    return [f"firewall-cmd --permanent {wanted}", "firewall-cmd --reload"]


_NFTABLES_CONF = "/etc/nftables.conf"
_NFTABLES_FILE = "/etc/nftables.d/acmedns.nft"


def _nftables(ports: Iterable[Port]) -> list[str]:
    # In front, where no earlier rule drops; table and chain are those of the distributions' own /etc/nftables.conf.
    rules = (f"'insert rule inet filter input {transport} dport {port} accept'" for port, transport in ports)
    return [
        "mkdir -p /etc/nftables.d",
        f"printf '%s\\n' {' '.join(rules)} > {_NFTABLES_FILE}",
        # First into the running rules: what does not fit them must not be in the file that is loaded at the start, as
        # one line that fails there leaves the host without any rule.
        f"nft -f {_NFTABLES_FILE} && echo 'include \"{_NFTABLES_FILE}\"' >> {_NFTABLES_CONF}",
        f"nft -c -f {_NFTABLES_CONF} && systemctl enable nftables",
    ]


FIREWALLS: Mapping[str, Firewall] = {
    "ufw": Firewall("ufw", _ufw, "it keeps them over a restart"),
    "firewalld": Firewall("firewall-cmd", _firewalld, "it keeps them over a restart"),
    "nftables": Firewall(
        "nft", _nftables, f"the last two lines for after a restart; Fedora has /etc/sysconfig for {_NFTABLES_CONF}"
    ),
}
