"""Port 53 of this host: which addresses to answer on beside those who hold it, and how to take it from a resolver."""

from collections.abc import Iterable, Sequence

from acmedns_py.config.values import IPAddress
from acmedns_py.errors import AcmednsError, ListenError
from acmedns_py.service.sockets import Address, global_addresses, obstacles

DNS_PORT = 53

RESOLVED = "systemd-resolve"
"""The name of systemd-resolved's process, as the kernel cuts it."""

RESOLVED_CURE = (
    # First, so that this host resolves names at every moment: the file names the servers that systemd-resolved asks.
    "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf",
    "mkdir -p /etc/systemd/resolved.conf.d",
    r"printf '[Resolve]\nDNSStubListener=no\n' > /etc/systemd/resolved.conf.d/acmedns.conf",
    "systemctl restart systemd-resolved",
)
"""Commands that take port 53 from systemd-resolved and keep name resolution working. Needed for a wildcard alone: its
stub listens on 127.0.0.53 and 127.0.0.54, which no other address is in the way of."""


def free_listen(announced: Sequence[IPAddress]) -> list[str]:
    """Give what to write for `dns.listen`: "auto", or where others hold port 53 of some addresses, the free ones.

    Of these the announced, else (behind NAT) all. "auto" too where nothing is free or it can't be tried.
    """
    here = global_addresses()
    free = [address for address in here if not _obstacles([address])]
    if len(free) == len(here):
        return ["auto"]
    return [str(address) for address in free if address in announced] or [str(address) for address in free] or ["auto"]


def _obstacles(hosts: Iterable[IPAddress]) -> list[ListenError]:
    return obstacles([Address(host, DNS_PORT) for host in hosts], protocol="both")


def resolved_is_in_the_way(found: Iterable[AcmednsError]) -> bool:
    """Say whether systemd-resolved is among those who hold the port."""
    return any(isinstance(error, ListenError) and RESOLVED in error.holder for error in found)
