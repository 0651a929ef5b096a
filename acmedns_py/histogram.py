"""Histograms: how often something took how long, counted where it happens with plain numbers.

Bounds are in seconds and belong to the one who counts; what is told of a histogram has no name of its own, so that a
DNS worker can count without knowing who reads it.
"""

from bisect import bisect_left
from typing import Self

import msgspec


class Seen(msgspec.Struct, array_like=True, frozen=True):
    """What was counted: in each bucket alone, the last one without bound, and the seconds of all together."""

    counts: tuple[int, ...]
    seconds: float

    def plus(self, other: Self) -> Self:
        """Give both together; the bounds must be the same."""
        counts = tuple(one + more for one, more in zip(self.counts, other.counts, strict=True))
        return type(self)(counts, self.seconds + other.seconds)


class Histogram:
    """Counts durations by `bounds`, seconds in growing order, each bound a part of its bucket."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin with nothing."""
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._seconds = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count something that took so long, so many times."""
        self._counts[bisect_left(self.bounds, seconds)] += times
        self._seconds += seconds * times

    def seen(self) -> Seen:
        """Give what was counted so far."""
        return Seen(tuple(self._counts), self._seconds)
