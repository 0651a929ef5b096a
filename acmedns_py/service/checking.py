"""The wiring of `acmedns check`: what is checked, from the configuration, and the ways to it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from acmedns_py.check.asking import Asker
from acmedns_py.check.canary import CanaryRefused
from acmedns_py.check.report import Report
from acmedns_py.check.root_hints import ROOT_HINTS, read_hints
from acmedns_py.check.run import check
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk, addresses_of
from acmedns_py.config.load import Loaded
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.errors import AcmednsError, Unusable
from acmedns_py.service.door import NotDone, open_server
from acmedns_py.service.sockets import global_addresses

_CANARIES: Final = "/admin/v1/canaries"

_FAILURES: Final = frozenset({"db_error", "not_served", "overloaded", "internal_error"})
"""Words of the routes by which an update fails as well."""


async def check_zone(apex: bytes, loaded: Loaded | None, *, hints: Path | None) -> Report:
    """Check a zone, against its configuration where that is `loaded`; raises `Unusable` for hints that can't be read.

    `hints` goes before the configuration's own file of root hints.
    """
    if hints is None and loaded is not None:
        hints = loaded.settings.check.root_hints
    roots: Mapping[str, tuple[str, ...]] = ROOT_HINTS if hints is None else read_hints(hints)
    ours = loaded if loaded is not None and name.from_text(loaded.settings.zone.name) == apex else None
    return await check(subject_of(apex, ours), Walk(Asker(), roots), canaries=_Canaries(ours))


def subject_of(apex: bytes, loaded: Loaded | None) -> Subject:
    """Give the zone with what its configuration says of its name servers."""
    if loaded is None:
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


class _Canaries:
    """Sets values through the local socket of the running server."""

    def __init__(self, loaded: Loaded | None) -> None:
        self._loaded = loaded

    async def set(self) -> tuple[str, str, str]:
        """Have one served."""
        document = await asyncio.to_thread(self._ask, "POST", _CANARIES)
        return document["name"], document["fulldomain"], document["txt"]

    async def remove(self, handle: str) -> None:
        """Take one away, or leave it to go by itself."""
        with suppress(AcmednsError):
            await asyncio.to_thread(self._ask, "DELETE", f"{_CANARIES}/{handle}")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        if self._loaded is None:
            raise Unusable("the zone's server is not on this host, or its configuration was not found")
        with open_server(self._loaded.settings) as door:
            try:
                return door.ask(method, path)
            except NotDone as error:
                if error.word in _FAILURES:
                    raise CanaryRefused(str(error)) from error
                raise
