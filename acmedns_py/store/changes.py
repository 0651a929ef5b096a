"""Change rows: what each cursor changed, written in its transaction, read to close a gap, pruned when old.

A side that is absent is NULL; a present one is msgpack, so that "registered, empty" is an empty list and not NULL.
Every cursor that was taken has at least one row, therefore a cursor without rows is known to be pruned.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.dns.table import Values
from acmedns_py.feed.changes import ChallengeChange, Commit, StaticChange, StaticData, ZoneState
from acmedns_py.store.schema import CHALLENGE, MICROSECONDS, STATIC, change

KEPT_ROWS = 100_000
"""The most rows kept for a zone."""

KEPT_SECONDS = 7 * 86_400
"""The longest that a row is kept."""

PRUNE_ROWS = 5_000
"""Rows written between two prunings, and the most that age alone takes away in one."""

TXT = 16
"""The type of a challenge's records (RFC 1035 3.2.2)."""

_values = msgspec.msgpack.Decoder(tuple[bytes, ...])
_static = msgspec.msgpack.Decoder(StaticData)
encoded = msgspec.msgpack.encode
"""One side, or a static RRset, as octets."""


def static_data(octets: bytes) -> StaticData:
    """The inverse of `encoded` for a static RRset."""
    return _static.decode(octets)


def _side(side: Values | StaticData | None) -> bytes | None:
    return None if side is None else encoded(side)


async def record(connection: AsyncConnection, zone_id: int, commit: Commit, now: int) -> int:
    """Write the rows of one commit; gives their number."""
    rows: list[dict[str, object]] = [
        {"owner": one.owner, "kind": CHALLENGE, "rrtype": TXT, "before": _side(one.before), "after": _side(one.after)}
        for one in commit.challenges
    ]
    rows += [
        {
            "owner": one.owner,
            "kind": STATIC,
            "rrtype": one.rrtype,
            "before": _side(one.before),
            "after": _side(one.after),
        }
        for one in commit.static
    ]
    for row in rows:
        row |= {"zone": zone_id, "cursor": commit.cursor, "committed_at": now}
    await connection.execute(insert(change), rows)
    return len(rows)


async def since(connection: AsyncConnection, zone_id: int, published: int, current: int) -> list[Commit] | None:
    """The commits after `published` up to `current`, or None where some of them are kept no longer."""
    rows = await connection.execute(
        select(change.c.cursor, change.c.owner, change.c.kind, change.c.rrtype, change.c.before, change.c.after)
        .where(change.c.zone == zone_id, change.c.cursor > published, change.c.cursor <= current)
        .order_by(change.c.cursor)
    )
    challenges: dict[int, list[ChallengeChange]] = {}
    statics: dict[int, list[StaticChange]] = {}
    for cursor, owner, kind, rrtype, before, after in rows:
        challenges.setdefault(cursor, [])
        statics.setdefault(cursor, [])
        if kind == CHALLENGE:
            sides = [None if side is None else _values.decode(side) for side in (before, after)]
            challenges[cursor].append(ChallengeChange(owner, *sides))
        else:
            data = [None if side is None else _static.decode(side) for side in (before, after)]
            statics[cursor].append(StaticChange(owner, rrtype, *data))
    if len(challenges) != current - published:
        return None
    return [Commit(cursor, tuple(found), tuple(statics[cursor])) for cursor, found in challenges.items()]


def difference(published: ZoneState, loaded: ZoneState) -> Commit:
    """All that differs between two states as one commit, under the cursor of the second."""
    challenges = [
        ChallengeChange(owner, published.challenges.get(owner), loaded.challenges.get(owner))
        for owner in sorted(published.challenges.differing(loaded.challenges))
    ]
    return Commit(loaded.cursor, tuple(challenges), static_difference(published.static, loaded.static))


def static_difference(
    before: dict[tuple[bytes, int], StaticData], after: dict[tuple[bytes, int], StaticData]
) -> tuple[StaticChange, ...]:
    """What leads from one set of static RRsets to another."""
    return tuple(
        StaticChange(*key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )


def merged(challenges: Iterable[ChallengeChange], statics: Iterable[StaticChange], *, cursor: int) -> Commit:
    """One commit of changes that may name an owner several times: its first `before` and its last `after`."""
    names: dict[bytes, ChallengeChange] = {}
    for one in challenges:
        first = names.get(one.owner, one)
        names[one.owner] = ChallengeChange(one.owner, first.before, one.after)
    rrsets: dict[tuple[bytes, int], StaticChange] = {}
    for rrset in statics:
        key = (rrset.owner, rrset.rrtype)
        rrsets[key] = StaticChange(*key, rrsets.get(key, rrset).before, rrset.after)
    return Commit(cursor, tuple(names.values()), tuple(rrsets.values()))


async def prune(connection: AsyncConnection, zone_id: int, now: int) -> None:
    """Delete what is too old or too much, always whole cursors; cheap enough for one write in thousands."""
    mine = change.c.zone == zone_id
    by_cursor = select(change.c.cursor).where(mine).order_by(change.c.cursor.desc())
    # Room for the rows until the next pruning: the bound holds at any moment, not only after this.
    surplus = await connection.scalar(by_cursor.offset(KEPT_ROWS - PRUNE_ROWS).limit(1))
    oldest = (
        select(change.c.cursor, change.c.committed_at)
        .where(mine)
        .order_by(change.c.cursor)
        .limit(PRUNE_ROWS)
        .subquery()
    )
    aged = await connection.scalar(
        select(func.max(oldest.c.cursor)).where(oldest.c.committed_at < now - KEPT_SECONDS * MICROSECONDS)
    )
    last = max(surplus or 0, aged or 0)
    if last:
        await connection.execute(delete(change).where(mine, change.c.cursor <= last))


async def forget(connection: AsyncConnection, zone_id: int) -> None:
    """Delete all rows of a zone whose cursor was set by other means than counting up."""
    await connection.execute(delete(change).where(change.c.zone == zone_id))
