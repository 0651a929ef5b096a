"""Dates of HTTP as they come."""

import time

import pytest

from acmedns_py.http_date import read_http_date


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sun, 06 Nov 1994 08:49:37", 784111777),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 784111777),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 784111777),
        ("", None),
        ("yesterday", None),
        ("Sun, 99 Nov 99999 08:49:37 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 253402387139),
        ("\x1b[31m", None),
    ],
)
def test_a_date_is_read_the_same_whatever_the_zone_of_this_machine(monkeypatch, zone, text, expected):
    """What has no zone is UTC, as RFC 9110 5.6.7 has all of them."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert read_http_date(text) == expected
    finally:
        monkeypatch.undo()
        time.tzset()
