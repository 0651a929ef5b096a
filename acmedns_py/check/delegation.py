"""What the zone above says of ours: its NS set and glue against our own, aliases in their place, DS (RFC 1034 4.2.2).

Every server of the zone above is asked, since a resolver may ask any of them.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from acmedns_py.check.delegation_kinds import KINDS, UNCONFIGURED
from acmedns_py.check.facts import Answer, Question, targets
from acmedns_py.check.finding import Finding, listed, told
from acmedns_py.check.referral import addresses_of, delegation_in, failure, rcode_text, speaks
from acmedns_py.check.subject import Subject, address_line
from acmedns_py.check.walk import VERSIONS, Cut, Lookup, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.rrset import RRset

NAME: Final = "delegation"
TITLE: Final = "Delegation by the zone above"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The name of a name server, and what its own zone says of it."""

    name: bytes
    a: Lookup
    aaaa: Lookup

    @property
    def alias(self) -> RRset | None:
        """The CNAME in its place."""
        return self.a.steps[0].found(self.name, RRType.CNAME) if self.a.steps else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, IPv4 first."""
        return (*addresses_of(self.a.rrset), *addresses_of(self.aaaa.rrset))

    @property
    def known(self) -> bool:
        """Whether its own zone could be asked about both kinds of address."""
        return not self.a.broken and not self.aaaa.broken


@dataclass(frozen=True, slots=True)
class DelegationFacts:
    """All that was heard of the delegation.

    `said` and `ds` are what each server of the zone above answered for NS and DS of the zone, `above_keys` what they
    answered for their own DNSKEY; `own` and `keys` are NS and DNSKEY from the zone's own servers. `bogus` are answers
    of resolvers that take the zone above for bogus: they fail but where they are told not to validate. `roots` are
    answers of the root's servers, where none of them can be asked from here, and then there is nothing else.
    """

    above: Cut
    cut: Cut
    said: tuple[Answer, ...] = ()
    ds: tuple[Answer, ...] = ()
    above_keys: tuple[Answer, ...] = ()
    hosts: tuple[HostFacts, ...] = ()
    own: tuple[Answer, ...] = ()
    keys: tuple[Answer, ...] = ()
    bogus: tuple[Answer, ...] = ()
    roots: tuple[Answer, ...] = ()

    def servers(self) -> list[tuple[bytes, str]]:
        """Give each address that a resolver may go to, with the name of its server: from glue and from its own zone."""
        real = {host.name: host.addresses for host in self.hosts}
        return [
            (server.name, address)
            for server in self.cut.nameservers
            for address in dict.fromkeys((*server.addresses, *real.get(server.name, ())))
        ]


async def collect(walk: Walk, apex: bytes, resolvers: Iterable[str] = ()) -> DelegationFacts:
    """Ask the servers of the zone above, and then those that they name; and the resolvers whether they trust it."""
    above = await walk.cut(name.parent(apex))
    if (above.broken or above.apex == name.ROOT) and not await walk.sees_root():
        roots = [answer for version in VERSIONS for answer in await walk.roots(version)]
        return DelegationFacts(above, above, roots=tuple(roots))
    if above.broken:
        return DelegationFacts(above, above)
    cut = await walk.delegated(apex, above)
    said, ds, above_keys, bogus = await asyncio.gather(
        _everywhere(walk, Question(apex, RRType.NS, dnssec_ok=True), above),
        _everywhere(walk, Question(apex, RRType.DS, dnssec_ok=True), above),
        _everywhere(walk, Question(above.apex, RRType.DNSKEY, dnssec_ok=True), above),
        _bogus(walk, above.apex, resolvers),
    )
    if cut.apex != apex:
        return DelegationFacts(above, cut, said, ds, above_keys, bogus=bogus)
    hosts = await asyncio.gather(*(_host(walk, server.name) for server in cut.nameservers))
    own, keys = await asyncio.gather(
        _everywhere(walk, Question(apex, RRType.NS), cut),
        _everywhere(walk, Question(apex, RRType.DNSKEY, dnssec_ok=True), cut),
    )
    return DelegationFacts(above, cut, said, ds, above_keys, tuple(hosts), own, keys, bogus)


async def _everywhere(walk: Walk, question: Question, cut: Cut) -> tuple[Answer, ...]:
    reachable = await walk.reachable(cut.addresses)
    return tuple(await asyncio.gather(*(walk.ask(question, address) for address in reachable)))


async def _bogus(walk: Walk, zone: bytes, resolvers: Iterable[str]) -> tuple[Answer, ...]:
    validated = Question(zone, RRType.SOA, recursion_desired=True)

    async def bogus(resolver: str) -> Answer | None:
        answer = await walk.ask(validated, resolver)
        if answer.problem is not None or answer.rcode != Rcode.SERVFAIL:
            return None
        unchecked = await walk.ask(replace(validated, checking_disabled=True), resolver)
        return answer if unchecked.problem is None and unchecked.rcode == Rcode.NOERROR else None

    found = await asyncio.gather(*map(bogus, resolvers))
    return tuple(answer for answer in found if answer is not None)


async def _host(walk: Walk, host: bytes) -> HostFacts:
    a, aaaa = await asyncio.gather(walk.lookup(host, RRType.A), walk.lookup(host, RRType.AAAA))
    return HostFacts(host, a, aaaa)


def judge(facts: DelegationFacts, subject: Subject) -> Iterator[Finding]:
    """Give what is wrong with the delegation of the subject's zone."""
    apex = name.to_text(subject.apex)
    stopped = next((answer for answer in facts.roots if not answer.untested), None)
    if stopped is not None:
        yield Finding(KINDS["dns-blocked"], "this host", listed(map(failure, facts.roots)), repeat=stopped.repeat)
        return
    heard = [answer for answer in facts.said if speaks(answer, facts.above.apex)]
    if facts.above.broken or not heard:
        seen = facts.above.broken or listed(map(failure, facts.said))
        repeat = facts.said[0].repeat if facts.said else f"dig +trace {apex} NS"
        untested = facts.above.untested if facts.above.broken else all(answer.untested for answer in facts.said)
        kind = KINDS["delegation-not-tested" if untested else "above-unreachable"]
        yield Finding(kind, name.to_text(facts.above.apex), told(seen), repeat=repeat)
        return
    paste = tuple(subject.records())
    cure = "" if paste else UNCONFIGURED
    alias = next((answer for answer in heard if answer.found(subject.apex, RRType.CNAME)), None)
    if alias is not None:
        seen = f"{alias.address} says: {apex} CNAME {_names(targets(alias.found(subject.apex, RRType.CNAME)))}"
        yield Finding(KINDS["delegation-alias"], apex, seen, cure=cure, paste=paste, repeat=alias.repeat)
        return
    if facts.cut.apex != subject.apex:
        seen = (
            f"{heard[0].address} of {name.to_text(facts.above.apex)} says {rcode_text(heard[0].rcode)}, no NS records"
        )
        yield Finding(KINDS["delegation-missing"], apex, seen, cure=cure, paste=paste, repeat=heard[0].repeat)
        return
    yield from _bogus_above(facts)
    # A lame server of the zone above says something else as well.
    yield from _uneven((answer for answer in facts.said if answer.problem is None), apex, subject)
    yield from _ns_set(facts, heard, subject)
    yield from _servers(facts, subject)
    yield from _signatures(facts, apex)
    asked = (*facts.said, *facts.ds, *facts.above_keys, *facts.own, *facts.keys)
    if (missed := next((answer for answer in asked if answer.unasked), None)) is not None:
        yield Finding(KINDS["delegation-not-tested"], apex, failure(missed), repeat=missed.repeat)


