"""When a token ends, as an operator writes it."""

from datetime import UTC, datetime

import pytest

from acmedns_py.accounts import tokens
from acmedns_py.errors import TokenRefused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30d", "2030-01-31T12:00:00"),
        ("12h", "2030-01-02T00:00:00"),
        ("90m", "2030-01-01T13:30:00"),
        ("2030-01-02", "2030-01-02T00:00:00"),
        ("2030-01-02T03:04", "2030-01-02T03:04:00"),
        ("2030-01-02T03:04:05+01:00", "2030-01-02T02:04:05"),
    ],
)
def test_expiry_is_a_span_or_a_time(text, expected):
    """Bare times are UTC."""
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    until = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert tokens.expiry(text, now) == int(until.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expires = '' is no time; write how long (30d, 12h, 90m) or when (2030-01-31, 2030-01-31T12:00)"),
        ("soon", "is no time"),
        ("30", "is no time"),
        ("-1d", "is no time"),
        ("999999999d", "is no time"),
        ("999999d99", "is no time"),
        ("0d", "expires = '0d' is not ahead"),
        ("2029-12-31", "is not ahead; write how long (30d, 12h, 90m) or a later time"),
    ],
)
def test_expiry_that_can_not_be_is_told_why(text, told):
    """What was written and what to write."""
    with pytest.raises(TokenRefused) as refused:
        tokens.expiry(text, datetime(2030, 1, 1, 12, tzinfo=UTC))
    assert told in str(refused.value)
