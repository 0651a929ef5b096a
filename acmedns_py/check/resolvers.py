"""Many eyes: what resolvers say of hosts' challenge names, against what the authoritative servers say.

A CA asks through resolvers of its own, from at least five places that share no cache (MPIC), and all must see the same.
No resolver that can be asked here is one of those; each shows in its own way what some of them may meet.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path as File
from typing import Final

from acmedns_py.check.facts import Answer, Question
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.paths import Ending, Path, target
from acmedns_py.check.referral import rcode_text
from acmedns_py.check.walk import LONGEST_CHAIN, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType

NAME: Final = "resolvers"
TITLE: Final = "Resolvers against the authoritative answer"

RESOLV_CONF: Final = File("/etc/resolv.conf")

MOST_RESOLVERS: Final = 16
MOST_CHARACTERS: Final = 10_000
"""Of resolv.conf."""

_FILTERING: Final = frozenset({4, 15, 16, 17})
"""Extended errors Forged Answer, Blocked, Censored and Filtered (RFC 8914 4)."""

_SEEN_HERE: Final = (
    "CAs ask through resolvers of their own, from several places, and don't see this. Clients that look through this "
    "resolver before they tell the CA, as lego does, wait in vain"
)

SILENT: Final = Kind(
    "resolver-silent",
    Verdict.WARN,
    "the resolver gives no answer",
    "Whatever asks through it on this network finds no name at all.",
    "Correct the list of resolvers, or see what is in the way of UDP and TCP 53.",
)
REFUSES: Final = Kind(
    "resolver-refuses",
    Verdict.WARN,
    "the resolver does not answer this host",
    "Whatever asks through it from here finds no name at all.",
    "Take it off the list, or have this host's address let in there.",
)
FAILS: Final = Kind(
    "resolver-fails",
    Verdict.WARN,
    "the resolver finds no answer where the authoritative servers have one",
    "A CA whose resolver is as strict will refuse the host.",
    "Ask it again; if it stays, its own log says what it does not like.",
)
BOGUS: Final = Kind(
    "resolver-bogus",
    Verdict.FAIL,
    "DNSSEC: the resolver finds that a signature on the path does not hold",
    "CAs validate DNSSEC: they will refuse the host.",
    "See at the provider of the zone that is signed: signatures that have ended, or a DS record of a key that is gone.",
)
UNVALIDATED: Final = Kind(
    "resolver-none-validates",
    Verdict.NOT_TESTED,
    "zones of hosts are signed, and no resolver that was asked validates DNSSEC",
    "CAs validate: where a signature there does not hold they refuse the host, and it was not seen here whether it "
    "does.",
    "Name a resolver that validates in check.resolvers, or with --resolver, as 1.1.1.1, 8.8.8.8 or 9.9.9.9; whoever "
    "runs it gets to know the names.",
)
INTERNAL: Final = Kind(
    "resolver-internal",
    Verdict.WARN,
    "the resolver answers for the name itself, and differently from the Internet",
    f"It has an internal view of the zone (split horizon). {_SEEN_HERE}.",
    "Set the same CNAME record in the internal zone, or tell clients to ask another resolver.",
)
STALE: Final = Kind(
    "resolver-stale",
    Verdict.WARN,
    "the resolver says what the authoritative servers do not say, or no longer",
    f"It remembers a former answer, or changes answers. {_SEEN_HERE}.",
    "Wait until the TTL has passed and check again, or have that resolver forget the name.",
)
FILTERED: Final = Kind(
    "resolver-filtered",
    Verdict.WARN,
    "the resolver holds the name back",
    f"A filter stands in the way. {_SEEN_HERE}.",
    "Have the name let through, or tell clients to ask another resolver.",
)

UNTESTED: Final = Kind(
    "resolver-not-tested",
    Verdict.NOT_TESTED,
    "a resolver was not compared with the authoritative servers",
    "What those who ask through it meet is not known.",
    "Where no way leads to it, take it off the list or check from another machine; where the time ran out, check fewer "
    "hosts at once or give acmedns check more: --timeout; where no host has one answer to compare with, begin with the "
    "hosts.",
)

KINDS: Final = catalogue((SILENT, REFUSES, FAILS, BOGUS, UNVALIDATED, INTERNAL, STALE, FILTERED, UNTESTED))


@dataclass(frozen=True, slots=True)
class View:
    """What a resolver says of a path; `unchecked` is what it says without validation, where it failed with it.

    `path` is None for the first question, which is for the zone: where it fails at that it is asked for nothing else.
    """

    answer: Answer
    path: Path | None = None
    unchecked: Answer | None = None


def system_resolvers(file: File = RESOLV_CONF) -> tuple[str, ...]:
    """Give the resolvers of this machine, as resolv.conf names them (resolv.conf(5)); none where it can't be read."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            lines = opened.read(MOST_CHARACTERS).splitlines()
    except OSError:
        return ()
    words = (line.split() for line in lines)
    return tuple(one[1] for one in words if len(one) > 1 and one[0] == "nameserver" and _is_address(one[1]))


