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

from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, NotServed, Unusable

RESERVED: Final = "_acmedns-check"
"""The label above all canaries: it has an underscore, and so is nobody's (see `labels`)."""

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

    def __init__(self, publish: Publish, zone: str, *, life_seconds: float = LIFE_SECONDS) -> None:
        """`zone` is its name without a final dot."""
        self._publish = publish
        self._zone = zone
        self._life_seconds = life_seconds
        self._there: dict[str, Canary] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}

    async def set(self) -> Canary:
        """Serve another one; returns when every worker answers it.

        Raises `Unusable` where there are too many, `StoreUnavailable`, `NotServed`.
        """
        if len(self._there) >= MOST:
            raise Unusable(f"{MOST} checks are under way already; wait until one of them has ended")
        label = secrets.token_hex(_LABEL_OCTETS)
        canary = Canary(label, f"{label}.{RESERVED}.{self._zone}", secrets.token_urlsafe(_VALUE_OCTETS))
        self._there[label] = canary
        self._ends[label] = asyncio.create_task(self._end(label), name="canary")
        try:
            await self._serve()
        except NotServed:
            # It is committed, and goes when its time is over.
            raise
        except AcmednsError:
            self._forget(label)
            raise
        return canary

    async def remove(self, label: str) -> bool:
        """Take one away and say whether it was there; raises `StoreUnavailable`, `NotServed`."""
        canary = self._there.pop(label, None)
        if canary is None:
            return False
        try:
            await self._serve()
        except NotServed:
            self._forget(label)
            raise
        except AcmednsError:
            # It goes when its time is over.
            self._there[label] = canary
            raise
        self._forget(label)
        return True

    async def stop(self) -> None:
        """Wait for none of them any more."""
        for task in self._ends.values():
            task.cancel()
        await asyncio.gather(*self._ends.values(), return_exceptions=True)

    def _forget(self, label: str) -> None:
        self._there.pop(label, None)
        if (task := self._ends.pop(label, None)) is not None and task is not asyncio.current_task():
            task.cancel()

    async def _end(self, label: str) -> None:
        await asyncio.sleep(self._life_seconds)
        while True:
            try:
                await self.remove(label)
            except AcmednsError as error:
                log.warning("canary_not_removed", label=label, problem=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _serve(self) -> None:
        values = {name.from_text(one.fulldomain): (one.value.encode(),) for one in self._there.values()}
        await self._publish(values)
