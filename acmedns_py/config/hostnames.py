"""Where a CA looks for the proof that the API's host names are ours: in the zone, or over HTTP."""

from collections.abc import Iterator

from acmedns_py.config.settings import Settings
from acmedns_py.config.zone import ZoneData
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset
from acmedns_py.errors import ConfigError


def host_names(settings: Settings) -> tuple[str, ...]:
    """Give the host names of the API, folded, without a final dot: those that were named, or the zone's own name."""
    return tuple(settings.api.hostnames) or (settings.zone.name,)


def proved_over_http(settings: Settings) -> tuple[str, ...]:
    """Give the host names whose proof is fetched over HTTP: those outside the zone, where that was asked for."""
    if settings.api.tls != "acme" or not settings.certificate.http_listen:
        return ()
    apex = name.from_text(settings.zone.name)
    return tuple(host for host in host_names(settings) if not name.is_subdomain(name.from_text(host), apex))


def challenge_owner(host: str, apex: bytes) -> bytes:
    """Give the folded wire-form name in the zone `apex` whose TXT proves the right to `host`.

    For a host outside the zone it is the zone's own: `_acme-challenge` of the host has to be a CNAME to it, or it is
    proved over HTTP. Labels with an underscore are nobody's account.
    """
    wire = name.from_text(host)
    return name.from_text(f"{name.CHALLENGE}.{name.to_text(wire if name.is_subdomain(wire, apex) else apex)}")


def problems(settings: Settings, data: ZoneData) -> Iterator[ConfigError]:
    """Name each host name whose proof the zone's own records would hide."""
    if settings.api.tls != "acme":
        return
    apex = name.from_text(settings.zone.name)
    over_http = proved_over_http(settings)
    for host in host_names(settings):
        if host in over_http:
            continue
        try:
            owner = challenge_owner(host, apex)
        except ValueError:
            yield ConfigError(
                "api.hostnames", host, f"{name.CHALLENGE} before it makes it too long; name a shorter one"
            )
            continue
        hiding = next((rrset for rrset in data.rrsets if _hides(rrset, owner, apex)), None)
        if hiding is not None:
            kind = "CNAME" if hiding.rrtype == RRType.CNAME else "NS"
            cure = (
                f"a CA would look for {name.to_text(owner)}, which the {kind} of {name.to_text(hiding.owner)} in "
                "zone.records hides; remove one of them"
            )
            yield ConfigError("api.hostnames", host, cure)


def _hides(rrset: RRset, owner: bytes, apex: bytes) -> bool:
    if rrset.rrtype == RRType.CNAME:
        return rrset.owner == owner
    return rrset.rrtype == RRType.NS and rrset.owner != apex and name.is_subdomain(owner, rrset.owner)
