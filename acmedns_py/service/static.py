"""The zone's static records as they are committed: the file's, and beside them texts of our own while these last.

These are the API's own challenge and the canaries of a check. A crash leaves none behind: the next start commits the
file's records, and with that takes them away.
"""

import asyncio
from collections.abc import Iterable, Mapping

from acmedns_py.accounts.ports import Publisher, Written
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset, merged, txt_rdata
from acmedns_py.feed.changes import StaticData
from acmedns_py.store.store import SqlStore


class StaticRecords:
    """What `serve` commits of the zone; one change at a time."""

    def __init__(self, store: SqlStore, *, txt_ttl: int) -> None:
        """`txt_ttl` is that of a challenge, in seconds."""
        self._store = store
        self._txt_ttl = txt_ttl
        self._file: tuple[RRset, ...] = ()
        self._challenge: tuple[RRset, ...] = ()
        self._canaries: tuple[RRset, ...] = ()
        self._turn = asyncio.Lock()

    async def replace(self, rrsets: Iterable[RRset]) -> Written:
        """Commit what the file has now; raises `StoreUnavailable`."""
        async with self._turn:
            file = tuple(rrsets)
            written = await self._commit(file, self._challenge, self._canaries)
            self._file = file
            return written

    def caa(self, host: str) -> RRset | None:
        """Give the CAA records that count for a host (RFC 8659 3), where they are among the file's.

        An alias leads elsewhere, and what is above the zone is not known here.
        """
        found = {(rrset.owner, rrset.rrtype): rrset for rrset in self._file}
        owner = name.from_text(host)
        while owner != name.ROOT and (owner, RRType.CNAME) not in found:
            if (owner, RRType.CAA) in found:
                return found[owner, RRType.CAA]
            owner = name.parent(owner)
        return None

    async def challenge(self, values: Mapping[bytes, tuple[bytes, ...]], publisher: Publisher) -> None:
        """Serve these TXT values (dns-correctness #81) in place of those before, and return when every worker does.

        Raises `StoreUnavailable`, `NotServed`.
        """
        async with self._turn:
            challenge = self._texts(values)
            written = await self._commit(self._file, challenge, self._canaries)
            self._challenge = challenge
        await publisher.served(written.cursor)

    async def canaries(self, values: Mapping[bytes, tuple[bytes, ...]], publisher: Publisher) -> None:
        """The same for the values by which a check sees whether an answer is ours."""
        async with self._turn:
            canaries = self._texts(values)
            written = await self._commit(self._file, self._challenge, canaries)
            self._canaries = canaries
        await publisher.served(written.cursor)

    def _texts(self, values: Mapping[bytes, tuple[bytes, ...]]) -> tuple[RRset, ...]:
        return tuple(
            RRset(owner, RRType.TXT, self._txt_ttl, tuple(txt_rdata(value) for value in each))
            for owner, each in values.items()
        )

    async def _commit(self, *parts: tuple[RRset, ...]) -> Written:
        rrsets = merged(rrset for part in parts for rrset in part)
        return await self._store.replace_static(
            (rrset.owner, rrset.rrtype, StaticData(rrset.ttl, rrset.rdatas)) for rrset in rrsets
        )
