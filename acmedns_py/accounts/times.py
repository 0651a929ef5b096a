"""Times of the database's clock (microseconds since 1970) and times for people (aware `datetime`s in UTC)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(ticks: int) -> datetime:
    """A time of the database's clock."""
    return _EPOCH + timedelta(microseconds=ticks)


def ticks_of(moment: datetime) -> int:
    """The inverse of `moment_of`."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
