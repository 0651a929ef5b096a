"""What each name must and may say at a moment, from what its only client asked for and was told.

A value whose request is in flight, or was refused with 503, may be there or not. What was acknowledged must be there
until its removal is asked for, and must be gone once that is acknowledged. With a window, values age as the server's
rule has it: the last two stay, others go when the window has passed. Every rule here errs to the lenient side of a
clock, never of an acknowledgement. Nothing reads a clock: times are seconds that the caller gives.
"""

from dataclasses import dataclass, field

ALWAYS_LIVE = 2
"""Values that the window does not touch."""

CLOCK_SECONDS = 1.0
"""How far the database's clock may be from ours."""

SWEEP_SECONDS = 30.0
"""In how long the server has taken out what has left the window; it looks every second, but may be put off."""

UNKNOWN_SECONDS = 15.0
"""For how long a write that was answered with 503 may still be carried out."""


@dataclass(eq=False)
class Watch:
    """What an answer may say whose question is under way: narrowed and widened by each change in the meantime."""

    required: set[str]
    allowed: set[str]


@dataclass(frozen=True)
class Written:
    """The earliest and the latest moment at which a value can have been written."""

    earliest: float
    latest: float


@dataclass
class Ledger:
    """One registered name; `begin_...` before a request is sent, the matching word when its 200 came."""

    name: str
    window: float | None = None
    must: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    _written: dict[str, Written] = field(default_factory=dict)
    _watches: set[Watch] = field(default_factory=set)

    def begin_add(self, value: str, now: float) -> None:
        """A value is about to be sent, perhaps again."""
        self._age(now)
        if value not in self.must:
            self.may.add(value)
        earliest = self._written[value].earliest if value in self._written else now
        self._written[value] = Written(earliest, float("inf"))
        self._tell()

    def added(self, value: str, begun: float, now: float) -> None:
        """Its 200 came for the request that was begun then."""
        self._age(now)
        self.may.discard(value)
        self.must.add(value)
        self._written[value] = Written(begun, now)
        self._tell()

    def add_failed(self, value: str, now: float) -> None:
        """Its answer was 503: it may be served, for ever or not at all."""
        self._written[value] = Written(self._written[value].earliest, now + UNKNOWN_SECONDS)

    def begin_removal(self, values: set[str], now: float) -> None:
        """These values are about to be taken away; one that has left by itself meanwhile stays gone."""
        self._age(now)
        known = values & (self.must | self.may)
        self.must -= known
        self.may |= known
        self._tell()

    def removed(self, values: set[str], now: float) -> None:
        """They are gone: the 200 came."""
        self._age(now)
        self.may -= values
        for value in values:
            self._written.pop(value, None)
        self._tell()

    def watch(self, now: float) -> Watch:
        """A question is about to be sent."""
        self._age(now)
        watch = Watch(set(self.must), self.must | self.may)
        self._watches.add(watch)
        return watch

    def wrong(self, watch: Watch, said: set[str], now: float) -> str | None:
        """What is wrong with the answer to that question, None where nothing is."""
        self._age(now)
        if missing := watch.required - said:
            return f"misses {sorted(missing)}"
        if extra := said - watch.allowed:
            return f"has {sorted(extra)}, which it must not"
        return None

    def forget(self, watch: Watch) -> None:
        """The question is settled."""
        self._watches.discard(watch)

    def _tell(self) -> None:
        for watch in self._watches:
            watch.required &= self.must
            watch.allowed |= self.must | self.may

    def _age(self, now: float) -> None:
        """Let go of what may have left the window, for good: a later removal does not bring it back."""
        if self.window is None:
            return
        known = self.must | self.may
        for value in list(self.must):
            if now <= self._written[value].earliest + self.window - CLOCK_SECONDS:
                continue
            possibly_later = sum(self._written[other].latest >= self._written[value].earliest for other in known) - 1
            if possibly_later >= ALWAYS_LIVE:
                self.must.discard(value)
                self.may.add(value)
        for value in list(self.may):
            if now <= self._written[value].latest + self.window + SWEEP_SECONDS:
                continue
            surely_later = sum(self._written[other].earliest > self._written[value].latest for other in self.must)
            if surely_later >= ALWAYS_LIVE:
                self.may.discard(value)
                del self._written[value]
        self._tell()
