"""What is checked for each host: its challenge name, CAA, and what resolvers make of the path to us."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from acmedns_py.check import allowed, caa, host_kinds, hosts, resolvers, validation
from acmedns_py.check.accounts import Held, Labelled, holders
from acmedns_py.check.deadline import TIME_OVER
from acmedns_py.check.facts import Answer
from acmedns_py.check.finding import Finding, told
from acmedns_py.check.other_methods import walk_host
from acmedns_py.check.paths import Ending, Host, Path
from acmedns_py.check.report import Report
from acmedns_py.check.routes import Routes
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError

T = TypeVar("T")

MOST_HOSTS: Final = 10_000
"""Some ten questions each; more hosts are better checked in parts."""

AT_ONCE: Final = 100
"""Hosts that are looked at at the same time."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Which hosts, through which resolvers, for whom; `routes` is None where our server can't be asked, and `why`.

    `labelled` says what of the hosts that labels name is not among them. `api_hosts` are the names that our server gets
    its own certificate for, None where that is not known. `validating` are those of the resolvers that validate DNSSEC;
    `silent` is what resolvers have said that are asked nothing else, as they answer nothing.
    """

    hosts: tuple[Host, ...] = ()
    resolvers: tuple[str, ...] = ()
    wanted: caa.Wanted = field(default_factory=caa.Wanted)
    routes: Routes | None = None
    why: str = ""
    labelled: Labelled = field(default_factory=Labelled)
    api_hosts: frozenset[str] | None = None
    validating: tuple[str, ...] = ()
    silent: tuple[Answer, ...] = ()


async def check_hosts(
    report: Report, walk: Walk, zone: bytes, targets: Targets, *, begun: Callable[[str], None]
) -> None:
    """Append what is found of the hosts, if any, and of the resolvers; `begun` is told what is under way."""
    stopped = report.stopped
    paths: list[Path] = []
    climbs: list[caa.Climb] = []
    if targets.hosts:
        if stopped:
            report.skip(hosts.NAME, hosts.TITLE, stopped)
        else:
            paths = await _paths(walk, zone, targets, begun)
            await _judge_paths(report, walk, zone, targets, paths)
        # CAA is another branch of DNS: whoever mends the one wants to know of the other, but for a zone that is down.
        down = {path.host for path in paths if path.ending is Ending.BROKEN and not path.links[0].usable}
        if stopped and not await walk.sees_root():
            report.skip(caa.NAME, caa.TITLE, stopped)
        else:
            climbs = await _caa(report, walk, targets, down, begun)
    elif targets.labelled.unread:
        report.skip(hosts.NAME, hosts.TITLE, targets.labelled.unread)
        report.skip(caa.NAME, caa.TITLE, targets.labelled.unread)
    if not targets.hosts and not targets.resolvers and not targets.silent:
        return
    if stopped or walk.asker.deadline.over:
        report.skip(resolvers.NAME, resolvers.TITLE, stopped or TIME_OVER)
        return
    begun(resolvers.TITLE)
    compared = [path for path in paths if resolvers.comparable(path)]
    views = await resolvers.collect(walk, targets.resolvers, zone, compared)
    validated = await validation.collect(walk, zone, paths, climbs, targets.validating)
    seen = ", ".join((*targets.resolvers, *(answer.address for answer in targets.silent))) or "no resolver"
    if targets.hosts:
        seen = f"{seen}; {len(compared)} of {len(targets.hosts)} hosts"
    judged = resolvers.judge(views, targets.silent, nothing_compared=bool(paths) and not compared)
    report.add(resolvers.NAME, resolvers.TITLE, [*judged, *validation.judge(validated)], seen=seen)


async def _caa(
    report: Report, walk: Walk, targets: Targets, down: set[Host], begun: Callable[[str], None]
) -> list[caa.Climb]:
    asked = [host for host in targets.hosts if host not in down]
    climbs = await _of_each(asked, lambda host: caa.climb(walk, host), lambda left: begun(_to_go(caa.TITLE, left)))
    climbs += [caa.Climb(host, ()) for host in targets.hosts if host in down]
    report.add(caa.NAME, caa.TITLE, caa.judge(climbs, targets.wanted), seen=f"{len(asked)} hosts")
    return climbs


async def _paths(walk: Walk, zone: bytes, targets: Targets, begun: Callable[[str], None]) -> list[Path]:
    nonce = f"acmedns-check-{secrets.token_hex(8)}".encode()
    return await _of_each(
        targets.hosts,
        lambda host: walk_host(walk, host, zone, targets.wanted.accounts, nonce=nonce),
        lambda left: begun(_to_go(hosts.TITLE, left)),
    )


def _to_go(title: str, left: int) -> str:
    return f"{title}: {left} to go"


async def _of_each(
    wanted: Sequence[Host], look: Callable[[Host], Awaitable[T]], tell: Callable[[int], None]
) -> list[T]:
    """Look at each, a bounded number at the same time; `tell` gets how many are left, each time one begins."""
    turns = asyncio.Semaphore(AT_ONCE)
    left = len(wanted)

    async def one(host: Host) -> T:
        nonlocal left
        async with turns:
            tell(left)
            found = await look(host)
        left -= 1
        return found

    return await asyncio.gather(*map(one, wanted))


async def _judge_paths(report: Report, walk: Walk, zone: bytes, targets: Targets, paths: list[Path]) -> None:
    held, why = None, targets.why
    if targets.routes is not None:
        try:
            held = await holders(targets.routes, paths, walk.asker.deadline)
        except AcmednsError as error:
            why = told(str(error))
    found = hosts.judge(paths, zone, None if held is None else held.of, targets.api_hosts)
    bounds = await allowed.collect(walk, {} if held is None else held.of)
    judged = [*found, *allowed.judge(bounds), *_labels(zone, targets.labelled)]
    report.add(hosts.NAME, hosts.TITLE, judged, seen=_seen(len(paths), held, why))


def _seen(asked: int, held: Held | None, why: str) -> str:
    seen = f"{asked} hosts"
    if held is None:
        return f"{seen}, accounts by DNS alone: {why}"
    if len(held.of) < asked:
        seen = f"{seen}, accounts of {asked - len(held.of)} by DNS alone: {TIME_OVER}"
    if held.unsearched:
        seen = f"{seen}, for {held.unsearched} of them no other account was looked for whose label names them"
    return seen


def _labels(zone: bytes, labelled: Labelled) -> Iterator[Finding]:
    """Say where there are hosts that nobody has looked at."""
    if labelled.missed or labelled.unread:
        kind = host_kinds.LABELS_UNREAD if labelled.unread else host_kinds.LABELS_MORE
        yield Finding(kind, name.to_text(zone), labelled.unread or labelled.missed)
