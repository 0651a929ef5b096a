"""The way down from the root: who is told of a zone by the zone above it, and what its servers say (RFC 1034 5.3.3).

Nothing is taken from a resolver, so that no cache hides what a CA would meet. One `Walk` serves a whole check: each
question to each server is asked once, and whoever asks the same meanwhile waits for the same answer.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from acmedns_py.check.asking import Asker
from acmedns_py.check.facts import Answer, Problem, Question, targets
from acmedns_py.check.referral import ADDRESS_TYPES, addresses_of, all_targets, delegation_in, failure, glue_in, speaks
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

VERSIONS: Final = (4, 6)
"""Of IP."""

DEEPEST: Final = 6
"""Zones whose servers are named in zones whose servers are named in ...; more than a few is a fault of its own."""

LONGEST_CHAIN: Final = 11
"""CNAME records in a row that are followed; unbound follows 11."""

SERVERS_TRIED: Final = 4
"""Of a zone on the way, one after the other, until one answers; those that are lame say so at once and don't count."""

PATIENCE_SECONDS: Final = 0.8
"""After so long without an answer the next server is asked besides: nobody waits for a dead one alone."""

MOST_SERVERS: Final = 26
"""Of one zone that are followed; the root has 13."""

MOST_ADDRESSES: Final = 2 * MOST_SERVERS

MOST_UNGLUED: Final = 40
"""Servers without glue that are looked up for one zone, those of their own zones and so on included: a zone may name
many, each in a zone that does the same."""

