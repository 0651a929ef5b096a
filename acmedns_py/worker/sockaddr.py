"""From the socket module's form of an address to the octets that the core knows a source by."""

import socket

from acmedns_py.dns import source

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


def packed(sockaddr: Sockaddr) -> bytes:
    """Give the source for an address as `recvfrom` gives it; a link-local one may name its interface behind a %."""
    host = sockaddr[0]
    if ":" in host:
        return source.packed(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]), sockaddr[1])
    return source.packed(socket.inet_aton(host), sockaddr[1])
