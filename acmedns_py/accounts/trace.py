"""What came of an account's updates: who asked for its name behind each of the last ones; bounded, in memory alone.

Questions come folded, twice a second, from the workers; updates at the moment of their commit. Each update of a name
begins a `Round`, to which what is asked from then on belongs. What was asked before anybody noted an update belongs to
a round without one. Whoever was not heard of for the longest is forgotten first; `Traced.since` tells how far back the
memory of a name goes.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from acmedns_py.accounts.activity import Activity
from acmedns_py.feed.questions import AskedName, Asker

MOST_NAMES: Final = 20_000
MOST_ROUNDS: Final = 5
MOST_ASKERS: Final = 32
"""Networks of one round: a public CA asks from 5 to 10."""

MOST_ASKERS_IN_ALL: Final = 100_000
"""Some 30 MB."""


@dataclass(slots=True)
class Round:
    """One update and what was asked behind it, by network; `at` (Unix seconds) and `source` are None without one.

    `crowded` says that there were more networks than are kept: those that asked last are.
    """

    at: float | None = None
    source: str | None = None
    askers: dict[bytes, Asker] = field(default_factory=dict)
    crowded: bool = False


@dataclass(frozen=True, slots=True)
class Traced:
    """What is remembered of one name, latest round first.

    It is all that happened from `since` to `now` (Unix seconds), but where `complete` is False: then the workers had
    more to note than they could. A value is sure to be answered for `window_seconds`, and a CA asks from `ca_networks`
    networks at least.
    """

    since: float
    rounds: tuple[Round, ...]
    complete: bool
    window_seconds: float
    now: float
    ca_networks: int


@dataclass(slots=True)
class _Trace:
    since: float
    rounds: deque[Round]


class Traces:
    """The memory of all names, each called by its label."""

    def __init__(self, clock: Callable[[], float], *, window_seconds: float, ca_networks: int) -> None:
        """`clock` gives Unix seconds; the memory begins at this moment."""
        self._clock = clock
        self._window_seconds = window_seconds
        self._ca_networks = ca_networks
        self._since = clock()
        self._missed_at: float | None = None
        self._askers = 0
        self._names: OrderedDict[str, _Trace] = OrderedDict()
        self.activity = Activity(clock)
        """The same of all names together; it is told here of whatever is noted."""

    def updated(self, label: str, source: str | None) -> None:
        """Note that a value was set, or set again."""
        self.activity.updated(label, source)
        trace = self._touched(label.lower())
        if len(trace.rounds) == MOST_ROUNDS:
            self._askers -= len(trace.rounds.popleft().askers)
        trace.rounds.append(Round(self._clock(), source))
        self._make_room()

    def heard(self, names: Sequence[AskedName], missed: int) -> None:
        """Note what one worker has been asked; `missed` questions it could not note."""
        self.activity.heard(names, missed)
        if missed:
            self._missed_at = self._clock()
        for one in names:
            trace = self._touched(one.label)
            for asker in one.askers:
                self._place(trace, asker)
            self._make_room()

    def of(self, label: str) -> Traced:
        """Give what is remembered of a name."""
        trace = self._names.get(label.lower())
        since = self._since if trace is None else trace.since
        rounds = () if trace is None else tuple(reversed(trace.rounds))
        complete = self._missed_at is None or self._missed_at < since
        return Traced(since, rounds, complete, self._window_seconds, self._clock(), self._ca_networks)

    def _touched(self, label: str) -> _Trace:
        trace = self._names.get(label)
        if trace is None:
            trace = self._names[label] = _Trace(self._since, deque([Round()]))
        else:
            self._names.move_to_end(label)
        return trace

    def _place(self, trace: _Trace, asker: Asker) -> None:
        """Add to the last round that had begun when it was asked: the news are half a second old."""
        into = next((one for one in reversed(trace.rounds) if one.at is None or one.at <= asker.last), None)
        if into is None:
            return
        former = into.askers.get(asker.network)
        into.askers[asker.network] = asker if former is None else former.plus(asker)
        self._askers += former is None
        if len(into.askers) > MOST_ASKERS:
            del into.askers[min(into.askers.values(), key=lambda one: one.last).network]
            into.crowded = True
            self._askers -= 1

    def _make_room(self) -> None:
        while len(self._names) > MOST_NAMES or self._askers > MOST_ASKERS_IN_ALL:
            _, gone = self._names.popitem(last=False)
            self._askers -= sum(len(one.askers) for one in gone.rounds)
            # Whoever comes now may be the one that has just been forgotten.
            self._since = self._clock()
