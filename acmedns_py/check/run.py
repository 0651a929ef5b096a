"""The whole check, in the order of a CA's query: what is collected first tells what to ask next."""

from acmedns_py.check import canary, delegation, reach
from acmedns_py.check.per_host import Targets, check_hosts
from acmedns_py.check.report import Report
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError


async def check(subject: Subject, walk: Walk, targets: Targets) -> Report:
    """Check the subject's zone, and the hosts among the targets; never raises for what is met on the way."""
    report = Report(name.to_text(subject.apex).removesuffix("."))
    delegated = await _delegation(report, subject, walk)
    reached = await _reach(report, subject, walk, delegated)
    await _canary(report, subject, walk, targets, reached)
    await check_hosts(report, walk, subject.apex, targets)
    return report


async def _delegation(report: Report, subject: Subject, walk: Walk) -> delegation.DelegationFacts:
    facts = await delegation.collect(walk, subject.apex)
    seen = f"{len(facts.cut.nameservers)} name servers, as {name.to_text(facts.above.apex)} names them"
    report.add(delegation.NAME, delegation.TITLE, delegation.judge(facts, subject), seen=seen)
    return facts


async def _reach(
    report: Report, subject: Subject, walk: Walk, delegated: delegation.DelegationFacts
) -> reach.ReachFacts | None:
    if report.stopped:
        report.skip(reach.NAME, reach.TITLE, report.stopped)
        return None
    servers = delegated.servers()
    facts = await reach.collect(walk, subject.apex, servers)
    report.add(reach.NAME, reach.TITLE, reach.judge(facts, subject), seen=f"{len(servers)} addresses")
    return facts


async def _canary(
    report: Report, subject: Subject, walk: Walk, targets: Targets, reached: reach.ReachFacts | None
) -> None:
    if reached is None or report.stopped or targets.routes is None:
        report.skip(canary.NAME, canary.TITLE, report.stopped or targets.why)
        return
    # What does not answer at all has been told already.
    servers = [one.address for one in reached.addresses if one.serves(subject.apex)]
    try:
        facts = await canary.collect(walk.asker, targets.routes, servers, targets.resolvers)
    except AcmednsError as error:
        report.skip(canary.NAME, canary.TITLE, str(error))
        return
    report.add(canary.NAME, canary.TITLE, canary.judge(facts), seen=canary.summary(facts))
