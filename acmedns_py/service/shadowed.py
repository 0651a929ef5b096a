"""Static records at or below a name that an account has: found when records are taken over, and told to the operator.

A configuration can't know of accounts, so such records are no mistake that could be refused: the account goes first.
Its name is answered from its values; TXT, CNAME and NS records beside it are not looked at (`dns/zone.py`).
"""

from collections.abc import Collection, Iterable
from typing import Final

import structlog

from acmedns_py.dns import name

MOST_TOLD: Final = 20
"""Names that are told one by one; a zone may have 20,000 static records."""

log = structlog.get_logger(__name__)


def warn_of_shadowed(owners: Iterable[bytes], challenges: Collection[bytes], apex: bytes) -> None:
    """Log each account's name that static records stand at or below; all are folded names in wire form."""
    found: dict[bytes, bytes] = {}
    for owner in owners:
        child = name.child_of(apex, owner)
        if child in challenges:
            found.setdefault(child, owner)
    for child, owner in list(found.items())[:MOST_TOLD]:
        log.warning(
            "static_record_shadowed",
            account=name.to_text(child),
            record=name.to_text(owner),
            cure="the account's values go first; call the record something else, or acmedns account delete ACCOUNT",
        )
    if len(found) > MOST_TOLD:
        log.warning("static_record_shadowed", more=len(found) - MOST_TOLD)
