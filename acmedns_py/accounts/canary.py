"""Canaries: random TXT values at names that no account can have, by which a check sees that an answer is ours.

Each has a name of its own, `LABEL._acmedns-check` and the zone, so that nothing a resolver remembers of another one is
in the way. It goes by itself when its time is over, should who asked for it never come back.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from acmedns_py.accounts.administration import Operator
from acmedns_py.accounts.audit import enter, note_refusal
from acmedns_py.accounts.labels import CANARIES
from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, NotServed, OutcomeUnknown, Unusable

LIFE_SECONDS: Final = 120
"""A check needs a few; resolvers that hold on to a negative answer, a minute."""

MOST: Final = 16
"""At a time; more checks than that at once are a mistake."""

_RETRY_SECONDS: Final = 10
"""Between two tries to take one away from a database that does not answer."""

_LABEL_OCTETS: Final = 5
_VALUE_OCTETS: Final = 32

Publish = Callable[[Mapping[bytes, tuple[bytes, ...]]], Awaitable[None]]
"""Serves these values by owner name in place of those before, and returns when every worker does."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Canary:
    """`fulldomain` is the complete name without a final dot; `value` has the form of a challenge."""

    label: str
    fulldomain: str
    value: str


class Canaries:
    """Those that there are now."""

    def __init__(
        self,
        publish: Publish,
        note: Callable[[Entry], Awaitable[Written]],
        zone: str,
        *,
        life_seconds: float = LIFE_SECONDS,
    ) -> None:
        """`note` commits an entry of the audit log; `zone` is its name without a final dot."""
        self._publish = publish
        self._note = note
        self._zone = zone
        self._life_seconds = life_seconds
        self._there: dict[str, Canary] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}

    async def set(self, by: Operator) -> Canary:
        """Serve another one; returns when every worker answers it.

        Raises `Unusable` where there are too many, `StoreUnavailable`, `NotServed`.
        """
        label = secrets.token_hex(_LABEL_OCTETS)
        entry = Entry(by.name, by.source, "canary_set", label)
        try:
            canary = await self._set(label)
        except AcmednsError as error:
            await note_refusal(self._note, entry, error)
            raise
        await enter(self._note, entry)
        return canary

    async def remove(self, label: str, by: Operator) -> bool:
        """Take one away and say whether it was there; raises `StoreUnavailable`, `NotServed`."""
        removed = await self._remove(label)
        if removed:
            await enter(self._note, Entry(by.name, by.source, "canary_removed", label))
        return removed

    async def stop(self) -> None:
        """Wait for none of them any more."""
        for task in self._ends.values():
            task.cancel()
        await asyncio.gather(*self._ends.values(), return_exceptions=True)

    async def _set(self, label: str) -> Canary:
        if len(self._there) >= MOST:
            raise Unusable(f"{MOST} checks are under way already; wait until one of them has ended")
        canary = Canary(label, f"{label}.{CANARIES}.{self._zone}", secrets.token_urlsafe(_VALUE_OCTETS))
        self._there[label] = canary
        self._let_end(label)
        try:
            await self._serve()
        except (NotServed, OutcomeUnknown):
            # It is committed, or may be, and goes when its time is over.
            raise
        except AcmednsError:
            self._forget(label)
            raise
        return canary

    async def _remove(self, label: str) -> bool:
        canary = self._there.pop(label, None)
        if canary is None:
            return False
        try:
            await self._serve()
        except NotServed:
            self._forget(label)
            raise
        except AcmednsError:
            # It goes when its time is over, or by another try where that is over already.
            self._there[label] = canary
            if self._ends[label].done():
                self._let_end(label)
            raise
        self._forget(label)
        return True

    def _let_end(self, label: str) -> None:
        self._ends[label] = asyncio.create_task(self._end(label), name="canary")

    def _forget(self, label: str) -> None:
        self._there.pop(label, None)
        if (task := self._ends.pop(label, None)) is not None and task is not asyncio.current_task():
            task.cancel()

    async def _end(self, label: str) -> None:
        await asyncio.sleep(self._life_seconds)
        while True:
            try:
                await self._remove(label)
            except AcmednsError as error:
                log.warning("canary_not_removed", label=label, problem=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _serve(self) -> None:
        values = {name.from_text(one.fulldomain): (one.value.encode(),) for one in self._there.values()}
        await self._publish(values)