def _bogus_above(facts: DelegationFacts) -> Iterator[Finding]:
    if facts.bogus:
        seen = listed(f"{answer.address}: SERVFAIL {', '.join(answer.extended_errors)}" for answer in facts.bogus)
        yield Finding(KINDS["above-bogus"], name.to_text(facts.above.apex), seen, repeat=facts.bogus[0].repeat)


def _uneven(heard: Iterable[Answer], apex: str, subject: Subject) -> Iterator[Finding]:
    sets = {answer: targets(delegation_in(answer, subject.apex)) for answer in heard}
    if len(set(sets.values())) > 1:
        seen = "; ".join(f"{answer.address}: {_names(found)}" for answer, found in sets.items())
        yield Finding(KINDS["delegation-uneven"], apex, told(seen), repeat=next(iter(sets)).repeat)


def _ns_set(facts: DelegationFacts, heard: Iterable[Answer], subject: Subject) -> Iterator[Finding]:
    apex = name.to_text(subject.apex)
    there: frozenset[bytes] = frozenset().union(*(targets(delegation_in(answer, subject.apex)) for answer in heard))
    for answer in facts.own:
        here = targets(answer.found(subject.apex, RRType.NS))
        if here and here != there:
            seen = f"zone above: {_names(there)}; {answer.address}: {_names(here)}"
            paste = tuple(subject.records()) or tuple(f"{apex} NS {name.to_text(one)}" for one in sorted(here))
            yield Finding(KINDS["ns-set-differs"], apex, told(seen), paste=paste, repeat=answer.repeat)
            break
    if len(there) == 1:
        yield Finding(KINDS["ns-single"], apex, _names(there), repeat=f"dig {apex} NS")


