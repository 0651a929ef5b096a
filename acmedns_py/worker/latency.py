"""How long answers take within the worker, from the reading of a batch of queries to the sending of its answers.

One batch in so many is looked at, and all its answers count with the time of the whole: none took longer. So the cost
is one step of an iterator for a batch, and two clocks for one that is looked at.
"""

from itertools import cycle
from typing import Final

from acmedns_py.feed.latency import BOUNDS_SECONDS
from acmedns_py.histogram import Histogram
from acmedns_py.worker.clock import now

ONE_IN: Final = 16


class Latency:
    """The answers of one transport; `due` tells for each batch whether it is one to look at, the first one is."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.histogram = Histogram(BOUNDS_SECONDS)
        self.due = cycle((True, *(False,) * (ONE_IN - 1))).__next__

    def sent(self, began: float, answers: int) -> None:
        """Count the answers of a batch that began at `began`, CLOCK_BOOTTIME in seconds."""
        if answers:
            self.histogram.observe(now().monotonic - began, answers)
