"""Dates in HTTP headers, as servers elsewhere write them."""

from datetime import UTC
from email.utils import parsedate_to_datetime


def read_http_date(text: str) -> float | None:
    """Read a date (RFC 9110 5.6.7) in seconds since 1970, in UTC where it does not say; None: it is none."""
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
