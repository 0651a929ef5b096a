"""What the API has answered: by route and status, and how long it took, counted for whoever asks."""

from collections import Counter, defaultdict
from functools import partial
from typing import Final

from acmedns_py.histogram import Histogram

SECONDS_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""An update takes some ms, a login that must be hashed 50; after ten seconds a caller of the database gives up."""

NO_ROUTE: Final = "none"


class Traffic:
    """Counts of all listeners together; `route` is a route's pattern, so that nothing grows with what strangers ask."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.answers: Counter[tuple[str, int]] = Counter()
        self.durations: defaultdict[str, Histogram] = defaultdict(partial(Histogram, SECONDS_BOUNDS))

    def expect(self, route: str, status: int) -> None:
        """Count from 0 on what may come: the first failure of all would be no growth to who sees it appear as 1."""
        self.answers[route, status] += 0

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.answers[route, status] += 1
        self.durations[route].observe(seconds)
