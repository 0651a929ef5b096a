"""Every socket of the service, bound before anything else is done.

Each DNS address is first bound once without SO_REUSEPORT and closed again: with it, a second copy of us would share
the port in silence. Then each worker gets its own UDP and TCP socket on the address, all in one SO_REUSEPORT group,
and the control process keeps all of them open for its whole life, so that no datagram is lost with a worker.
"""

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import psutil

from acmedns_py.config.values import IPAddress, listen_address
from acmedns_py.errors import ConfigError, ListenError

TCP_BACKLOG: Final = 1024
RECEIVE_BUFFER_OCTETS: Final = 4 * 1024 * 1024
"""Room for some 10,000 queries while a worker is replaced; the kernel grants up to its net.core.rmem_max."""

SEND_BUFFER_OCTETS: Final = 128 * 1024
"""What the kernel may hold for a TCP client that takes no answers; by itself it would go up to 4 MiB for each."""

# The socket module lacks these names of ip(7) and ipv6(7).
_IP_PKTINFO: Final = 8
_IP_MTU_DISCOVER: Final = 10
_IPV6_MTU_DISCOVER: Final = 23
_IPV6_DONTFRAG: Final = 62
_PMTUDISC_DO: Final = 2

_DUMMY_RESOLVERS: Final = {"127.0.0.53": "systemd-resolved", "127.0.0.54": "systemd-resolved"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a literal address with its port."""

    host: IPAddress
    port: int

    @property
    def sockaddr(self) -> tuple[str, int]:
        """The form that `bind` takes."""
        return str(self.host), self.port

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6."""
        return socket.AF_INET if self.host.version == 4 else socket.AF_INET6

    def __str__(self) -> str:
        """Give "198.51.100.1:53" or "[2001:db8::1]:53"."""
        return f"{self.host}:{self.port}" if self.host.version == 4 else f"[{self.host}]:{self.port}"


@dataclass(frozen=True, slots=True)
class DnsSocket:
    """A bound DNS socket and the worker that it belongs to."""

    worker: int
    address: Address
    tcp: bool
    sock: socket.socket

    @property
    def wildcard(self) -> bool:
        """Whether it is bound to no address in particular, so that answers need their source said."""
        return self.address.host.is_unspecified


def dns_addresses(listen: Sequence[str], *, port: int, protocol: str) -> list[Address]:
    """Give the addresses to serve DNS on, without repeats, `auto` resolved, families of `protocol` only.

    Raises `ConfigError` where nothing is left.
    """
    found: list[Address] = []
    for text in listen:
        if text == "auto":
            found += [Address(host, port) for host in global_addresses()]
        else:
            host, own_port = listen_address(text)
            found.append(Address(host, own_port or port))
    version = {"4": 4, "6": 6}.get(protocol[-1])
    fitting = [address for address in dict.fromkeys(found) if version in (None, address.host.version)]
    chosen = _without_missing_family(fitting)
    if not chosen:
        raise ConfigError("dns.listen", list(listen), f"no address of this host fits (protocol {protocol}); name one")
    return chosen


def api_addresses(listen: Iterable[str]) -> list[Address]:
    """Give the addresses to serve the API on; the configuration has seen to it that each has a port."""
    found = (listen_address(text) for text in listen)
    return _without_missing_family([Address(host, port) for host, port in found if port is not None])


def _without_missing_family(addresses: list[Address]) -> list[Address]:
    """Leave "::" out where "0.0.0.0" is served too and this host has no IPv6, as in most containers.

    The two together say "every address that there is". On "::" alone, the one who wrote it is told.
    """
    if not any(address.host.is_unspecified and address.host.version == 4 for address in addresses):
        return addresses
    if any(item.family == socket.AF_INET6 for interface in psutil.net_if_addrs().values() for item in interface):
        return addresses
    return [address for address in addresses if not (address.host.is_unspecified and address.host.version == 6)]


def global_addresses() -> list[IPAddress]:
    """Give this host's addresses that others can reach: neither loopback nor link-local."""
    addresses = []
    for interface in psutil.net_if_addrs().values():
        for item in interface:
            if item.family in (socket.AF_INET, socket.AF_INET6):
                address = ipaddress.ip_address(item.address.partition("%")[0])
                if not (address.is_loopback or address.is_link_local or address.is_multicast):
                    addresses.append(address)
    return sorted(addresses, key=lambda address: (address.version, address))


def bind_dns(addresses: Iterable[Address], *, protocol: str, workers: int) -> list[DnsSocket]:
    """Bind UDP and TCP on each address for each worker; raises `ListenError` and leaves nothing open."""
    with contextlib.ExitStack() as undo:
        bound = []
        for address in addresses:
            for tcp in _transports(protocol):
                _probe(address, tcp=tcp)
                for worker in range(workers):
                    sock = undo.enter_context(_bound(address, tcp=tcp))
                    bound.append(DnsSocket(worker, address, tcp, sock))
        undo.pop_all()
        return bound


def obstacles(addresses: Iterable[Address], *, protocol: str) -> list[ListenError]:
    """Try to bind as `bind_dns` would, keep nothing, and give all that is in the way.

    A port below 1024 that this user has no right to can't be tried, and is passed over.
    """
    return _refused(partial(_probe, address, tcp=tcp) for address in addresses for tcp in _transports(protocol))


def http_obstacles(addresses: Iterable[Address], *, called: str) -> list[ListenError]:
    """Do the same for what `bind_http` would bind."""
    return _refused(partial(_probe_http, address, called) for address in addresses)


def _refused(probes: Iterable[Callable[[], None]]) -> list[ListenError]:
    found: list[ListenError] = []
    for probe in probes:
        try:
            probe()
        except ListenError as error:
            if not isinstance(error.__cause__, PermissionError):
                found.append(error)
    return found


def _transports(protocol: str) -> list[bool]:
    return [tcp for tcp, word in ((False, "udp"), (True, "tcp")) if word in protocol or "both" in protocol]


def bind_http(addresses: Iterable[Address], *, called: str) -> list[socket.socket]:
    """Bind TCP sockets for HTTP, `called` so where one can't be had; raises `ListenError` and leaves nothing open."""
    with contextlib.ExitStack() as undo:
        bound = []
        for address in addresses:
            with _explained(address, f"{called}, TCP"):
                sock = undo.enter_context(socket.socket(address.family, socket.SOCK_STREAM))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _v6_only(sock)
                sock.bind(address.sockaddr)
                sock.listen(TCP_BACKLOG)
                sock.setblocking(False)
                bound.append(sock)
        undo.pop_all()
        return bound


def _probe_http(address: Address, called: str) -> None:
    for sock in bind_http([address], called=called):
        sock.close()


def _probe(address: Address, *, tcp: bool) -> None:
    with (
        _explained(address, "DNS, TCP" if tcp else "DNS, UDP"),
        socket.socket(address.family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock,
    ):
        _v6_only(sock)
        if tcp:
            # Connections of an earlier run in TIME_WAIT are no holder; a listening socket still is.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address.sockaddr)
        if tcp:
            sock.listen(1)


def _bound(address: Address, *, tcp: bool) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    try:
        with _explained(address, "DNS, TCP" if tcp else "DNS, UDP"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            _v6_only(sock)
            if tcp:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_OCTETS)
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
                _never_fragment(sock)
                if address.host.is_unspecified:
                    _tell_destination(sock)
            sock.bind(address.sockaddr)
            if tcp:
                sock.listen(TCP_BACKLOG)
            sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _v6_only(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _never_fragment(sock: socket.socket) -> None:
    """Send with DF; what does not fit the path is an error here and so becomes TC=1 (RFC 9715 3.1)."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_DO)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)


def _tell_destination(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


@contextlib.contextmanager
def _explained(address: Address, transport: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ListenError(str(address), transport, *_reason(error, address, transport)) from error


def _reason(error: OSError, address: Address, transport: str) -> tuple[str, str]:
    """Give who or what stands in the way, and the cure."""
    match error.errno:
        case errno.EADDRINUSE:
            holder = holder_of(address, udp=transport.endswith("UDP"))
            if "systemd-resolve" in holder:
                cure = "name this host's public addresses in dns.listen, or set DNSStubListener=no in resolved.conf"
            else:
                cure = "stop it, or listen on another address or port"
            return f"the port is taken by {holder}", cure
        case errno.EACCES | errno.EPERM:
            return (
                "no right to bind a port below 1024",
                "start as root with process.user set, or give CAP_NET_BIND_SERVICE, or use a port above 1023",
            )
        case errno.EADDRNOTAVAIL:
            return "this host has no such address", 'name an address that "ip addr" shows, or use "auto"'
        case _:
            return error.strerror or str(error), "see the address and this host's network"


def holder_of(address: Address, *, udp: bool) -> str:
    """Name the process that holds the address, as far as this user may see it."""
    found = "another program (start as root to see which)"
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("udp" if udp else "tcp"):
            local = connection.laddr
            if not local or local.port != address.port or (not udp and connection.status != psutil.CONN_LISTEN):
                continue
            held = ipaddress.ip_address(local.ip.partition("%")[0])
            if held != address.host and not held.is_unspecified and not address.host.is_unspecified:
                continue
            if connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid}, on {local.ip}:{local.port})"
            found = _DUMMY_RESOLVERS.get(local.ip, found)
    return found