async def greet(walk: Walk, resolvers: Sequence[str]) -> tuple[Answer, ...]:
    """Ask each for what every resolver has at hand, which shows whether it answers at all.

    The root is signed, so that the answer of one that validates is `authentic` (RFC 4035 3.2.3).
    """
    question = Question(name.ROOT, RRType.SOA, recursion_desired=True, dnssec_ok=True)
    return tuple(await asyncio.gather(*(walk.ask(question, one) for one in resolvers[:MOST_RESOLVERS])))


async def collect(walk: Walk, resolvers: Sequence[str], zone: bytes, paths: Sequence[Path]) -> tuple[View, ...]:
    """Ask each resolver for our zone, then for each path; all of them are `comparable`."""
    found = await asyncio.gather(*(_views(walk, one, zone, paths) for one in resolvers))
    return tuple(view for views in found for view in views)


def judge(views: Iterable[View], silent: Iterable[Answer] = (), *, nothing_compared: bool = False) -> Iterator[Finding]:
    """Judge each resolver's view, and what `silent` ones answered to the greeting.

    `nothing_compared`: there are hosts, but none that it could be asked for.
    """
    for answer in silent:
        yield Finding(
            UNTESTED if answer.untested else SILENT, answer.address, str(answer.problem), repeat=answer.repeat
        )
    missed: dict[str, list[View]] = {}
    for view in views:
        if view.answer.untested:
            missed.setdefault(view.answer.address, []).append(view)
        else:
            yield from _judged(view)
    for address, some in missed.items():
        yield Finding(
            UNTESTED, address, f"{len(some)} questions: {some[0].answer.problem}", repeat=some[0].answer.repeat
        )
    if nothing_compared:
        yield Finding(UNTESTED, "hosts", "no host has one answer to compare with")


async def _views(walk: Walk, resolver: str, zone: bytes, paths: Sequence[Path]) -> list[View]:
    first = View(await walk.ask(Question(zone, RRType.SOA, recursion_desired=True), resolver))
    if _silent(first.answer):
        return [first]
    return [first, *await asyncio.gather(*(_view(walk, resolver, path) for path in paths))]


async def _view(walk: Walk, resolver: str, path: Path) -> View:
    question = Question(path.host.challenge, _qtype(path), recursion_desired=True)
    answer = await walk.ask(question, resolver)
    if answer.problem is not None or answer.rcode != Rcode.SERVFAIL:
        return View(answer, path)
    return View(answer, path, await walk.ask(replace(question, checking_disabled=True), resolver))


def _qtype(path: Path) -> int:
    """Give what to ask a resolver for: not for TXT where the question would come to an account of ours.

    There it would be taken for a CA's. The aliases and the code are the same for every type, a remembered absence too
    (RFC 2308 5), though unbound remembers it for each type by itself; whether values come through the resolver, the
    canary shows.
    """
    return RRType.MX if path.ending is Ending.REACHED else RRType.TXT


def _judged(view: View) -> Iterator[Finding]:
    answer, path = view.answer, view.path
    if path is None:
        if _silent(answer) or answer.rcode == Rcode.SERVFAIL:
            seen = rcode_text(answer.rcode) if answer.problem is None else str(answer.problem)
            refused = answer.rcode == Rcode.REFUSED
            yield Finding(REFUSES if refused else FAILS, answer.address, seen, repeat=answer.repeat)
        return
    kind = _kind(view, path)
    if kind is not None:
        subject = f"{path.host.text} at {answer.address}"
        seen = told(f"{_said(answer, path)}; the authoritative servers: {_expected(path)}")
        yield Finding(kind, subject, seen, repeat=answer.repeat)


def _kind(view: View, path: Path) -> Kind | None:
    answer = view.answer
    if answer.problem is not None or answer.rcode == Rcode.REFUSED:
        return FAILS
    if any(int(text.split()[0]) in _FILTERING for text in answer.extended_errors):
        return FILTERED
    if answer.rcode == Rcode.SERVFAIL:
        unchecked = view.unchecked
        checked = unchecked is not None and unchecked.problem is None and unchecked.rcode != Rcode.SERVFAIL
        return BOGUS if checked else FAILS
    if _said(answer, path) == _expected(path):
        return None
    if not answer.answer and not any(rrset.rrtype == RRType.SOA for rrset in answer.authority):
        # Who denies a name on the word of the zone shows the zone's SOA record (RFC 2308 3).
        return FILTERED
    return INTERNAL if answer.authoritative else STALE


def _silent(answer: Answer) -> bool:
    return answer.problem is not None or answer.rcode == Rcode.REFUSED


def comparable(path: Path) -> bool:
    """Whether there is one answer to compare with: the path ends, and all servers on it say the same."""
    if path.ending not in {Ending.REACHED, Ending.ELSEWHERE}:
        return False
    return all(len({target(answer, link.owner) for answer in link.usable}) == 1 for link in path.links)


def _expected(path: Path) -> str:
    """Give the aliases and the code of a path in one text; values are left out, as they change while we look."""
    names = [name.to_text(link.owner) for link in path.links]
    return told(f"{' -> '.join(names)} ({rcode_text(path.last.first.rcode)})")


def _said(answer: Answer, path: Path) -> str:
    """Give what a resolver says in the same form."""
    owners = [path.host.challenge]
    while (following := target(answer, owners[-1])) is not None and len(owners) <= LONGEST_CHAIN:
        owners.append(following)
    return told(f"{' -> '.join(map(name.to_text, owners))} ({rcode_text(answer.rcode)})")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
