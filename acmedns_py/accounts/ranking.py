"""The busiest of very many, counted in bounded memory: the Space-Saving algorithm, and what several such counts tell.

What finds no room takes the place of what has the least count (Metwally, Agrawal, El Abbadi 2005). It may have been
there before, with that count at the most, so its own is known within that much. Whatever has more than one in `most` of
all counts is never forgotten.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace, nsmallest
from typing import Final, Generic, TypeVar

K = TypeVar("K", str, bytes)


@dataclass(frozen=True, slots=True)
class Busy(Generic[K]):
    """How often one was counted: of late and since the beginning; `at_least` where some of it may be missing."""

    name: K
    lately: int
    ever: int
    at_least: bool


class Ranking(Generic[K]):
    """Counts of at most `most` names."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._ends: dict[K, tuple[int, int]] = {}
        """The highest number that it can be, and by how much that may be too high."""
        self._least: list[tuple[int, K]] = []
        """A heap with each name once, under a count that it has had: it is put right when it comes to the top."""
        self.crowded = False
        """Whether any name was forgotten."""

    def add(self, name: K, count: int) -> None:
        """Count one name so many times."""
        known = self._ends.get(name)
        if known is not None:
            self._ends[name] = known[0] + count, known[1]
            return
        before = self._forgotten() if len(self._ends) == self._most else 0
        self._ends[name] = before + count, before
        heappush(self._least, (before + count, name))

    def counts(self) -> dict[K, tuple[int, bool]]:
        """Give of each name how often it was counted at least, and whether that is all."""
        return {name: (high - unsure, unsure == 0) for name, (high, unsure) in self._ends.items()}

    def _forgotten(self) -> int:
        """Forget a name of the least count, and give that."""
        self.crowded = True
        while True:
            noted, name = self._least[0]
            high, _ = self._ends[name]
            if high == noted:
                heappop(self._least)
                del self._ends[name]
                return high
            heapreplace(self._least, (high, name))


def busiest(ever: Ranking[K], recent: Iterable[Ranking[K]], most: int) -> list[Busy[K]]:
    """Give so many names, those that were counted most of late first, then those that were since the beginning."""
    lately: Counter[K] = Counter()
    crowded = False
    for one in recent:
        crowded = crowded or one.crowded
        lately.update({name: count for name, (count, _) in one.counts().items()})
    known = ever.counts()
    rows: list[tuple[int, int, K, bool]] = []
    for name in known.keys() | lately.keys():
        count, whole = known.get(name, (0, False))
        of_late = lately.get(name, 0)
        rows.append((-of_late, -max(count, of_late), name, crowded or not whole))
    return [Busy(name, -of_late, -count, at_least) for of_late, count, name, at_least in nsmallest(most, rows)]
