"""The whole check, in the order of a CA's query: what is collected first tells what to ask next."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from acmedns_py.check import canary, delegation, inside, own, reach, resolvers, serving
from acmedns_py.check.deadline import TIME_OVER
from acmedns_py.check.finding import told
from acmedns_py.check.per_host import Targets, check_hosts
from acmedns_py.check.report import Report
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError


@dataclass(frozen=True, slots=True)
class Ours:
    """The zone's server: where on this host it should serve DNS, none where it is on another; the URLs of its API.

    There is a URL for each name of the API, and none where it is not known.
    """

    places: tuple[serving.Place, ...]
    api_urls: tuple[str, ...]
    registration_open: bool


async def check(
    subject: Subject, walk: Walk, targets: Targets, ours: Ours | None, *, begun: Callable[[str], None]
) -> Report:
    """Check the subject's zone, and the hosts among the targets; never raises for what is met on the way.

    `ours` is None where nothing is known of the zone's server. `begun` is told each part when it begins. From the
    walk's deadline on nothing is asked any more: what was not looked at by then is not tested, and the rest is told.
    """
    deadline = walk.asker.deadline
    report = Report(name.to_text(subject.apex).removesuffix("."))
    if ours is not None and ours.places:
        begun(serving.TITLE)
        found = await serving.collect(subject.apex, ours.places, deadline)
        judged = serving.judge(found, subject.apex)
        report.add(serving.NAME, serving.TITLE, judged, seen=f"{len(ours.places)} sockets")
    begun(delegation.TITLE)
    targets, _ = await asyncio.gather(
        _without_silent(walk, targets), inside.look(walk, subject, () if ours is None else ours.places)
    )
    delegated = await _delegation(report, subject, walk, targets)
    begun(reach.TITLE)
    reached = await _reach(report, subject, walk, targets, delegated)
    begun(canary.TITLE)
    await _canary(report, subject, walk, targets, reached)
    await check_hosts(report, walk, subject.apex, targets, begun=begun)
    if ours is not None:
        if deadline.over:
            report.skip(own.NAME, own.TITLE, TIME_OVER)
            return report
        begun(own.TITLE)
        facts = await own.collect(
            walk,
            ours.api_urls,
            targets.resolvers,
            routes=targets.routes,
            registration_open=ours.registration_open,
        )
        report.add(own.NAME, own.TITLE, own.judge(facts), seen=own.summary(facts))
    return report


async def _without_silent(walk: Walk, targets: Targets) -> Targets:
    """Put aside the resolvers that answer nothing: each question to them would be waited for."""
    greeted = await resolvers.greet(walk, targets.resolvers)
    return replace(
        targets,
        resolvers=tuple(answer.address for answer in greeted if answer.problem is None),
        validating=tuple(answer.address for answer in greeted if answer.authentic),
        silent=tuple(answer for answer in greeted if answer.problem is not None),
    )


async def _delegation(report: Report, subject: Subject, walk: Walk, targets: Targets) -> delegation.DelegationFacts:
    facts = await delegation.collect(walk, subject.apex, targets.resolvers)
    seen = f"{len(facts.cut.nameservers)} name servers, as {name.to_text(facts.above.apex)} names them"
    report.add(delegation.NAME, delegation.TITLE, delegation.judge(facts, subject), seen=seen)
    return facts


async def _reach(
    report: Report, subject: Subject, walk: Walk, targets: Targets, delegated: delegation.DelegationFacts
) -> reach.ReachFacts | None:
    stopped = report.stopped or (TIME_OVER if walk.asker.deadline.over else "")
    if stopped:
        report.skip(reach.NAME, reach.TITLE, stopped)
        return None
    servers = delegated.servers()
    facts = await reach.collect(walk, subject.apex, servers, targets.resolvers)
    report.add(reach.NAME, reach.TITLE, reach.judge(facts, subject), seen=f"{len(servers)} addresses")
    return facts


async def _canary(
    report: Report, subject: Subject, walk: Walk, targets: Targets, reached: reach.ReachFacts | None
) -> None:
    stopped = report.stopped or (TIME_OVER if walk.asker.deadline.over else "")
    if reached is None or stopped or targets.routes is None:
        report.skip(canary.NAME, canary.TITLE, stopped or targets.why)
        return
    # What does not answer at all has been told already.
    servers = [one.address for one in reached.addresses if one.serves(subject.apex)]
    if not servers and not targets.resolvers:
        report.skip(canary.NAME, canary.TITLE, "no name server could be asked from here, and there is no resolver")
        return
    try:
        facts = await canary.collect(walk.asker, targets.routes, subject.apex, servers, targets.resolvers)
    except (AcmednsError, TimeoutError) as error:
        report.skip(canary.NAME, canary.TITLE, told(str(error)))
        return
    report.add(canary.NAME, canary.TITLE, canary.judge(facts), seen=canary.summary(facts))
