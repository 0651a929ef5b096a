"""How the zone above delegates a zone: its name servers, and the addresses of those inside it (dns-correctness #27)."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

Nameservers = Mapping[bytes, tuple[str, ...]]
"""The addresses of each server, by its folded name; none of a server whose addresses are not the zone's to say."""

Entry = tuple[bytes, str, str]
"""Owner, type and rdata in presentation form of one record."""


def nameservers(apex: bytes, rrsets: Iterable[RRset]) -> Nameservers:
    """Give the servers that a zone's own records name, with the addresses that these have: IPv4 first."""
    found = {(rrset.owner, rrset.rrtype): rrset.rdatas for rrset in rrsets}
    servers = dict.fromkeys(map(name.folded, found.get((apex, RRType.NS), ())))
    return {server: addresses_among(server, found) for server in servers}


def addresses_among(owner: bytes, found: Mapping[tuple[bytes, int], Iterable[bytes]]) -> tuple[str, ...]:
    """Give the addresses of an owner among rdata by owner and type: IPv4 first."""
    rdatas = (rdata for kind in (RRType.A, RRType.AAAA) for rdata in found.get((owner, kind), ()))
    return tuple(str(ipaddress.ip_address(rdata)) for rdata in rdatas)


def delegation(apex: bytes, servers: Nameservers) -> Iterator[Entry]:
    """Give the records that the zone above needs: NS, then glue."""
    for server in servers:
        yield apex, "NS", name.to_text(server)
    for server in servers:
        yield from glue(apex, server, servers)


def glue(apex: bytes, server: bytes, servers: Nameservers) -> Iterator[Entry]:
    """Give the address records of one server, where it lies inside the zone."""
    if name.is_subdomain(server, apex):
        yield from (address_entry(server, address) for address in servers.get(server, ()))


def address_entry(owner: bytes, address: str) -> Entry:
    """Give the A or AAAA record of an address."""
    return owner, "AAAA" if ":" in address else "A", address
