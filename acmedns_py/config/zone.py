"""The zone's own records: what follows from its name and addresses, joined with the static records.

A zone named like its server has its addresses at the apex; nameservers of other names inside the zone get them there;
nameservers outside the zone have theirs in their own zone. Static records go before derived ones: NS records at the
apex replace the derived set, and a nameserver with a static A or AAAA record gets no derived address.
"""

from dataclasses import dataclass
from typing import Final

from acmedns_py.config import records
from acmedns_py.config.records import Rejected
from acmedns_py.config.settings import Zone
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.presentation import parse_record
from acmedns_py.dns.rrset import RRset, merged
from acmedns_py.dns.zone import check_zone

REFRESH: Final = 14_400
RETRY: Final = 3_600
EXPIRE: Final = 604_800
"""Timers of the SOA record in seconds, the least that delegation checkers pass (dns-correctness #78)."""

_STAND_IN: Final = bytes((192, 0, 2, 1))


@dataclass(frozen=True, slots=True)
class ZoneData:
    """All static RRsets of the zone (SOA serial 0), the lines derived, and what there is to say about them.

    `unaddressed` are nameservers inside the zone without an address. `flaws` name what else the records lack together.
    """

    rrsets: tuple[RRset, ...]
    derived: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    unaddressed: tuple[str, ...]
    flaws: tuple[str, ...]
    warnings: tuple[str, ...]


def zone_data(zone: Zone) -> ZoneData:
    """Make the zone's records; the SOA's TTL and MINIMUM are both the negative TTL (RFC 2308 5)."""
    apex = name.from_text(zone.name)
    named = [name.from_text(server) for server in zone.nameservers]
    static = records.read(zone.records, apex=apex, origin=apex, default_ttl=zone.ttl, nameservers=named or [apex])
    rrsets = static.rrsets
    at_apex = records.nameservers_at(apex, rrsets)
    servers = list(dict.fromkeys(at_apex or named or [apex]))
    primary = (named or servers)[0]
    lines = [_soa(zone, apex, primary)]
    if not at_apex:
        lines += [f"{name.to_text(apex)} {zone.ttl} NS {name.to_text(server)}" for server in servers]
    inside = [server for server in dict.fromkeys((*servers, primary)) if name.is_subdomain(server, apex)]
    addressed = {rrset.owner for rrset in rrsets if rrset.rrtype in (RRType.A, RRType.AAAA)}
    unaddressed = [server for server in inside if server not in addressed]
    for server in unaddressed:
        lines += [
            f"{name.to_text(server)} {zone.ttl} {'A' if address.version == 4 else 'AAAA'} {address}"
            for address in dict.fromkeys(zone.addresses)
        ]
    derived = [parse_record(line, origin=apex, default_ttl=zone.ttl) for line in lines]
    whole = merged([*derived, *rrsets])
    # A missing address is told by itself; with a stand-in for it the records are checked for all else.
    lacking = [] if zone.addresses else unaddressed
    stand_ins = [RRset(server, RRType.A, zone.ttl, (_STAND_IN,)) for server in lacking]
    return ZoneData(
        rrsets=tuple(whole),
        derived=tuple(lines),
        rejected=static.rejected,
        unaddressed=tuple(name.to_text(server) for server in lacking),
        flaws=tuple(check_zone([*whole, *stand_ins], apex)),
        warnings=(*static.uneven(), *_doubled(static, apex), *_hidden_primary(primary, servers)),
    )


def _soa(zone: Zone, apex: bytes, primary: bytes) -> str:
    mailbox = name.from_text(zone.admin) if zone.admin else name.from_text(f"hostmaster.{zone.name}")
    return (
        f"{name.to_text(apex)} {zone.negative_ttl} SOA {name.to_text(primary)} {name.to_text(mailbox)} "
        f"0 {REFRESH} {RETRY} {EXPIRE} {zone.negative_ttl}"
    )


def _doubled(static: records.StaticRecords, apex: bytes) -> list[str]:
    """Name the records in which the zone's name stands twice in a row: a final dot was forgotten."""
    twice = apex[:-1] + apex
    return [
        f"zone.records[{index}] has {name.to_text(twice)} in it: a name without a final dot is completed by the zone"
        for index, record in static.records.items()
        if record.owner.endswith(twice) or twice in name.folded(record.rdatas[0])
    ]


def _hidden_primary(primary: bytes, servers: list[bytes]) -> list[str]:
    if primary in servers:
        return []
    return [f"the SOA record names {name.to_text(primary)}, which is not among the zone's NS records"]
