"""When a certificate is renewed, and when it is tried again after a failure: the rule alone, without I/O and clock.

Times are seconds since 1970, lengths are seconds; `jitter` is a number from 0 up to 1, so that many servers that were
started or failed together don't come together again.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from acmedns_py.lifetime import Life

SHORTEST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 12 * 3600.0

URGENT_LEFT: Final = 3 * 86_400.0
"""With less of its life left, or none, a certificate is worth more tries."""

URGENT_PAUSE: Final = 50 * 60.0
"""The longest pause then: a CA that works one hour a day is met while it does."""

LONGEST_WISH: Final = 7 * 86_400.0
"""How much of a CA's Retry-After is believed: Let's Encrypt's longest limit."""

LONGEST_REST: Final = 6 * 3600.0
"""After a success nothing is ordered for so long, whatever a CA's renewal window or this machine's clock says."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which no CA is asked for a certificate, after `failures` in a row; none: after a success.

    Up to `ca_until` it is the CA's own wish, which nobody may pass over; 0 where the CA has said nothing.
    """

    failures: int
    since: float
    until: float
    reason: str
    ca_until: float = 0.0

    def seen(self, now: float) -> Self:
        """The pause as it is to be kept from here on: a clock that was set back must not make it longer."""
        if now >= self.since:
            return self
        ca_until = now + self.ca_until - self.since if self.ca_until else 0.0
        return replace(self, since=now, until=now + self.until - self.since, ca_until=ca_until)


def renewal_time(life: Life, *, jitter: float, suggested: float | None = None) -> float:
    """When to renew: the CA's suggestion (RFC 9773) where there is one, else when it is due.

    A suggestion that comes too late for failures is not believed.
    """
    if suggested is not None:
        return min(suggested, life.not_after - life.length / 6)
    return life.due - jitter * life.length / 30


def failed(
    before: Pause | None, now: float, *, reason: str, left: float, jitter: float, retry_after: float = 0.0
) -> Pause:
    """The pause after one more failure: twice as long as the one before it, never shorter than `retry_after`.

    `left` is what is left of the certificate's life, not positive where there is none.
    """
    failures = before.failures + 1 if before is not None else 1
    longest = LONGEST_PAUSE if left > URGENT_LEFT else URGENT_PAUSE
    grown = min(2 * SHORTEST_PAUSE * 2.0 ** min(failures - 1, 32), longest)
    wish = min(retry_after, LONGEST_WISH)
    length = max(grown * (1 - jitter / 2), wish)
    return Pause(failures, now, now + length, reason, now + wish if wish else 0.0)


def left_alone(before: Pause | None, now: float, reason: str, retry_after: float) -> Pause:
    """The pause that a CA wants which was asked for something else than a certificate, on top of the one there is."""
    until = now + min(retry_after, LONGEST_WISH)
    if before is None:
        return Pause(0, now, until, reason, until)
    if until <= before.ca_until:
        return before
    return replace(before, since=now, until=max(until, before.until), reason=reason, ca_until=until)


def rest(life: Life, now: float) -> Pause:
    """The pause after a success."""
    return Pause(0, now, now + min(LONGEST_REST, life.length / 6), "")
