"""Static records: lines of zone-file text into RRsets, and why a line can't be served."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.presentation import BadRecord, parse_record
from acmedns_py.dns.rrset import RRset, merged


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not served: its place in the list, its text, and the reason."""

    index: int
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class StaticRecords:
    """The lines that can be served, by their place in the list, and those that can't."""

    records: dict[int, RRset]
    rejected: tuple[Rejected, ...]

    @property
    def rrsets(self) -> list[RRset]:
        """One RRset for each owner and type; where TTLs differ, the lowest holds (RFC 2181 5.2)."""
        return merged(self.records.values())

    def uneven(self) -> list[str]:
        """Name each RRset whose lines have different TTLs."""
        ttls: dict[tuple[bytes, int], set[int]] = defaultdict(set)
        for record in self.records.values():
            ttls[record.owner, record.rrtype].add(record.ttl)
        return [
            f"{name.to_text(owner)} {type_to_text(rrtype)} has the TTLs {', '.join(map(str, sorted(found)))}; "
            f"all its records get the lowest"
            for (owner, rrtype), found in ttls.items()
            if len(found) > 1
        ]


def read(
    lines: Sequence[str], *, apex: bytes, origin: bytes, default_ttl: int, nameservers: Iterable[bytes]
) -> StaticRecords:
    """Read each line; names without a final dot are completed by `origin`, `default_ttl` is in seconds.

    `nameservers` are the names that serve the zone; neither they nor the targets of NS records at the apex may be
    aliases.
    """
    records: dict[int, RRset] = {}
    rejected: list[Rejected] = []
    for index, line in enumerate(lines):
        try:
            record = parse_record(line, origin=origin, default_ttl=default_ttl)
        except BadRecord as error:
            rejected.append(Rejected(index, line, str(error)))
            continue
        reason = _misplaced(record, apex)
        if reason is None:
            records[index] = record
        else:
            rejected.append(Rejected(index, line, reason))
    servers = {*nameservers, *nameservers_at(apex, records.values())}
    for index, reason in _bad_aliases(records, servers).items():
        del records[index]
        rejected.append(Rejected(index, lines[index], reason))
    _even_aliases(records)
    return StaticRecords(records, tuple(sorted(rejected, key=lambda item: item.index)))


def nameservers_at(apex: bytes, records: Iterable[RRset]) -> list[bytes]:
    """Give the targets of the NS records at the apex, folded, in order."""
    return [
        name.folded(rdata)
        for record in records
        if record.owner == apex and record.rrtype == RRType.NS
        for rdata in record.rdatas
    ]


def _misplaced(record: RRset, apex: bytes) -> str | None:
    if not name.is_subdomain(record.owner, apex):
        return f"{name.to_text(record.owner)} lies outside the zone {name.to_text(apex)}"
    if record.rrtype == RRType.SOA:
        return "the SOA record is made from zone.nameservers and zone.admin, as its serial counts every change"
    if record.rrtype == RRType.CNAME and record.owner == apex:
        return "the apex has SOA and NS records, beside which no CNAME may stand (RFC 2181 10.1); write A and AAAA"
    if record.rrtype == RRType.DS and record.owner == apex:
        return "the DS record of this zone belongs into the parent zone (RFC 4035 2.4)"
    return None


def _bad_aliases(records: dict[int, RRset], nameservers: set[bytes]) -> dict[int, str]:
    others = Counter(record.owner for record in records.values() if record.rrtype != RRType.CNAME)
    targets: dict[bytes, bytes] = {}
    reasons: dict[int, str] = {}
    for index, record in records.items():
        if record.rrtype != RRType.CNAME:
            continue
        first = targets.setdefault(record.owner, record.rdatas[0])
        if record.owner in nameservers:
            reasons[index] = "the name of a nameserver may be no alias (RFC 2181 10.3); write A and AAAA"
        elif others[record.owner]:
            reasons[index] = (
                "other records of the same name stand beside this CNAME (RFC 2181 10.1); keep one or the other"
            )
        elif name.folded(first) != name.folded(record.rdatas[0]):
            reasons[index] = "this name has another CNAME already (RFC 2181 10.1); keep one"
    return reasons


def _even_aliases(records: dict[int, RRset]) -> None:
    """Write equal aliases in the letters of the first, so that they are one record (RFC 4343 2)."""
    first: dict[bytes, RRset] = {}
    for index, record in records.items():
        if record.rrtype == RRType.CNAME:
            rdatas = first.setdefault(record.owner, record).rdatas
            records[index] = RRset(record.owner, record.rrtype, record.ttl, rdatas)
