"""The life of a certificate: when it is due for renewal, and how late that is; whoever asks, one rule.

Times are seconds since 1970, lengths are seconds. The server renews by it, the check judges by it, and the alerts of
deploy/prometheus/rules.yml have its numbers (a test compares them).
"""

from dataclasses import dataclass
from typing import Final

_DAY: Final = 86_400.0

LONGEST_LEFT: Final = 30 * _DAY
"""A month is enough for people too, however long a certificate lives."""

SHORT_LIFE: Final = 10 * _DAY
"""Of what lives no longer than this half is left when it is due, as Let's Encrypt advises for its six days."""

LATE_SLACK: Final = 0.25
ENDING_SLACK: Final = 0.75
"""Of the time from when it is due to its end: parts, so that ninety days and six are treated alike."""


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a certificate is valid."""

    not_before: float
    not_after: float

    @property
    def length(self) -> float:
        """All of it."""
        return self.not_after - self.not_before

    @property
    def due(self) -> float:
        """When it should be renewed, where its CA says nothing of it: with a third of its life left."""
        left = self.length / 2 if self.length < SHORT_LIFE else min(self.length / 3, LONGEST_LEFT)
        return self.not_after - left


def slack_used(due: float, not_after: float, now: float) -> float:
    """How much of the time for a renewal is gone: below 0 before it is due, from 1 on where the end is past."""
    return (now - due) / (not_after - due) if not_after > due else 1.0
