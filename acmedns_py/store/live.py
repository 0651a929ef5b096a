"""Which TXT values of one account are live: the rule alone, without SQL and without a clock.

Live is every value written within the window, and always the last two, at most `max_values`. Equal values are one
record. A repeat renews the time of a value and leaves its cursor: what workers serve does not change by it.

Of an account that may hold any text, that is the rule for values of ACME challenges only. All others last: they are
live until they are taken away, whatever is written and however much time passes, and they count neither among the last
two nor towards `max_values`. Nothing is stored of that: their form and the account's rule say it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from acmedns_py.accounts.txt_rule import MOST_LASTING, TxtRule, is_challenge
from acmedns_py.dns.table import Values
from acmedns_py.store.schema import MICROSECONDS

ALWAYS_LIVE = 2
"""Values that never expire; acme-dns keeps two (a name and its wildcard are validated with one each)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The window in seconds and the most values of an account."""

    window_seconds: int
    max_values: int

    def oldest_within(self, now: int) -> int:
        """The earliest time, in microseconds, that is still within the window."""
        return now - self.window_seconds * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Row:
    """A value's row: the cursor it was committed under, its time in microseconds, whether two later ones exist."""

    cursor: int
    written_at: int
    superseded: bool


class LiveValues:
    """The values of one account while a transaction changes them.

    `next_cursor` is what the transaction may take; `txt_rule`, which may be replaced, says whether values can last.
    """

    def __init__(self, rows: Mapping[bytes, Row], *, rule: Rule, txt_rule: TxtRule, next_cursor: int) -> None:
        self._original = dict(rows)
        self._rows = dict(rows)
        self._rule = rule
        self.txt_rule = txt_rule
        self._next_cursor = next_cursor

    def has_room(self, value: bytes) -> bool:
        """Whether a value may be added: one that lasts pushes nothing out."""
        return not self._lasts(value) or value in self._rows or self.lasting() < MOST_LASTING

    def lasting(self) -> int:
        """How many of the values last."""
        return sum(map(self._lasts, self._rows))

    def _lasts(self, value: bytes) -> bool:
        return self.txt_rule is TxtRule.ANY and not is_challenge(value)

    def add(self, value: bytes, now: int) -> int:
        """Write or renew a value; gives the cursor under which it is served."""
        # Two writes of one tick still have an order. A clock that was set back by more than that is believed.
        latest = max((row.written_at for row in self._rows.values()), default=0)
        written_at = latest + 1 if now <= latest < now + MICROSECONDS else now
        # Taken away and written again within one transaction, a value was never gone.
        known = self._rows.get(value) or self._original.get(value)
        cursor = known.cursor if known else self._next_cursor
        self._rows[value] = Row(cursor, written_at, superseded=False)
        return cursor

    def remove(self, value: bytes) -> bool:
        """Take one value away; False where it was not live."""
        return self._rows.pop(value, None) is not None

    def clear(self) -> bool:
        """Take all values away; False where there was none."""
        had_any = bool(self._rows)
        self._rows = {}
        return had_any

    def settle(self, now: int) -> None:
        """Drop what has left the window or was pushed out, and mark what has two later ones."""
        oldest = self._rule.oldest_within(now)
        latest_first = sorted(self._rows.items(), key=lambda item: (item[1].written_at, item[0]), reverse=True)
        lasting = {value: replace(row, superseded=False) for value, row in latest_first if self._lasts(value)}
        self._rows = lasting | {
            value: replace(row, superseded=rank >= ALWAYS_LIVE)
            for rank, (value, row) in enumerate(one for one in latest_first if one[0] not in lasting)
            if rank < self._rule.max_values and (rank < ALWAYS_LIVE or row.written_at >= oldest)
        }

    def before(self) -> Values:
        """The values as they were, in the order in which they are served."""
        return served_order(self._original)

    def after(self) -> Values:
        """The values as they are, in the order in which they are served."""
        return served_order(self._rows)

    def inserted(self) -> dict[bytes, Row]:
        """Rows that the table lacks."""
        return {value: row for value, row in self._rows.items() if value not in self._original}

    def updated(self) -> dict[bytes, Row]:
        """Rows that the table holds with another time or mark."""
        return {
            value: row for value, row in self._rows.items() if value in self._original and row != self._original[value]
        }

    def deleted(self) -> list[bytes]:
        """Values whose rows the table must lose."""
        return [value for value in self._original if value not in self._rows]


def served_order(rows: Mapping[bytes, Row]) -> Values:
    """Oldest first by cursor: an order that a renewal does not touch."""
    return tuple(value for _cursor, value in sorted((row.cursor, value) for value, row in rows.items()))
