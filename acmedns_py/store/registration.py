"""What stands against a registration at the moment of its transaction: its token, and the label that was chosen.

A group's registrations are judged in their order: the last use of a token, and a label that two want, go to the first.
Labels that are random are not looked at, they meet nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Token
from acmedns_py.accounts.tokens import ending
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, LabelTaken, RegistrationRefused
from acmedns_py.store import tokens
from acmedns_py.store.accounts import NewAccount, create
from acmedns_py.store.schema import static
from acmedns_py.store.standing import unavailable_labels


async def register(
    connection: AsyncConnection, zone_id: int, apex: bytes, requests: Sequence[NewAccount], now: int
) -> list[AcmednsError | None]:
    """Create the accounts of a group; gives, in their order, what stood against each, or None."""
    chosen = [request.label for request in requests if request.chosen]
    unavailable: set[str] = set()
    if chosen:
        unavailable = await unavailable_labels(connection, chosen) | await _reserved_labels(connection, zone_id, apex)
    shown = {request.token.id for request in requests if request.token is not None}
    standing = await tokens.by_id(connection, shown, now) if shown else {}
    verdicts = [_verdict(request, unavailable, standing) for request in requests]
    good = [request for request, wrong in zip(requests, verdicts, strict=True) if wrong is None]
    if good:
        ids = await create(connection, good, now)
        makers = {ids[one.username]: one.token.id for one in good if one.token is not None}
        if makers:
            await tokens.note_makers(connection, makers)
            await tokens.save_uses(connection, [standing[maker] for maker in sorted(set(makers.values()))])
    return verdicts


def _verdict(request: NewAccount, unavailable: set[str], standing: dict[int, Token]) -> AcmednsError | None:
    """Judge one registration; where it is good, take its label and its use of a token away from those behind it."""
    if request.chosen and request.label in unavailable:
        return LabelTaken(request.label)
    if request.token is not None:
        token = standing[request.token.id]
        if token.ended is not None:
            return RegistrationRefused(ending(token), token.name)
        left = None if token.uses_left is None else token.uses_left - 1
        standing[token.id] = replace(token, uses_left=left, last_used_at=token.read_at)
    if request.chosen:
        unavailable.add(request.label)
    return None


async def _reserved_labels(connection: AsyncConnection, zone_id: int, apex: bytes) -> set[str]:
    """Give the labels directly below the apex that static records have: nameservers and names above others, too."""
    owners = await connection.scalars(select(static.c.owner).where(static.c.zone == zone_id).distinct())
    return {next(name.labels(name.child_of(apex, owner))).decode("latin-1") for owner in owners if owner != apex}
