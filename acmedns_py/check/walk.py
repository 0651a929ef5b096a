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
from acmedns_py.check.facts import Answer, Question, targets
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.rrset import RRset

DEEPEST: Final = 6
"""Zones whose servers are named in zones whose servers are named in ...; more than a few is a fault of its own."""

LONGEST_CHAIN: Final = 11
"""CNAME records in a row that are followed; unbound follows 11."""

SERVERS_TRIED: Final = 4
"""Of a zone on the way, one after the other, until one answers."""

PATIENCE_SECONDS: Final = 0.8
"""After so long without an answer the next server is asked besides: nobody waits for a dead one alone."""

MOST_SERVERS: Final = 26
"""Of one zone that are followed; the root has 13."""

MOST_ADDRESSES: Final = 2 * MOST_SERVERS

_IPV6_TRIED: Final = 3
"""Servers of the root that may be down at the same time."""

_ADDRESS_TYPES: Final = (RRType.A, RRType.AAAA)


@dataclass(frozen=True, slots=True)
class Nameserver:
    """A name server of a delegation: `glue` are the addresses that came with it, `addresses` all that lead to it."""

    name: bytes
    addresses: tuple[str, ...] = ()
    glue: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """A zone as the zone above it delegates it; `above` is that zone, None for the root.

    `said` holds what each server of the zone above answered; `broken` says why there is no server to ask, else empty.
    """

    apex: bytes
    nameservers: tuple[Nameserver, ...]
    above: bytes | None = None
    said: tuple[Answer, ...] = ()
    broken: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of all servers, those of IPv4 first, each once."""
        found = dict.fromkeys(address for server in self.nameservers for address in server.addresses)
        return tuple(sorted(found, key=lambda address: ":" in address))[:MOST_ADDRESSES]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the authoritative servers say of a name: `steps` has an answer for each name of a chain of aliases.

    `rrset` is what was looked for, None where there is none; `broken` says why that is not known, else empty.
    """

    rrset: RRset | None
    steps: tuple[Answer, ...] = ()
    cuts: tuple[Cut, ...] = ()
    broken: str = ""


