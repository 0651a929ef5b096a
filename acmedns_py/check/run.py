"""The whole check, in the order of a CA's query: what is collected first tells what to ask next."""

from acmedns_py.check import delegation, reach
from acmedns_py.check.report import Report
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name


async def check(subject: Subject, walk: Walk) -> Report:
    """Check the subject's zone; never raises for what is met on the way."""
    report = Report(name.to_text(subject.apex).removesuffix("."))
    delegated = await delegation.collect(walk, subject.apex)
    seen = f"{len(delegated.cut.nameservers)} name servers, as {name.to_text(delegated.above.apex)} names them"
    report.add(delegation.NAME, delegation.TITLE, delegation.judge(delegated, subject), seen=seen)
    if report.stopped:
        report.skip(reach.NAME, reach.TITLE, report.stopped)
    else:
        servers = delegated.servers()
        reached = await reach.collect(walk, subject.apex, servers)
        report.add(reach.NAME, reach.TITLE, reach.judge(reached, subject), seen=f"{len(servers)} addresses")
    return report
