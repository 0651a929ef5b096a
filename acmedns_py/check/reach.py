"""Whether each address of each name server answers as resolvers ask: UDP, TCP, EDNS, letter case, from where, the same.

What is asked is the SOA record, which every server of the zone has.
"""

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from acmedns_py.check.facts import Answer, Problem, Question, serial
from acmedns_py.check.finding import Finding, listed, told
from acmedns_py.check.reach_kinds import KINDS
from acmedns_py.check.referral import rcode_text
from acmedns_py.check.root_hints import is_internet
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import VERSIONS, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType

NAME: Final = "reach"
TITLE: Final = "Name servers at each address"

_SERIAL_ROUNDS: Final = 3
"""An update between two questions is no difference; one that is there each time is."""

_SERIAL_PAUSE_SECONDS: Final = 1.0
"""Between them, where serials differ: a secondary may be half a second behind each time."""

_SERIAL_QUESTIONS: Final = 16
"""To each address, from as many ports: behind one address are several workers, or machines, and the port says which
(SO_REUSEPORT, balancers). Any one of four is met with 99 %, all four with 96 %."""


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """What one address of one name server answered, each about the SOA record.

    `small`, `bare` and `mixed` are questions with an EDNS size of 512, without EDNS and in mixed case; None where the
    first two were not answered at all.
    """

    server: bytes
    address: str
    udp: Answer
    tcp: Answer
    small: Answer | None = None
    bare: Answer | None = None
    mixed: Answer | None = None

    @property
    def version(self) -> int:
        """Of IP."""
        return ipaddress.ip_address(self.address).version

    @property
    def untested(self) -> Answer | None:
        """The first question without an answer that the server is not to blame for."""
        all_of_them = (self.udp, self.tcp, self.small, self.bare, self.mixed)
        return next((answer for answer in all_of_them if answer is not None and answer.untested), None)

    def serves(self, apex: bytes) -> bool:
        """Whether one of the two transports gave an authoritative SOA."""
        return any(serves(answer, apex) for answer in (self.udp, self.tcp))


@dataclass(frozen=True, slots=True)
class ReachFacts:
    """Every address; `serials` has those of each that told one, by address; `versions`: of IP that are reached.

    `resolved`: a resolver outside finds the zone. `internet`: the root is the Internet's, and not a network's own.
    """

    addresses: tuple[AddressFacts, ...]
    serials: tuple[tuple[str, frozenset[int]], ...]
    versions: frozenset[int]
    resolved: bool = False
    internet: bool = True


async def collect(
    walk: Walk, apex: bytes, servers: Iterable[tuple[bytes, str]], resolvers: Iterable[str] = ()
) -> ReachFacts:
    """Ask all addresses of the servers, given as pairs of a server's name and an address.

    Of `resolvers` those with a public address look from outside.
    """
    addresses = await asyncio.gather(*(_address(walk, apex, server, address) for server, address in servers))
    versions = frozenset([version for version in VERSIONS if await walk.reaches(version)])
    serving = [one.address for one in addresses if one.serves(apex)]
    serials = await _serials(walk, apex, serving)
    resolved = await _resolved(walk, apex, resolvers)
    return ReachFacts(tuple(addresses), serials, versions, resolved, is_internet(walk.hints))


async def _address(walk: Walk, apex: bytes, server: bytes, address: str) -> AddressFacts:
    plain = Question(apex, RRType.SOA)
    ask = walk.asker.ask
    udp, tcp = await asyncio.gather(ask(plain, address), ask(replace(plain, tcp=True), address))
    small, bare, mixed = (
        await asyncio.gather(
            ask(replace(plain, payload=512), address),
            ask(replace(plain, payload=None), address),
            ask(replace(plain, qname=mixed_case(apex)), address),
        )
        if udp.problem is not Problem.TIMEOUT or tcp.problem is None
        else (None, None, None)
    )
    return AddressFacts(server, address, udp, tcp, small, bare, mixed)


async def _resolved(walk: Walk, apex: bytes, resolvers: Iterable[str]) -> bool:
    question = Question(apex, RRType.SOA, recursion_desired=True)
    outside = [one for one in resolvers if ipaddress.ip_address(one).is_global]
    answers = await asyncio.gather(*(walk.ask(question, one) for one in outside))
    return any(answer.rcode == Rcode.NOERROR and answer.found(apex, RRType.SOA) is not None for answer in answers)


async def _serials(walk: Walk, apex: bytes, addresses: Sequence[str]) -> tuple[tuple[str, frozenset[int]], ...]:
    """Ask for the serial everywhere at once, and again while they differ."""
    found: dict[str, set[int]] = {}
    for turn in range(_SERIAL_ROUNDS):
        if turn:
            await asyncio.sleep(min(_SERIAL_PAUSE_SECONDS, walk.asker.deadline.left_seconds))
        found = {}
        everywhere = [address for address in addresses for _ in range(_SERIAL_QUESTIONS)]
        for answer in await asyncio.gather(*(walk.asker.ask(Question(apex, RRType.SOA), one) for one in everywhere)):
            if (rrset := answer.found(apex, RRType.SOA)) is not None:
                found.setdefault(answer.address, set()).add(serial(rrset))
        if len(set().union(*found.values())) <= 1:
            break
    return tuple((address, frozenset(serials)) for address, serials in found.items())


def mixed_case(wire: bytes) -> bytes:
    """Give the name with every other letter in upper case, as a resolver that uses 0x20 would send it."""
    return bytes(octet ^ 0x20 if place % 2 and 0x61 <= octet <= 0x7A else octet for place, octet in enumerate(wire))


