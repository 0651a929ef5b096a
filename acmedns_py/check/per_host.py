"""What is checked for each host: its challenge name, CAA, and what resolvers make of the path to us."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from acmedns_py.check import caa, hosts, resolvers
from acmedns_py.check.accounts import holders
from acmedns_py.check.allowance import Allowance
from acmedns_py.check.deadline import TIME_OVER
from acmedns_py.check.facts import Answer
from acmedns_py.check.finding import told
from acmedns_py.check.paths import Host, Path, walk_path
from acmedns_py.check.report import Report
from acmedns_py.check.routes import Routes
from acmedns_py.check.walk import Walk
from acmedns_py.errors import AcmednsError

T = TypeVar("T")

MOST_HOSTS: Final = 10_000
"""Some ten questions each; more hosts are better checked in parts."""

AT_ONCE: Final = 100
"""Hosts that are looked at at the same time."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Which hosts, through which resolvers, for whom; `routes` is None where our server can't be asked, and `why`.

    `silent` is what resolvers have said that are asked nothing else, as they answer nothing.
    """

    hosts: tuple[Host, ...] = ()
    resolvers: tuple[str, ...] = ()
    wanted: caa.Wanted = field(default_factory=caa.Wanted)
    routes: Routes | None = None
    why: str = ""
    silent: tuple[Answer, ...] = ()


async def check_hosts(
    report: Report, walk: Walk, zone: bytes, targets: Targets, *, begun: Callable[[str], None]
) -> None:
    """Append what is found of the hosts, if any, and of the resolvers; `begun` is told what is under way."""
    stopped = report.stopped
    paths: list[Path] = []
    if targets.hosts:
        if stopped:
            report.skip(hosts.NAME, hosts.TITLE, stopped)
        else:
            paths = await _paths(walk, zone, targets.hosts, begun)
            await _judge_paths(report, walk, zone, targets, paths)
        # CAA is another branch of DNS: whoever mends the one wants to know of the other, but for a zone that is down.
        down = {path.host for path in paths if not path.links[0].usable}
        await _caa(report, walk, targets, down, begun)
    if not targets.resolvers and not targets.silent:
        return
    if stopped or walk.asker.deadline.over:
        report.skip(resolvers.NAME, resolvers.TITLE, stopped or TIME_OVER)
        return
    begun(resolvers.TITLE)
    compared = [path for path in paths if resolvers.comparable(path)]
    views = await resolvers.collect(walk, targets.resolvers, zone, compared)
    seen = ", ".join((*targets.resolvers, *(answer.address for answer in targets.silent)))
    if targets.hosts:
        seen = f"{seen}; {len(compared)} of {len(targets.hosts)} hosts"
    judged = resolvers.judge(views, targets.silent, nothing_compared=bool(paths) and not compared)
    report.add(resolvers.NAME, resolvers.TITLE, judged, seen=seen)


async def _caa(report: Report, walk: Walk, targets: Targets, down: set[Host], begun: Callable[[str], None]) -> None:
    asked = [host for host in targets.hosts if host not in down]
    climbs = await _of_each(
        asked, lambda host: caa.climb(walk.for_host(Allowance()), host), lambda left: begun(_to_go(caa.TITLE, left))
    )
    climbs += [caa.Climb(host, ()) for host in targets.hosts if host in down]
    report.add(caa.NAME, caa.TITLE, caa.judge(climbs, targets.wanted), seen=f"{len(asked)} hosts")


async def _paths(walk: Walk, zone: bytes, wanted: Sequence[Host], begun: Callable[[str], None]) -> list[Path]:
    nonce = f"acmedns-check-{secrets.token_hex(8)}".encode()
    return await _of_each(
        wanted,
        lambda host: walk_path(walk.for_host(Allowance()), host, zone, nonce=nonce),
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
    seen = f"{len(paths)} hosts"
    if held is None:
        seen = f"{seen}, accounts by DNS alone: {why}"
    elif len(held) < len(paths):
        seen = f"{seen}, accounts of {len(paths) - len(held)} by DNS alone: {TIME_OVER}"
    report.add(hosts.NAME, hosts.TITLE, hosts.judge(paths, zone, held), seen=seen)
