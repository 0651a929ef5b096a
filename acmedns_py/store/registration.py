"""What stands against a registration at the moment of its transaction: its token, and the label that was chosen.

A group's registrations are judged in their order: the last use of a token, and a label that two want, go to the first.
Labels that are random are not looked at, they meet nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Token
from acmedns_py.accounts.tokens import ended
from acmedns_py.errors import AcmednsError, BadInput
from acmedns_py.store import tokens
from acmedns_py.store.accounts import NewAccount, create
from acmedns_py.store.schema import account, static


async def register(
    connection: AsyncConnection, zone_id: int, apex: bytes, requests: Sequence[NewAccount], now: int
) -> list[AcmednsError | None]:
    """Create the accounts of a group; gives, in their order, what stood against each, or None."""
    chosen = [request.label for request in requests if request.chosen]
    used = await _used_labels(connection, chosen) if chosen else set()
    reserved = await _reserved_labels(connection, zone_id, apex) if chosen else set()
    shown = {request.token.id for request in requests if request.token is not None}
    standing = await tokens.by_id(connection, shown, now) if shown else {}
    verdicts = [_verdict(request, used, reserved, standing) for request in requests]
    good = [request for request, wrong in zip(requests, verdicts, strict=True) if wrong is None]
    if good:
        ids = await create(connection, good, now)
        makers = {ids[one.username]: one.token.id for one in good if one.token is not None}
        if makers:
            await tokens.note_makers(connection, makers)
            await tokens.save_uses(connection, [standing[maker] for maker in sorted(set(makers.values()))])
    return verdicts


def _verdict(
    request: NewAccount, used: set[str], reserved: set[str], standing: dict[int, Token]
) -> AcmednsError | None:
    """Judge one registration; where it is good, take its label and its use of a token away from those behind it."""
    if request.chosen and request.label in reserved:
        return BadInput("bad_subdomain", "the zone has other records of this name")
    if request.chosen and request.label in used:
        return BadInput("subdomain_taken")
    if request.token is not None:
        token = standing[request.token.id]
        if token.ended is not None:
            return ended(token)
        left = None if token.uses_left is None else token.uses_left - 1
        standing[token.id] = replace(token, uses_left=left, last_used_at=token.read_at)
    if request.chosen:
        used.add(request.label)
    return None


async def _used_labels(connection: AsyncConnection, labels: Sequence[str]) -> set[str]:
    """Give those of the labels that are an account's."""
    return set(await connection.scalars(select(account.c.label).where(account.c.label.in_(labels))))


async def _reserved_labels(connection: AsyncConnection, zone_id: int, apex: bytes) -> set[str]:
    """Give the labels directly below the apex that static records have: nameservers and names above others, too."""
    owners = await connection.scalars(select(static.c.owner).where(static.c.zone == zone_id).distinct())
    return {_label_above(owner, apex) for owner in owners}


def _label_above(owner: bytes, apex: bytes) -> str:
    """Give the label of a name in the zone, or of its ancestor, that stands next to the apex; the apex has none."""
    label = b""
    while owner != apex:
        label, owner = owner[1 : 1 + owner[0]], owner[1 + owner[0] :]
    return label.decode("latin-1")
