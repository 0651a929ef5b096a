"""The records by which the DNS finds a server: delegation and glue above it, addresses and CNAMEs beside it.

They follow from the same records that the server answers with, so that both sides of the delegation agree
(dns-correctness #27).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from acmedns_py.config.delegation import Nameservers, addresses_among, delegation, nameservers
from acmedns_py.config.hostnames import challenge_owner, host_names, proved_over_http
from acmedns_py.config.settings import Settings
from acmedns_py.config.zone import zone_data
from acmedns_py.dns import name
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
    return _records(settings, _servers(settings))


@dataclass(frozen=True, slots=True)
class Layout:
    """Another way to delegate the zone: what `zone.nameservers` would have to be, and what `parent_records` then."""

    nameservers: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def inside(self) -> bool:
        """Whether the zone above holds the addresses of servers as glue."""
        return any(record.purpose == "glue" for record in self.records)


def other_layout(settings: Settings, above: str) -> Layout | None:
    """Give the layout with servers outside the zone, in `above`, for one with glue; and for others that with glue.

    None where `zone.records` names the servers, as `zone.nameservers` then changes nothing; and below the root, which
    names nobody's servers.
    """
    apex, servers = name.from_text(settings.zone.name), _servers(settings)
    named = [name.from_text(server) for server in settings.zone.nameservers] or [apex]
    if set(servers) != set(named) or above == ".":
        return None
    others: dict[bytes, tuple[str, ...]]
    if any(name.is_subdomain(server, apex) for server in servers):
        free = (one for number in count(1) if (one := name.from_text(f"ns{number}.{above}")) not in servers)
        others = {next(free) if name.is_subdomain(one, apex) else one: there for one, there in servers.items()}
    else:
        found = {(rrset.owner, rrset.rrtype): rrset.rdatas for rrset in zone_data(settings.zone).rrsets}
        others = {apex: addresses_among(apex, found) or tuple(map(str, settings.zone.addresses))}
    return Layout(tuple(map(_bare, others)), tuple(_records(settings, others)))


def _servers(settings: Settings) -> Nameservers:
    return nameservers(name.from_text(settings.zone.name), zone_data(settings.zone).rrsets)


def _records(settings: Settings, servers: Nameservers) -> list[Record]:
    apex = name.from_text(settings.zone.name)
    ttl = min(settings.zone.ttl, MOST_SECONDS)
    found = [
        Record(_bare(owner), ttl, rrtype, value, "delegation" if rrtype == "NS" else "glue")
        for owner, rrtype, value in delegation(apex, servers)
    ]
    hosts = [name.from_text(host) for host in host_names(settings)]
    ours = tuple(map(str, settings.zone.addresses))
    for outside in dict.fromkeys((*servers, *hosts)):
        if not name.is_subdomain(outside, apex):
            found += [address(_bare(outside), ttl, one, "address") for one in servers.get(outside) or ours]
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


def _bare(wire: bytes) -> str:
    return name.to_text(wire).removesuffix(".")
