"""What goes on at this moment: the names that are asked for most, the networks that ask, the last updates; bounded.

It is told what `trace` is told: questions for TXT records at the names of accounts, folded by the workers twice a
second, and updates at the moment of their commit. Beside that it is told which queries are logged, and looks at those
that failed. All are counted since the start and, in spans of `SPAN_SECONDS`, of late.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from acmedns_py.accounts.ranking import Busy, Ranking, busiest
from acmedns_py.dns.codes import Rcode
from acmedns_py.dns.source import site
from acmedns_py.feed.frames import NotedQuery
from acmedns_py.feed.questions import AskedName

SPAN_SECONDS: Final = 2
SPANS: Final = 5
"""The present one and those before it: together 8 to 10 seconds."""

MOST_EVER: Final = 5_000
"""Names, and as many networks, of each kind: some 5 MB."""

MOST_IN_SPAN: Final = 1_000
MOST_UPDATES: Final = 100


@dataclass(frozen=True, slots=True)
class Updated:
    """An update: of which label, when in Unix seconds, and from where."""

    label: str
    at: float
    source: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What went on up to `at` and since `since`, in Unix seconds; "lately" means the last `lately_seconds`.

    Names are labels, networks octets as in `feed.questions`; failed names are whole ones in wire form, folded.

    `missed` questions, `missed_lately` of them lately, could not be noted: whose they were nobody knows.
    """

    since: float
    at: float
    lately_seconds: float
    names: list[Busy[str]]
    networks: list[Busy[bytes]]
    failed_names: list[Busy[bytes]]
    failed_networks: list[Busy[bytes]]
    missed: int
    missed_lately: int
    updates: list[Updated]


@dataclass(slots=True)
class _Span:
    begun: float
    names: Ranking[str] = field(default_factory=lambda: Ranking(MOST_IN_SPAN))
    networks: Ranking[bytes] = field(default_factory=lambda: Ranking(MOST_IN_SPAN))
    failed_names: Ranking[bytes] = field(default_factory=lambda: Ranking(MOST_IN_SPAN))
    failed_networks: Ranking[bytes] = field(default_factory=lambda: Ranking(MOST_IN_SPAN))
    missed: int = 0


class Activity:
    """The memory of it, which begins with the server."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._clock = clock
        self._since = clock()
        self._names: Ranking[str] = Ranking(MOST_EVER)
        self._networks: Ranking[bytes] = Ranking(MOST_EVER)
        self._failed_names: Ranking[bytes] = Ranking(MOST_EVER)
        self._failed_networks: Ranking[bytes] = Ranking(MOST_EVER)
        self._missed = 0
        self._spans: deque[_Span] = deque(maxlen=SPANS)
        self._updates: deque[Updated] = deque(maxlen=MOST_UPDATES)

    def updated(self, label: str, source: str | None) -> None:
        """Note that a value was set, or set again."""
        self._updates.append(Updated(label, self._clock(), source))

    def heard(self, names: Sequence[AskedName], missed: int) -> None:
        """Note what one worker has been asked; `missed` questions it could not note."""
        span = self._present()
        self._missed += missed
        span.missed += missed
        networks: Counter[bytes] = Counter()
        for one in names:
            count = 0
            for asker in one.askers:
                count += asker.count
                networks[asker.network] += asker.count
            self._names.add(one.label, count)
            span.names.add(one.label, count)
        for network, count in networks.items():
            self._networks.add(network, count)
            span.networks.add(network, count)

    def noted(self, queries: Sequence[NotedQuery]) -> None:
        """Note which queries are logged; those that were answered with NOERROR are left out."""
        span = self._present()
        for query in queries:
            if query.rcode == Rcode.NOERROR:
                continue
            network = site(query.source)
            self._failed_networks.add(network, 1)
            span.failed_networks.add(network, 1)
            if (qname := query.qname()) is not None:
                folded = qname.lower()
                self._failed_names.add(folded, 1)
                span.failed_names.add(folded, 1)

    def seen(self, most: int) -> Seen:
        """Give what goes on, of each kind at most so much."""
        at = self._clock()
        begin = _beginning(at) - (SPANS - 1) * SPAN_SECONDS
        # A clock that was set back leaves spans that have not begun.
        spans = [span for span in self._spans if begin <= span.begun <= at]
        return Seen(
            self._since,
            at,
            max(0.0, at - max(begin, self._since)),
            busiest(self._names, [span.names for span in spans], most),
            busiest(self._networks, [span.networks for span in spans], most),
            busiest(self._failed_names, [span.failed_names for span in spans], most),
            busiest(self._failed_networks, [span.failed_networks for span in spans], most),
            self._missed,
            sum(span.missed for span in spans),
            list(self._updates)[: -most - 1 : -1],
        )

    def _present(self) -> _Span:
        begun = _beginning(self._clock())
        if not self._spans or self._spans[-1].begun != begun:
            self._spans.append(_Span(begun))
        return self._spans[-1]


def _beginning(at: float) -> float:
    """Give when the span of a moment begins."""
    return at - at % SPAN_SECONDS


@dataclass(frozen=True, slots=True)
class Live:
    """What a running server alone can tell of: `counters` gives what its workers have counted together, by name."""

    activity: Activity
    counters: Callable[[], Mapping[str, int]]
