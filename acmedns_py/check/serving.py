"""The server itself: whether it answers at each address that it listens on, and not another program in its place."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from acmedns_py.check.asking import Asker
from acmedns_py.check.deadline import Deadline
from acmedns_py.check.facts import Answer, Question
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.reach import said, serves
from acmedns_py.check.reach_kinds import FREE_PORT_53
from acmedns_py.dns.codes import RRType

NAME: Final = "server"
TITLE: Final = "This server at its own addresses"

_UNSERVED: Final = "Whatever the delegation says, nobody gets an answer from here."

KINDS: Final = catalogue(
    (
        Kind(
            "server-silent",
            Verdict.FAIL,
            "this server does not answer at an address that it should listen on",
            _UNSERVED,
            "Start acmedns serve, or see in its log why it is not ready; a firewall of this host can be in the way.",
        ),
        Kind(
            "port-taken",
            Verdict.FAIL,
            "another program answers at an address that this server should listen on",
            _UNSERVED,
            FREE_PORT_53,
        ),
        Kind(
            "server-not-tested",
            Verdict.NOT_TESTED,
            "an address that this server should listen on was not asked",
            "Whether it answers there is not known.",
            "Give acmedns check more time: --timeout.",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """An address and port to serve DNS on, and over what; `holder` names the program that has it now."""

    address: str
    port: int
    tcp: bool
    holder: Callable[[], str]

    def __str__(self) -> str:
        """As it stands in dns.listen, with the transport behind it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port} ({'TCP' if self.tcp else 'UDP'})"


@dataclass(frozen=True, slots=True)
class ServingFacts:
    """What was answered at each place, and for what is not ours who has the port."""

    answers: tuple[tuple[str, Answer], ...]
    holders: tuple[str, ...]


async def collect(apex: bytes, places: Sequence[Place], deadline: Deadline) -> ServingFacts:
    """Ask each for the zone's SOA."""
    askers = [Asker(deadline=deadline, port=one.port) for one in places]
    answers = await asyncio.gather(
        *(
            asker.ask(Question(apex, RRType.SOA, tcp=one.tcp), one.address)
            for asker, one in zip(askers, places, strict=True)
        )
    )
    holders = [
        "" if answer.problem is not None or serves(answer, apex) else one.holder()
        for one, answer in zip(places, answers, strict=True)
    ]
    return ServingFacts(tuple(zip(map(str, places), answers, strict=True)), tuple(holders))


def judge(facts: ServingFacts, apex: bytes) -> Iterator[Finding]:
    """Give each place that does not answer as it should."""
    for (where, answer), holder in zip(facts.answers, facts.holders, strict=True):
        if answer.unasked:
            yield Finding(KINDS["server-not-tested"], where, said(answer))
        elif answer.problem is not None:
            yield Finding(KINDS["server-silent"], where, said(answer), repeat="acmedns health")
        elif not serves(answer, apex):
            # Ours answers SERVFAIL, and without recursion, until it has its zone.
            kind = "port-taken" if answer.recursion_available else "server-silent"
            yield Finding(KINDS[kind], where, told(f"{said(answer)}; held by {holder}"), repeat="ss -lnp sport = :53")