def _servers(facts: DelegationFacts, subject: Subject) -> Iterator[Finding]:
    if facts.cut.broken:
        apex = name.to_text(subject.apex)
        seen = told(facts.cut.broken)
        paste = tuple(subject.records())
        cure = "" if paste else UNCONFIGURED
        if facts.cut.untested:
            yield Finding(KINDS["delegation-not-tested"], apex, seen)
            return
        yield Finding(KINDS["no-server-found"], apex, seen, cure=cure, paste=paste, repeat=facts.said[0].repeat)
        return
    servers = {server.name: server for server in facts.cut.nameservers}
    for host in facts.hosts:
        shown = name.to_text(host.name)
        glue = frozenset(servers[host.name].glue)
        real = frozenset(host.addresses)
        if host.alias is not None:
            seen = f"{shown} CNAME {_names(targets(host.alias))}"
            yield Finding(KINDS["ns-alias"], shown, seen, repeat=host.a.steps[0].repeat)
        elif host.a.untested or host.aaaa.untested:
            yield Finding(KINDS["ns-address-not-tested"], shown, told(host.a.broken or host.aaaa.broken))
        elif not servers[host.name].addresses:
            seen = host.a.broken or "neither A nor AAAA records"
            paste = tuple(subject.glue(host.name))
            yield Finding(KINDS["ns-no-address"], shown, told(seen), paste=paste, repeat=f"dig {shown} A")
        elif glue and host.known and real and glue != real:
            kind = "glue-incomplete" if glue < real else "glue-differs"
            seen = f"glue: {listed(glue)}; {shown} itself: {listed(real)}"
            paste = tuple(subject.glue(host.name)) or tuple(address_line(host.name, one) for one in sorted(real))
            yield Finding(KINDS[kind], shown, seen, paste=paste, repeat=facts.said[0].repeat)


def _signatures(facts: DelegationFacts, apex: str) -> Iterator[Finding]:
    signed = next((answer for answer in facts.ds if _first_of(answer, RRType.DS) is not None), None)
    answered = [answer for answer in facts.keys if answer.problem is None and answer.rcode == Rcode.NOERROR]
    if signed is not None and answered and all(_first_of(answer, RRType.DNSKEY) is None for answer in answered):
        seen = f"{signed.address} has DS records, {answered[0].address} has no DNSKEY"
        yield Finding(KINDS["ds-unsigned"], apex, seen, repeat=signed.repeat)
    above = [answer for answer in facts.above_keys if answer.problem is None and answer.rcode == Rcode.NOERROR]
    if above and all(_first_of(answer, RRType.DNSKEY) is None for answer in above):
        subject = name.to_text(facts.above.apex)
        yield Finding(KINDS["above-unsigned"], subject, "it has no DNSKEY", repeat=above[0].repeat)


def _first_of(answer: Answer, rrtype: int) -> RRset | None:
    return answer.found(name.folded(answer.question.qname), rrtype)


def _names(found: Iterable[bytes]) -> str:
    return listed(map(name.to_text, found))