_ROOTS_TRIED: Final = 3
"""Servers of the root that may be down at the same time."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """A name server of a delegation: `glue` are the addresses that came with it, `addresses` all that lead to it.

    `untested`: where it has none it may still have some, which were not looked for.
    """

    name: bytes
    addresses: tuple[str, ...] = ()
    glue: tuple[str, ...] = ()
    untested: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A zone as the zone above it delegates it; `above` is that zone, None for the root.

    `said` holds what each server of the zone above answered; `broken` says why there is no server to ask, else empty,
    and `untested` that no server is to blame for it: the check could not look.
    """

    apex: bytes
    nameservers: tuple[Nameserver, ...]
    above: bytes | None = None
    said: tuple[Answer, ...] = ()
    broken: str = ""
    untested: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of all servers, those of IPv4 first, each once."""
        found = dict.fromkeys(address for server in self.nameservers for address in server.addresses)
        return tuple(sorted(found, key=lambda address: ":" in address))[:MOST_ADDRESSES]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the authoritative servers say of a name: `steps` has an answer for each name of a chain of aliases.

    `rrset` is what was looked for, None where there is none; `broken` says why that is not known, else empty, and
    `untested` that no server is to blame for it: the check could not look.
    """

    rrset: RRset | None
    steps: tuple[Answer, ...] = ()
    cuts: tuple[Cut, ...] = ()
    broken: str = ""
    untested: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a name, IPv4 first; `untested` says that there may be others, as the check could not look."""

    found: tuple[str, ...] = ()
    untested: bool = False


@dataclass(frozen=True, slots=True)
class _Trail:
    """The zones that are looked for, each for the sake of a server of the one before.

    `unglued` has the servers that were looked up so far, and is shared by all that one zone leads to.
    """

    zones: tuple[bytes, ...] = ()
    unglued: list[bytes] = field(default_factory=list)

    def within(self, zone: bytes) -> "_Trail":
        """Go on for the servers of this zone."""
        return _Trail((*self.zones, zone), self.unglued)

    def leads_on(self, host: bytes) -> bool:
        """Whether the address of a server without glue may be looked up; counts as done where it may."""
        # A name inside the zone itself leads back to the question that it should answer.
        inside = any(name.is_subdomain(host, zone) for zone in self.zones)
        if inside or len(self.zones) > DEEPEST or len(self.unglued) >= MOST_UNGLUED:
            return False
        self.unglued.append(host)
        return True


@dataclass(slots=True)
class Walk:
    """Walks through `asker` from `hints`, the root servers' addresses by name.

    `detours` are addresses that can't be seen from here, each with the one that is asked in its place, empty for none.
    """

    asker: Asker
    hints: Mapping[str, Iterable[str]]
    detours: dict[str, str] = field(default_factory=dict)
    _cuts: dict[bytes, Cut] = field(default_factory=dict)
    _asked: dict[tuple[Question, str], "asyncio.Task[Answer]"] = field(default_factory=dict)

    async def ask(self, question: Question, address: str) -> Answer:
        """Ask once in the life of this walk, over TCP where UDP is too short."""
        asked = self.detours.get(address, address)
        if not asked:
            return Answer(question, address, Problem.UNREACHABLE, "it can't be seen from inside")
        task = self._asked.get((question, asked))
        if task is None:
            task = asyncio.create_task(self.asker.ask_whole(question, asked))
            self._asked[question, asked] = task
        # Who stops waiting must not stop it for others.
        return await asyncio.shield(task)

    async def cut(self, owner: bytes) -> Cut:
        """Give the zone that `owner` lies in: the deepest one that is delegated at or above it."""
        return await self._cut(owner, _Trail())

    async def lookup(self, owner: bytes, rrtype: int) -> Lookup:
        """Look a name up at the servers that know it, and follow aliases; never raises."""
        return await self._lookup(owner, rrtype, _Trail())

    async def addresses(self, host: bytes) -> Addresses:
        """Give the addresses of a name as its own zone has them; none where that can't be found out."""
        return await self._addresses(host, _Trail())

    async def _cut(self, owner: bytes, trail: _Trail) -> Cut:
        if owner == name.ROOT:
            servers = (Nameserver(name.from_text(host), tuple(found)) for host, found in self.hints.items())
            return Cut(name.ROOT, tuple(servers))
        if (known := self._cuts.get(owner)) is not None:
            return known
        above = await self._cut(name.parent(owner), trail)
        return above if above.broken else await self._below(above, owner, trail)

    async def _lookup(self, owner: bytes, rrtype: int, trail: _Trail) -> Lookup:
        steps: list[Answer] = []
        cuts: list[Cut] = []
        seen: list[bytes] = []
        while owner not in seen:
            if len(seen) > LONGEST_CHAIN:
                return Lookup(None, tuple(steps), tuple(cuts), f"more than {LONGEST_CHAIN} aliases in a row")
            seen.append(owner)
            cut = await self._cut(owner, trail)
            cuts.append(cut)
            if cut.broken:
                return Lookup(None, tuple(steps), tuple(cuts), cut.broken, cut.untested)
            answer = await self.first(Question(owner, rrtype), cut)
            steps.append(answer)
            if not speaks(answer, cut.apex) or not answer.authoritative:
                return Lookup(None, tuple(steps), tuple(cuts), failure(answer), answer.untested)
            if (found := answer.found(owner, rrtype)) is not None:
                return Lookup(found, tuple(steps), tuple(cuts))
            alias = answer.found(owner, RRType.CNAME)
            if alias is None:
                return Lookup(None, tuple(steps), tuple(cuts))
            owner = next(iter(targets(alias)))
        return Lookup(None, tuple(steps), tuple(cuts), f"the aliases lead back to {name.to_text(owner)}")

    async def _addresses(self, host: bytes, trail: _Trail) -> Addresses:
        # Found first, so that the way to it is gone once and not for each type.
        cut = await self._cut(host, trail)
        if cut.broken:
            return Addresses(untested=cut.untested)
        lookups = await asyncio.gather(*(self._lookup(host, rrtype, trail) for rrtype in ADDRESS_TYPES))
        found = tuple(address for lookup in lookups for address in addresses_of(lookup.rrset))
        return Addresses(found, any(lookup.untested for lookup in lookups))

    async def roots(self, version: int) -> tuple[Answer, ...]:
        """Give what some of the root's servers answer over IPv4 or IPv6."""
        addresses = [one for found in self.hints.values() for one in found if ip_address(one).version == version]
        question = Question(name.ROOT, RRType.SOA)
        return tuple(await asyncio.gather(*(self.ask(question, one) for one in addresses[:_ROOTS_TRIED])))

    async def reaches(self, version: int) -> bool:
        """Whether the root's servers can be asked over IPv4 or IPv6; so it is taken where there was no time to see.

        An answer without authority is that of something in between, which answers in the place of every server.
        """
        return any(speaks(answer, name.ROOT) or answer.unasked for answer in await self.roots(version))

    async def sees_root(self) -> bool:
        """Whether the root's servers can be asked at all; where they can't, no server is to blame for anything."""
        return any(await asyncio.gather(*map(self.reaches, VERSIONS)))

    async def reachable(self, addresses: Iterable[str]) -> list[str]:
        """Give the addresses of IPv4 and IPv6, each where the root's servers can be asked over it."""
        versions = {version for version in VERSIONS if await self.reaches(version)}
        return [address for address in addresses if ip_address(address).version in versions]

    async def _below(self, above: Cut, owner: bytes, trail: _Trail) -> Cut:
        """Ask one server of `above` whether it delegates `owner`, and then all; gives `above` where it does not.

        Load balancers among others answer for TXT and CAA as they should and never for NS, which resolvers put up with
        (RFC 9156 3): whether they know the name, the question that matters will show.
        """
        first = await self.first(_delegation(owner), above)
        if not speaks(first, above.apex):
            if above.apex != name.ROOT and not first.untested:
                return above
            untested = first.untested or (above.apex == name.ROOT and not await self.sees_root())
            return Cut(owner, (), above.apex, (first,), failure(first), untested)
        return above if delegation_in(first, owner) is None else await self._delegated(owner, above, trail)

    async def delegated(self, owner: bytes, above: Cut) -> Cut:
        """Ask all servers of `above` about `owner`; gives `above` where none of them delegates it."""
        return await self._delegated(owner, above, _Trail())

    async def _delegated(self, owner: bytes, above: Cut, trail: _Trail) -> Cut:
        said = await asyncio.gather(*(self.ask(_delegation(owner), address) for address in above.addresses))
        hosts = sorted(all_targets(said, owner))[:MOST_SERVERS]
        if not hosts:
            return above
        glue = glue_in(said)
        deeper = trail.within(owner)
        servers = await asyncio.gather(*(self._nameserver(host, glue.get(host, ()), deeper) for host in hosts))
        reachable = any(server.addresses for server in servers)
        broken = "" if reachable else f"no server of {name.to_text(owner)} has an address"
        untested = not reachable and any(server.untested for server in servers)
        found = Cut(owner, tuple(servers), above.apex, tuple(said), broken, untested)
        if not trail.zones or reachable:
            # What is broken inside a trail may only be so because it turns in a circle there.
            self._cuts[owner] = found
        return found

    async def _nameserver(self, host: bytes, glue: tuple[str, ...], trail: _Trail) -> Nameserver:
        if glue:
            return Nameserver(host, glue, glue)
        addresses = await self._addresses(host, trail) if trail.leads_on(host) else Addresses()
        return Nameserver(host, addresses.found, untested=addresses.untested)

    async def first(self, question: Question, cut: Cut) -> Answer:
        """Give the first answer of a zone's servers that speaks for it, else the last other one."""
        assert cut.addresses, "a cut that is not broken has addresses"
        asked: set[asyncio.Task[Answer]] = set()
        answer: Answer | None = None
        left = list(cut.addresses)
        tried = 0
        while left and tried < SERVERS_TRIED:
            asked.add(asyncio.create_task(self.ask(question, left.pop(0))))
            tried += 1
            # Behind the last one there is nobody else to ask.
            patience = PATIENCE_SECONDS if left and tried < SERVERS_TRIED else None
            while asked:
                done, asked = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for task in done:
                    answer = task.result()
                    if speaks(answer, cut.apex):
                        return answer
                    if answer.problem is None or answer.problem is Problem.UNREACHABLE:
                        # Another one may do better; where this host has addresses of one family alone no server is at
                        # fault.
                        tried -= 1
        assert answer is not None, "at least one was asked"
        return answer


def _delegation(owner: bytes) -> Question:
    return Question(owner, RRType.NS, dnssec_ok=True)