def judge(facts: ReachFacts, subject: Subject) -> Iterator[Finding]:
    """Give what is wrong at each address, and with all of them together."""
    asked = [one for one in facts.addresses if one.version in facts.versions]
    for one in facts.addresses:
        if facts.internet and not ipaddress.ip_address(one.address).is_global:
            yield Finding(KINDS["ns-private"], _where(one), one.address, paste=tuple(subject.glue(one.server)))
    for one in asked:
        if one.untested is not None:
            yield _finding("ns-not-tested", one, one.untested)
            continue
        if _inside(one, subject):
            kind = "ns-inside-resolved" if facts.resolved and len(facts.addresses) == 1 else "ns-inside"
            yield _finding(kind, one, one.udp)
            continue
        yield from _transports(one, subject)
        if serves(one.udp, subject.apex):
            yield from _manners(one, subject.apex)
    if asked and not any(one.serves(subject.apex) or one.untested or _inside(one, subject) for one in asked):
        seen = listed(one.address for one in asked)
        yield Finding(KINDS["no-server-answers"], name.to_text(subject.apex), seen, repeat=asked[0].udp.repeat)
    yield from _serials_differ(facts, name.to_text(subject.apex))
    for version in VERSIONS:
        missed = [one.address for one in facts.addresses if one.version == version]
        if missed and version not in facts.versions:
            yield Finding(KINDS[f"ipv{version}-untested"], name.to_text(subject.apex), listed(missed))


def _inside(one: AddressFacts, subject: Subject) -> bool:
    """Whether what was met there is a router's, which tells nothing of what is met from outside."""
    return subject.behind_nat(one.address) and not one.serves(subject.apex)


def _serials_differ(facts: ReachFacts, apex: str) -> Iterator[Finding]:
    for address, found in facts.serials:
        if len(found) > 1:
            yield Finding(KINDS["serial-varies"], address, listed(map(str, found)), repeat=f"dig @{address} {apex} SOA")
    # What varies by itself is told by itself.
    steady = {address: next(iter(found)) for address, found in facts.serials if len(found) == 1}
    if len(set(steady.values())) > 1:
        seen = listed(f"{address}: {found}" for address, found in steady.items())
        yield Finding(KINDS["serial-differs"], apex, seen, repeat=f"dig +nssearch {apex}")


def _transports(one: AddressFacts, subject: Subject) -> Iterator[Finding]:
    """Give at most one finding: the others follow from it."""
    udp, tcp = one.udp, one.tcp
    unsound = next((answer for answer in (udp, tcp) if answer.problem is Problem.MALFORMED), None)
    if udp.problem is Problem.OTHER_SOURCE:
        yield _finding("ns-other-source", one, udp)
    elif unsound is not None:
        yield _finding("ns-unreadable", one, unsound)
    elif udp.problem is not None and one.bare is not None and serves(one.bare, subject.apex):
        yield _finding("ns-no-edns", one, udp)
    elif udp.problem is not None and tcp.problem is not None:
        yield replace(_finding("ns-silent", one, udp), cure=_forwarding(one, subject))
    elif udp.problem is not None:
        yield _finding("ns-no-udp", one, udp)
    elif not serves(udp, subject.apex):
        yield from _lame(one, subject.apex)
    elif tcp.problem is not None or not serves(tcp, subject.apex):
        yield _finding("ns-no-tcp", one, tcp)


def _lame(one: AddressFacts, apex: bytes) -> Iterator[Finding]:
    if one.bare is not None and serves(one.bare, apex):
        yield _finding("ns-no-edns", one, one.udp)
    elif one.udp.recursion_available:
        yield _finding("ns-recursor", one, one.udp)
    else:
        yield _finding("ns-lame", one, one.udp)


def _manners(one: AddressFacts, apex: bytes) -> Iterator[Finding]:
    if one.small is not None and not serves(one.small, apex):
        yield _finding("ns-edns-512", one, one.small)
    if one.bare is not None and not serves(one.bare, apex):
        yield _finding("ns-edns-only", one, one.bare)
    if one.mixed is not None and not (serves(one.mixed, apex) and one.mixed.case_kept):
        yield _finding("ns-case", one, one.mixed)


def _finding(kind: str, one: AddressFacts, answer: Answer) -> Finding:
    return Finding(KINDS[kind], _where(one), said(answer), repeat=answer.repeat)


def _forwarding(one: AddressFacts, subject: Subject) -> str:
    """Give the cure for this host where the address is ours and stands on another machine: a router in front."""
    ours = any(one.address in addresses for addresses in subject.nameservers.values())
    if not ours or not subject.local or one.address in subject.local:
        return ""
    return (
        f"This host does not have {one.address} itself: forward UDP and TCP 53 from there to one of its addresses "
        f"({listed(subject.local)}). Behind some routers their own outer address can't be reached from inside: repeat "
        "the check from another host before you believe this."
    )


def serves(answer: Answer, apex: bytes) -> bool:
    """Whether an answer is an authoritative one with the SOA of the zone."""
    return answer.authoritative and answer.rcode == Rcode.NOERROR and answer.found(apex, RRType.SOA) is not None


def said(answer: Answer) -> str:
    """Tell in few words what an address answered."""
    if answer.problem is not None:
        return told(f"{answer.problem}: {answer.detail}" if answer.detail else answer.problem)
    flags = [flag for flag, is_set in (("aa", answer.authoritative), ("ra", answer.recursion_available)) if is_set]
    kept = "" if answer.case_kept else ", question in other letter case"
    return f"{rcode_text(answer.rcode)}, flags {' '.join(flags) or 'none'}, {len(answer.answer)} answers{kept}"


def _where(one: AddressFacts) -> str:
    return f"{name.to_text(one.server)} at {one.address}"
