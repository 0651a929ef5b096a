"""The wiring of `acmedns check`: what is checked, from the configuration, and the way to it."""

from collections.abc import Mapping
from pathlib import Path

from acmedns_py.check.asking import Asker
from acmedns_py.check.report import Report
from acmedns_py.check.root_hints import ROOT_HINTS, read_hints
from acmedns_py.check.run import check
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk, addresses_of
from acmedns_py.config.load import Loaded
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.service.sockets import global_addresses


async def check_zone(apex: bytes, loaded: Loaded | None, *, hints: Path | None) -> Report:
    """Check a zone, against its configuration where that is `loaded`; raises `Unusable` for hints that can't be read.

    `hints` goes before the configuration's own file of root hints.
    """
    if hints is None and loaded is not None:
        hints = loaded.settings.check.root_hints
    roots: Mapping[str, tuple[str, ...]] = ROOT_HINTS if hints is None else read_hints(hints)
    return await check(subject_of(apex, loaded), Walk(Asker(), roots))


def subject_of(apex: bytes, loaded: Loaded | None) -> Subject:
    """Give the zone with what the configuration says of its name servers; nothing of the zone of another."""
    if loaded is None or name.from_text(loaded.settings.zone.name) != apex:
        return Subject(apex)
    records = {(rrset.owner, rrset.rrtype): rrset for rrset in loaded.static}
    servers = map(name.folded, records[apex, RRType.NS].rdatas)
    return Subject(
        apex,
        {
            server: tuple(
                address for kind in (RRType.A, RRType.AAAA) for address in addresses_of(records.get((server, kind)))
            )
            for server in servers
        },
        frozenset(map(str, global_addresses())),
    )
