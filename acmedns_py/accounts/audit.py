"""Who is who in the audit log, and its lines in the program's own log.

The table is written in the transaction of the change itself; a line of the log follows when that is durable.
"""

import structlog

from acmedns_py.accounts.ports import Entry

ANYONE = "anyone"
"""The actor of what needs no right."""

_log = structlog.get_logger(__name__)


def tell(entry: Entry) -> None:
    """Write an entry into the program's log."""
    _log.info(
        "audit",
        actor=entry.actor,
        source=entry.source,
        action=entry.action,
        subject=entry.subject,
        result=entry.result,
        details=dict(entry.details),
    )
