"""Queries that workers have noted, as events of the log: the only place where one DNS query becomes a line.

What was asked is octets from a stranger, by way of a worker: what is no name is told as none.
"""

from datetime import UTC, datetime
from ipaddress import ip_address

import structlog

from acmedns_py.dns import name, source
from acmedns_py.dns.codes import Rcode, type_to_text
from acmedns_py.feed.frames import TYPE_AND_CLASS_OCTETS, NotedQuery

log = structlog.get_logger(__name__)


def write(worker: int, noted: NotedQuery) -> None:
    """Log one query."""
    qname, qtype = _question(noted)
    log.info(
        "dns_query",
        worker=worker,
        asked=datetime.fromtimestamp(noted.unix, UTC).isoformat(timespec="milliseconds"),
        source=str(ip_address(source.address(noted.source))),
        transport="tcp" if noted.tcp else "udp",
        name=qname,
        type=qtype,
        rcode=_rcode(noted.rcode),
    )


def _question(noted: NotedQuery) -> tuple[str | None, str | None]:
    """Give name, in the case it came, and type; None for what is none."""
    qname = noted.qname()
    if qname is None:
        return None, None
    behind = noted.question[-TYPE_AND_CLASS_OCTETS:]
    return name.to_text(qname), type_to_text(int.from_bytes(behind[:2], "big"))


def _rcode(code: int) -> str:
    return Rcode(code).name if code in Rcode.__members__.values() else str(code)
