"""What one host may cost a check, so that its name servers, however many and slow, leave enough for all other hosts.

What hosts have in common is asked once, and charged to the one that asked first.
"""

import time
from collections.abc import Callable
from typing import Final

from acmedns_py.check.deadline import Deadline
from acmedns_py.check.facts import Answer, Problem

QUESTIONS: Final = 400
"""Three zones on a path with 26 addresses each take some 200."""

OCTETS: Final = 500_000
"""Of responses, 400 of them of the usual greatest length; dnspython reads so much in a second at worst."""

SECONDS: Final = 20.0
"""A path through three zones that have a silent server each takes some twelve."""


class Allowance:
    """What one host may still ask, be sent and wait, from now on."""

    def __init__(self, *, questions: int = QUESTIONS, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count."""
        self._deadline = Deadline(SECONDS, clock=clock)
        self._questions = questions
        self._octets = OCTETS

    @property
    def left_seconds(self) -> float:
        """How long it may still wait."""
        return self._deadline.left_seconds

    @property
    def exceeded(self) -> Problem | None:
        """Which of the bounds is reached, None while there is something left."""
        if self._deadline.over:
            return Problem.HOST_TIME_OVER
        if self._octets <= 0:
            return Problem.HOST_OCTETS
        return Problem.HOST_LIMIT if self._questions <= 0 else None

    def asks(self) -> None:
        """Count a question."""
        self._questions -= 1

    def heard(self, answer: Answer) -> None:
        """Count what came in response."""
        self._octets -= answer.octets
