"""Which of this host's addresses the rest of the world may reach, and what is said of those that it can't."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from acmedns_py.config.values import IPAddress
from acmedns_py.service.sockets import global_addresses

_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
"""Of providers that share one public address among customers (RFC 6598)."""

_IPV6_FILE: Final = Path("/proc/net/if_inet6")
_PASSING: Final = 0x01 | 0x20
"""IFA_F_TEMPORARY and IFA_F_DEPRECATED (linux/if_addr.h): addresses of privacy extensions (RFC 8981) and old ones."""


def public_addresses() -> list[IPAddress]:
    """Give the addresses of this host that are public and stay: IPv4 first."""
    passing = _passing()
    return [address for address in global_addresses() if address.is_global and address not in passing]


def private_addresses() -> list[IPAddress]:
    """Give those that neighbours alone reach; where there are no others, this host is behind NAT."""
    return [address for address in global_addresses() if not address.is_global]


def remarks(addresses: Iterable[IPAddress]) -> list[str]:
    """What to know of addresses that are to be announced and that not everybody reaches, a line each."""
    return [f"{address} {kind}" for address in addresses if (kind := _kind(address)) is not None]


def _kind(address: IPAddress) -> str | None:
    if address.is_global:
        return None
    if address.version == 4 and address in _SHARED:
        return "is of a network that a provider's customers share (CGNAT): nobody outside reaches it, forwarded or not"
    return "is no public address: a public CA can't reach it; behind NAT announce the address that the Internet sees"


def _passing() -> set[IPAddress]:
    """IPv6 addresses that this host will give up; none where the kernel doesn't tell."""
    try:
        rows = [line.split() for line in _IPV6_FILE.read_text(encoding="ascii").splitlines()]
    except OSError:
        return set()
    return {ipaddress.IPv6Address(bytes.fromhex(row[0])) for row in rows if int(row[4], 16) & _PASSING}
