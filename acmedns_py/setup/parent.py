"""The records by which the DNS finds a server: delegation and glue above it, addresses and CNAMEs beside it.

They follow from the same records that the server answers with, so that both sides of the delegation agree
(dns-correctness #27).
"""

import ipaddress
from collections.abc import Iterator

from acmedns_py.config.hostnames import challenge_owner, host_names, proved_over_http
from acmedns_py.config.settings import Settings
from acmedns_py.config.zone import zone_data
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset
from acmedns_py.setup.hosts import CNAME_SECONDS
from acmedns_py.setup.record import Record, address

MOST_SECONDS = 3_600
"""TTL of these records at most: a mistake in them is over after an hour."""


def parent_of(zone: str) -> str:
    """Give the name one label up, where most zones are delegated; "." for a top-level domain."""
    found = name.to_text(name.parent(name.from_text(zone)))
    return found.removesuffix(".") or "."


def parent_records(settings: Settings) -> list[Record]:
    """Give what has to stand in the zones of others: the delegation first, then glue, addresses and challenges."""
    apex = name.from_text(settings.zone.name)
    rrsets = zone_data(settings.zone).rrsets
    ttl = min(settings.zone.ttl, MOST_SECONDS)
    servers = [server for rrset in rrsets if _is(rrset, apex, RRType.NS) for server in rrset.rdatas]
    servers = [name.folded(server) for server in servers]
    found = [Record(settings.zone.name, ttl, "NS", name.to_text(server), "delegation") for server in servers]
    for server in servers:
        if name.is_subdomain(server, apex):
            found += [address(_bare(server), ttl, value, "glue") for value in _addresses(server, rrsets)]
    hosts = [name.from_text(host) for host in host_names(settings)]
    for outside in dict.fromkeys((*servers, *hosts)):
        if not name.is_subdomain(outside, apex):
            found += [address(_bare(outside), ttl, str(value), "address") for value in settings.zone.addresses]
    return [*found, *_challenges(settings, apex)]


def _challenges(settings: Settings, apex: bytes) -> Iterator[Record]:
    """Of the API's own host names outside the zone, whose proof is looked for in it."""
    if settings.api.tls != "acme":
        return
    over_http = proved_over_http(settings)
    for host in host_names(settings):
        if host not in over_http and not name.is_subdomain(name.from_text(host), apex):
            target = name.to_text(challenge_owner(host, apex))
            yield Record(f"{name.CHALLENGE}.{host}", CNAME_SECONDS, "CNAME", target, "challenge")


def _is(rrset: RRset, owner: bytes, rrtype: RRType) -> bool:
    return rrset.owner == owner and rrset.rrtype == rrtype


def _addresses(owner: bytes, rrsets: tuple[RRset, ...]) -> list[str]:
    """The addresses of an owner: IPv4 first."""
    kinds = (RRType.A, RRType.AAAA)
    rdatas = [rdata for kind in kinds for rrset in rrsets if _is(rrset, owner, kind) for rdata in rrset.rdatas]
    return [str(ipaddress.ip_address(rdata)) for rdata in rdatas]


def _bare(wire: bytes) -> str:
    return name.to_text(wire).removesuffix(".")
