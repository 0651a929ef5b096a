"""The lines that open a firewall for this server: UDP and TCP 53 to the world, and the port of the API."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence

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


def lines(ports: Sequence[Port]) -> dict[str, list[str]]:
    """Give the commands for each firewall that is installed here, or for every one we know where none is."""
    present = [name for name, (program, _) in _FIREWALLS.items() if shutil.which(program)]
    return {name: _FIREWALLS[name][1](ports) for name in present or _FIREWALLS}


def _ufw(ports: Iterable[Port]) -> list[str]:
    return [f"ufw allow {port}/{transport}" for port, transport in ports]


def _firewalld(ports: Iterable[Port]) -> list[str]:
    wanted = " ".join(f"--add-port={port}/{transport}" for port, transport in ports)
    return [f"firewall-cmd --permanent {wanted}", "firewall-cmd --reload"]


def _nftables(ports: Iterable[Port]) -> list[str]:
    # In front, where no earlier rule drops; table and chain are those of the distributions' own /etc/nftables.conf.
    return [f"nft insert rule inet filter input {transport} dport {port} accept" for port, transport in ports]


_FIREWALLS: Mapping[str, tuple[str, Callable[[Iterable[Port]], list[str]]]] = {
    "ufw": ("ufw", _ufw),
    "firewalld": ("firewall-cmd", _firewalld),
    "nftables": ("nft", _nftables),
}
