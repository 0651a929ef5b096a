"""What is checked for each host: its challenge name, CAA, and what resolvers make of the path to us."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from acmedns_py.check import caa, hosts, resolvers
from acmedns_py.check.accounts import holders
from acmedns_py.check.finding import told
from acmedns_py.check.paths import Host, Path, walk_path
from acmedns_py.check.report import Report
from acmedns_py.check.routes import Routes
from acmedns_py.check.walk import Walk
from acmedns_py.errors import AcmednsError

MOST_HOSTS: Final = 10_000
"""Some ten questions each; more hosts are better checked in parts."""

AT_ONCE: Final = 100
"""Hosts whose paths are walked at the same time."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Which hosts, through which resolvers, for whom; `routes` is None where our server can't be asked, and `why`."""

    hosts: tuple[Host, ...] = ()
    resolvers: tuple[str, ...] = ()
    wanted: caa.Wanted = field(default_factory=caa.Wanted)
    routes: Routes | None = None
    why: str = ""


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
            await _judge_paths(report, zone, targets, paths)
        # CAA is another branch of DNS: whoever mends the one wants to know of the other, but for a zone that is down.
        down = {path.host for path in paths if not path.links[0].usable}
        begun(caa.TITLE)
        climbs = await caa.collect(walk, [host for host in targets.hosts if host not in down])
        report.add(caa.NAME, caa.TITLE, caa.judge(climbs, targets.wanted), seen=f"{len(climbs)} hosts")
    if not targets.resolvers:
        return
    if stopped:
        report.skip(resolvers.NAME, resolvers.TITLE, stopped)
        return
    begun(resolvers.TITLE)
    views = await resolvers.collect(walk, targets.resolvers, zone, paths)
    report.add(resolvers.NAME, resolvers.TITLE, resolvers.judge(views), seen=", ".join(targets.resolvers))


async def _paths(walk: Walk, zone: bytes, wanted: tuple[Host, ...], begun: Callable[[str], None]) -> list[Path]:
    turns = asyncio.Semaphore(AT_ONCE)
    nonce = f"acmedns-check-{secrets.token_hex(8)}".encode()

    left = len(wanted)

    async def path(host: Host) -> Path:
        nonlocal left
        async with turns:
            begun(f"{hosts.TITLE}: {left} of {len(wanted)} to go")
            found = await walk_path(walk, host, zone, nonce=nonce)
        left -= 1
        return found

    return await asyncio.gather(*map(path, wanted))


async def _judge_paths(report: Report, zone: bytes, targets: Targets, paths: list[Path]) -> None:
    held, why = None, targets.why
    if targets.routes is not None:
        try:
            held = await holders(targets.routes, paths)
        except AcmednsError as error:
            why = told(str(error))
    seen = f"{len(paths)} hosts" if held is not None else f"{len(paths)} hosts, accounts by DNS alone: {why}"
    report.add(hosts.NAME, hosts.TITLE, hosts.judge(paths, zone, held), seen=seen)
