"""The round trip: a random value set at our own server, and read back from every name server and every resolver.

It shows what no question about the delegation can: that who answers there is this server, and has what was acknowledged
a moment ago, as a CA will look for it.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from acmedns_py.check.asking import Asker
from acmedns_py.check.facts import Answer, Problem, Question, texts
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.reach import said
from acmedns_py.check.routes import Routes, read, read_name
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.errors import AcmednsError, Unusable

NAME: Final = "canary"
TITLE: Final = "Round trip of a random value"

PATIENCE_SECONDS: Final = 5.0
"""How long a value is looked for where it was not seen at once."""

LATE_SECONDS: Final = 1.0
"""A CA that asks a second after the client was told of success does so with reason."""

LONGEST_TTL: Final = 60

_PAUSE_SECONDS: Final = 0.25

_CANARIES: Final = "/admin/v1/canaries"

_REFUSALS: Final = frozenset({"db_error", "not_served", "overloaded", "internal_error"})
"""Words of the routes for what fails an update as well."""

KINDS: Final = catalogue(
    (
        Kind(
            "canary-refused",
            Verdict.FAIL,
            "the server could not take a value and serve it",
            "Clients that update a challenge get the same failure, and do not renew.",
            "See the server's log: the database or the DNS workers.",
        ),
        Kind(
            "canary-missing",
            Verdict.FAIL,
            "a name server does not have the value that this server serves",
            "A CA that asks there does not find the challenge, and refuses.",
            "Look whether it is this server that answers there, or another copy with a database of its own, a "
            "secondary that gets no changes, a cache or a balancer.",
        ),
        Kind(
            "canary-late",
            Verdict.WARN,
            "a name server has the value only after a while",
            "A CA that asks at once does not find the challenge, and refuses.",
            "See why changes are slow to get there: zone transfers, the database, a cache in front.",
        ),
        Kind(
            "canary-unresolved",
            Verdict.WARN,
            "a resolver does not find the value",
            "It is not what a CA asks, but it looks at the zone from elsewhere, as a CA does.",
            "If all resolvers miss it, begin with the delegation; if one does, ask it again, or see what it filters.",
        ),
        Kind(
            "ttl-long",
            Verdict.WARN,
            "challenge values may be remembered for more than a minute",
            "A CA that looks again soon may still be told the value before.",
            "Look for a cache in front of the server that raises TTLs; the server itself gives 60 s at most.",
        ),
        Kind(
            "canary-not-tested",
            Verdict.NOT_TESTED,
            "the value was not looked for at an address",
            "Whether that server has what is set is not known.",
            "Where no way leads there, check from another machine; where the time ran out, give acmedns check "
            "more: --timeout.",
        ),
    )
)


class _Canary(msgspec.Struct):
    name: str
    fulldomain: str
    txt: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Where it was looked for last: `seconds` is when it was there, None for not at all; `answer` is the last one."""

    answer: Answer
    seconds: float | None
    resolver: bool


@dataclass(frozen=True, slots=True)
class CanaryFacts:
    """What became of the value at each address; `refused` says why there was none, else empty."""

    owner: bytes
    seen: tuple[Seen, ...]
    refused: str = ""


async def collect(
    asker: Asker, routes: Routes, zone: bytes, servers: Sequence[str], resolvers: Sequence[str]
) -> CanaryFacts:
    """Set it, look for it at all addresses at once, and take it away.

    Raises `AcmednsError` where the routes can't be used at all, or are those of another zone's server, and
    `TimeoutError` where they take too long.
    """
    try:
        document = await asker.deadline.blocking(lambda: routes.ask("POST", _CANARIES))
    except AcmednsError as error:
        if getattr(error, "word", "") not in _REFUSALS:
            raise
        return CanaryFacts(name.ROOT, (), told(str(error)))
    canary = read(document, _Canary)
    try:
        owner, value = read_name(canary.fulldomain), canary.txt.encode()
        if not name.is_subdomain(owner, zone):
            raise Unusable(f"the server that was asked is another zone's: its value is at {told(canary.fulldomain)}")
        begun = time.monotonic()
        seen = await asyncio.gather(
            *(_look(asker, Question(owner, RRType.TXT), address, value, begun) for address in servers),
            *(
                _look(asker, Question(owner, RRType.TXT, recursion_desired=True), address, value, begun)
                for address in resolvers
            ),
        )
    finally:
        # Where that fails it goes by itself, later.
        with suppress(AcmednsError, TimeoutError):
            path = f"{_CANARIES}/{quote(canary.name, safe='')}"
            await asker.deadline.blocking(lambda: routes.ask("DELETE", path))
    return CanaryFacts(owner, tuple(seen))


async def _look(asker: Asker, question: Question, address: str, value: bytes, begun: float) -> Seen:
    answer = Answer(question, address, Problem.TIMEOUT)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Another try changes nothing where this check or that server does not want any.
            while not answer.untested and answer.rcode != Rcode.REFUSED:
                answer = await asker.ask_whole(question, address)
                if value in texts(answer.found(question.qname, RRType.TXT)):
                    return Seen(answer, time.monotonic() - begun, question.recursion_desired)
                await asyncio.sleep(_PAUSE_SECONDS)
    return Seen(answer, None, question.recursion_desired)


def judge(facts: CanaryFacts) -> Iterator[Finding]:
    """Give where the value was not, or late, or may stay too long."""
    if facts.refused:
        yield Finding(KINDS["canary-refused"], "this server", facts.refused, repeat="acmedns health")
    for one in facts.seen:
        where, found = one.answer.address, one.answer.found(facts.owner, RRType.TXT)
        if one.answer.untested:
            yield Finding(KINDS["canary-not-tested"], where, said(one.answer))
            continue
        if one.seconds is None:
            if one.resolver and not _heard(one.answer):
                # A resolver that answers nothing is told of with the resolvers.
                continue
            kind = KINDS["canary-unresolved" if one.resolver else "canary-missing"]
            repeat = one.answer.question.dig(where)
            yield Finding(kind, where, f"{name.to_text(facts.owner)}: {said(one.answer)}", repeat=repeat)
            continue
        if one.resolver:
            # How long it keeps what it has found is its own affair.
            continue
        if one.seconds > LATE_SECONDS:
            yield Finding(KINDS["canary-late"], where, f"after {one.seconds:.1f} s", repeat=one.answer.repeat)
        if found is not None and found.ttl > LONGEST_TTL:
            yield Finding(KINDS["ttl-long"], where, f"{found.ttl} s", repeat=one.answer.repeat)


def _heard(answer: Answer) -> bool:
    return answer.problem is None and answer.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}


def summary(facts: CanaryFacts) -> str:
    """Tell in few words where the value was, and how soon."""
    times = [one.seconds for one in facts.seen if one.seconds is not None]
    slowest = f", everywhere within {max(times):.1f} s" if times and len(times) == len(facts.seen) else ""
    return f"seen at {len(times)} of {len(facts.seen)} addresses{slowest}"
