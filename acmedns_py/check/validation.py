"""DNSSEC of what CAs read for hosts: which of their zones are signed, and what resolvers that validate make of CAA.

What such resolvers make of the challenge names is judged with all else that they say of them (`resolvers`).
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from acmedns_py.check.caa import Climb
from acmedns_py.check.facts import Answer, Question
from acmedns_py.check.finding import Finding, listed, told
from acmedns_py.check.paths import Path
from acmedns_py.check.resolvers import BOGUS, UNVALIDATED
from acmedns_py.check.walk import Cut, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType


@dataclass(frozen=True, slots=True)
class ValidationFacts:
    """The signed zones of hosts, the resolvers that validate, and their answers for CAA that fail for a signature."""

    signed: frozenset[bytes] = frozenset()
    validating: tuple[str, ...] = ()
    bogus: tuple[Answer, ...] = ()


async def collect(
    walk: Walk, zone: bytes, paths: Iterable[Path], climbs: Sequence[Climb], validating: tuple[str, ...]
) -> ValidationFacts:
    """Look for the DS records of hosts' zones, ours left out, and ask the validating resolvers for CAA below them."""
    cuts = {link.cut.apex: link.cut for path in paths for link in path.links}
    # Of the climb the host's own name: every zone near the root is signed, and says nothing of the host.
    cuts |= {cut.apex: cut for climb in climbs for _, lookup in climb.levels[:1] for cut in lookup.cuts}
    below = [cut for apex, cut in cuts.items() if apex != zone and cut.above is not None]
    signed = frozenset(
        cut.apex
        for cut, found in zip(below, await asyncio.gather(*(_is_signed(walk, cut) for cut in below)), strict=True)
        if found
    )
    owners = {
        owner: None
        for climb in climbs
        for owner, lookup in climb.levels
        if not lookup.broken and any(cut.apex in signed for cut in lookup.cuts)
    }
    asked = await asyncio.gather(*(_bogus(walk, owner, resolver) for owner in owners for resolver in validating))
    return ValidationFacts(signed, validating, tuple(answer for answer in asked if answer is not None))


def judge(facts: ValidationFacts) -> Iterator[Finding]:
    """Tell the CAA records that no CA can validate, or that nobody here could see whether one can."""
    for answer in facts.bogus:
        owner = told(name.to_text(answer.question.qname).removesuffix("."))
        seen = listed((f"SERVFAIL {', '.join(answer.extended_errors)}, and an answer where nothing is validated",))
        yield Finding(BOGUS, f"CAA of {owner} at {answer.address}", seen, repeat=answer.repeat)
    if facts.signed and not facts.validating:
        yield Finding(UNVALIDATED, "DNSSEC", f"signed: {listed(map(name.to_text, facts.signed))}")


async def _is_signed(walk: Walk, cut: Cut) -> bool:
    assert cut.above is not None, "the root has nothing above it"
    # The zone above has the DS records (RFC 4035 3.1.4.1).
    answer = await walk.first(Question(cut.apex, RRType.DS), await walk.cut(cut.above))
    return answer.found(cut.apex, RRType.DS) is not None


async def _bogus(walk: Walk, owner: bytes, resolver: str) -> Answer | None:
    """Give what a resolver answers for CAA where it answers otherwise without validation."""
    question = Question(owner, RRType.CAA, recursion_desired=True)
    answer = await walk.ask(question, resolver)
    if answer.problem is not None or answer.rcode != Rcode.SERVFAIL:
        return None
    unchecked = await walk.ask(replace(question, checking_disabled=True), resolver)
    return answer if unchecked.problem is None and unchecked.rcode != Rcode.SERVFAIL else None