@dataclass(slots=True)
class Walk:
    """Walks through `asker` from `hints`, the root servers' addresses by name."""

    asker: Asker
    hints: Mapping[str, Iterable[str]]
    _cuts: dict[bytes, Cut] = field(default_factory=dict)
    _asked: dict[tuple[Question, str], "asyncio.Task[Answer]"] = field(default_factory=dict)

    async def ask(self, question: Question, address: str) -> Answer:
        """Ask once in the life of this walk, over TCP where UDP is too short."""
        task = self._asked.get((question, address))
        if task is None:
            task = asyncio.create_task(self.asker.ask_whole(question, address))
            self._asked[question, address] = task
        # Who stops waiting must not stop it for others.
        return await asyncio.shield(task)

    async def cut(self, owner: bytes, trail: tuple[bytes, ...] = ()) -> Cut:
        """Give the zone that `owner` lies in: the deepest one that is delegated at or above it."""
        if owner == name.ROOT:
            servers = (Nameserver(name.from_text(host), tuple(found)) for host, found in self.hints.items())
            return Cut(name.ROOT, tuple(servers))
        if (known := self._cuts.get(owner)) is not None:
            return known
        above = await self.cut(name.parent(owner), trail)
        return above if above.broken else await self._below(above, owner, trail)

    async def lookup(self, owner: bytes, rrtype: int, trail: tuple[bytes, ...] = ()) -> Lookup:
        """Look a name up at the servers that know it, and follow aliases; never raises."""
        steps: list[Answer] = []
        cuts: list[Cut] = []
        seen: list[bytes] = []
        while owner not in seen:
            if len(seen) > LONGEST_CHAIN:
                return Lookup(None, tuple(steps), tuple(cuts), f"more than {LONGEST_CHAIN} aliases in a row")
            seen.append(owner)
            cut = await self.cut(owner, trail)
            cuts.append(cut)
            if cut.broken:
                return Lookup(None, tuple(steps), tuple(cuts), cut.broken)
            answer = await self._first(Question(owner, rrtype), cut)
            steps.append(answer)
            if answer.problem is not None or answer.rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN}:
                return Lookup(None, tuple(steps), tuple(cuts), _why(answer))
            if (found := answer.found(owner, rrtype)) is not None:
                return Lookup(found, tuple(steps), tuple(cuts))
            alias = answer.found(owner, RRType.CNAME)
            if alias is None:
                return Lookup(None, tuple(steps), tuple(cuts))
            owner = next(iter(targets(alias)))
        return Lookup(None, tuple(steps), tuple(cuts), f"the aliases lead back to {name.to_text(owner)}")

    async def addresses(self, host: bytes, trail: tuple[bytes, ...] = ()) -> tuple[str, ...]:
        """Give the addresses of a name as its own zone has them; none where that can't be found out."""
        lookups = await asyncio.gather(*(self.lookup(host, rrtype, trail) for rrtype in _ADDRESS_TYPES))
        return tuple(address for found in lookups for address in addresses_of(found.rrset))

    async def has_ipv6(self) -> bool:
        """Whether one of the root's servers can be reached over IPv6 from here."""
        addresses = [address for found in self.hints.values() for address in found if ":" in address]
        question = Question(name.ROOT, RRType.SOA)
        answers = await asyncio.gather(*(self.ask(question, address) for address in addresses[:_IPV6_TRIED]))
        return any(answer.problem is None for answer in answers)

    async def _below(self, above: Cut, owner: bytes, trail: tuple[bytes, ...]) -> Cut:
        """Ask one server of `above` whether it delegates `owner`, and then all; gives `above` where it does not."""
        first = await self._first(_delegation(owner), above)
        if first.problem is not None:
            return Cut(owner, (), above.apex, (first,), _why(first))
        return above if delegation_in(first, owner) is None else await self.delegated(owner, above, trail)

    async def delegated(self, owner: bytes, above: Cut, trail: tuple[bytes, ...] = ()) -> Cut:
        """Ask all servers of `above` about `owner`; gives `above` where none of them delegates it."""
        said = await asyncio.gather(*(self.ask(_delegation(owner), address) for address in above.addresses))
        hosts = sorted(_all_targets(said, owner))[:MOST_SERVERS]
        if not hosts:
            return above
        glue = glue_in(said)
        deeper = (*trail, owner)
        servers = await asyncio.gather(*(self._nameserver(host, glue.get(host, ()), deeper) for host in hosts))
        reachable = any(server.addresses for server in servers)
        broken = "" if reachable else f"no server of {name.to_text(owner)} has an address"
        found = Cut(owner, tuple(servers), above.apex, tuple(said), broken)
        if not trail or reachable:
            # What is broken inside a trail may only be so because it turns in a circle there.
            self._cuts[owner] = found
        return found

    async def _nameserver(self, host: bytes, glue: tuple[str, ...], trail: tuple[bytes, ...]) -> Nameserver:
        if glue:
            return Nameserver(host, glue, glue)
        inside = any(name.is_subdomain(host, zone) for zone in trail)
        # Without glue a name inside the zone itself leads back to the question that it should answer.
        found = () if inside or len(trail) > DEEPEST else await self.addresses(host, trail)
        return Nameserver(host, found)

    async def _first(self, question: Question, cut: Cut) -> Answer:
        """Give the first usable answer of a zone's servers, else the last unusable one."""
        assert cut.addresses, "a cut that is not broken has addresses"
        asked: set[asyncio.Task[Answer]] = set()
        answer: Answer | None = None
        addresses = cut.addresses[:SERVERS_TRIED]
        for place, address in enumerate(addresses, 1):
            asked.add(asyncio.create_task(self.ask(question, address)))
            # Behind the last one there is nobody else to ask.
            patience = PATIENCE_SECONDS if place < len(addresses) else None
            while asked:
                done, asked = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for task in done:
                    answer = task.result()
                    if answer.problem is None and answer.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}:
                        return answer
        assert answer is not None, "at least one was asked"
        return answer


def _delegation(owner: bytes) -> Question:
    return Question(owner, RRType.NS, dnssec_ok=True)


def delegation_in(answer: Answer, owner: bytes) -> RRset | None:
    """Give the NS set of `owner` as a server of the zone above tells it.

    Where that server serves the zone itself as well it answers with authority, and nothing else can be known of it.
    """
    if answer.problem is not None or answer.rcode != Rcode.NOERROR:
        return None
    sections = answer.answer or answer.authority
    return next((rrset for rrset in sections if (rrset.owner, rrset.rrtype) == (owner, RRType.NS)), None)


def glue_in(said: Iterable[Answer]) -> dict[bytes, tuple[str, ...]]:
    """Give the addresses that came with a delegation, by name."""
    glue: dict[bytes, dict[str, None]] = {}
    for answer in said:
        for rrset in answer.additional:
            if rrset.rrtype in _ADDRESS_TYPES:
                glue.setdefault(rrset.owner, {}).update(dict.fromkeys(addresses_of(rrset)))
    return {owner: tuple(found) for owner, found in glue.items()}


def addresses_of(rrset: RRset | None) -> tuple[str, ...]:
    """Give the addresses of an A or AAAA set."""
    return () if rrset is None else tuple(str(ip_address(rdata)) for rdata in rrset.rdatas)


def _all_targets(said: Iterable[Answer], owner: bytes) -> frozenset[bytes]:
    return frozenset().union(*(targets(delegation_in(answer, owner)) for answer in said))


def _why(answer: Answer) -> str:
    about = answer.problem if answer.problem is not None else f"rcode {rcode_text(answer.rcode)}"
    return f"{answer.address}: {about}"


def rcode_text(rcode: int) -> str:
    """Give the name of a response code."""
    try:
        return Rcode(rcode).name
    except ValueError:
        return str(rcode)
