"""Limits of failed logins, wrong tokens and registrations."""

from ipaddress import ip_address

import pytest

from acmedns_py.accounts import attempts
from acmedns_py.accounts.attempts import (
    REGISTRATION_SECONDS_EACH,
    REGISTRATIONS,
    SOURCE_FAILURES,
    SOURCE_SECONDS_EACH,
    TOKEN_REGISTRATION_SECONDS_EACH,
    TOKEN_REGISTRATIONS,
    USERNAME_FAILURES,
    FailedLogins,
    Registrations,
    WrongTokens,
)
from acmedns_py.errors import TooManyAttempts

SOURCE = ip_address("192.0.2.1")
OTHER = ip_address("192.0.2.2")


class Clock:
    """Monotonic seconds that stand still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(clock) -> FailedLogins:
    return FailedLogins(clock)


def test_source_may_fail_so_often_and_no_more(failures):
    """The failure after the last one allowed is told when to come back."""
    for number in range(SOURCE_FAILURES):
        failures.check(SOURCE, f"user{number}")
        failures.failed(SOURCE, f"user{number}")
    with pytest.raises(TooManyAttempts) as limited:
        failures.check(SOURCE, "another")
    assert limited.value.retry_after == SOURCE_SECONDS_EACH


def test_other_sources_are_not_limited(failures):
    """One stranger does not lock out the rest."""
    for number in range(SOURCE_FAILURES):
        failures.failed(SOURCE, f"user{number}")
    failures.check(OTHER, "user0")


def test_username_is_limited_over_all_sources(failures):
    """Many sources against one username share its bucket."""
    for number in range(USERNAME_FAILURES):
        failures.failed(ip_address(f"198.51.100.{number}"), "user")
    with pytest.raises(TooManyAttempts, match="username"):
        failures.check(OTHER, "user")
    failures.check(OTHER, "another")


def test_time_gives_attempts_back(failures, clock):
    """One more after each interval, and never more than the bucket holds."""
    for _ in range(SOURCE_FAILURES):
        failures.failed(SOURCE, "user")
    clock.now += SOURCE_SECONDS_EACH
    failures.check(SOURCE, "user")
    failures.failed(SOURCE, "user")
    with pytest.raises(TooManyAttempts):
        failures.check(SOURCE, "user")
    clock.now += 1_000_000
    for number in range(SOURCE_FAILURES):
        failures.check(SOURCE, f"user{number}")
        failures.failed(SOURCE, f"user{number}")
    with pytest.raises(TooManyAttempts):
        failures.check(SOURCE, "another")


def test_failures_at_one_moment_leave_a_debt(failures, clock):
    """Attempts that passed the check together are all counted."""
    for _ in range(SOURCE_FAILURES + 5):
        failures.failed(SOURCE, "user")
    clock.now += 5 * SOURCE_SECONDS_EACH
    with pytest.raises(TooManyAttempts):
        failures.check(SOURCE, "user")


def test_ipv6_source_is_its_64(failures):
    """A host has a whole /64 to choose its address from."""
    for number in range(SOURCE_FAILURES):
        failures.failed(ip_address(f"2001:db8::{number + 1:x}"), f"user{number}")
    with pytest.raises(TooManyAttempts):
        failures.check(ip_address("2001:db8::ffff"), "another")
    failures.check(ip_address("2001:db8:0:1::1"), "another")


def test_table_is_bounded(failures, monkeypatch):
    """A flood from many sources forgets the oldest and does not grow."""
    monkeypatch.setattr(attempts, "MOST_TRACKED", 10)
    for number in range(100):
        failures.failed(ip_address(f"198.51.100.{number}"), f"user{number}")
    assert len(failures._sources._buckets) == 10
    assert len(failures._usernames._buckets) == 10


def test_wrong_tokens_are_limited_by_source(clock):
    """As failed logins are, in a table of their own that is bounded."""
    wrong = WrongTokens(clock)
    for _ in range(SOURCE_FAILURES):
        wrong.check(SOURCE)
        wrong.shown(SOURCE)
    with pytest.raises(TooManyAttempts, match="wrong tokens of this source") as limited:
        wrong.check(SOURCE)
    assert limited.value.retry_after == SOURCE_SECONDS_EACH
    wrong.check(ip_address("198.51.100.9"))
    clock.now += SOURCE_SECONDS_EACH
    wrong.check(SOURCE)


def test_registrations_are_limited_by_token(clock, monkeypatch):
    """However many networks it is shown from; the table is bounded, and who shows none is not concerned."""
    registrations = Registrations(clock)
    for number in range(TOKEN_REGISTRATIONS):
        source = ip_address(f"10.{number // 256}.{number % 256}.1")
        registrations.check(source, "one")
        registrations.begun(source, "one")
    fresh = ip_address("192.0.2.1")
    with pytest.raises(TooManyAttempts, match="registrations by this token"):
        registrations.check(fresh, "one")
    registrations.check(fresh, "other")
    registrations.check(fresh)
    clock.now += TOKEN_REGISTRATION_SECONDS_EACH
    registrations.check(fresh, "one")
    monkeypatch.setattr(attempts, "MOST_TRACKED", 10)
    for number in range(100):
        registrations.begun(fresh, f"token{number}")
    assert len(registrations._tokens._buckets) == 10


@pytest.mark.parametrize(
    ("sources", "neighbour", "other"),
    [
        ("192.0.2.{}", "192.0.2.255", "192.0.3.1"),
        ("2001:db8:1:{:x}::1", "2001:db8:1:ffff::1", "2001:db8:2::1"),
    ],
)
def test_registrations_are_limited_by_network(clock, sources, neighbour, other):
    """A /24 or a /48 shares one bucket, which fills again as time passes."""
    registrations = Registrations(clock)
    for number in range(REGISTRATIONS):
        registrations.check(ip_address(sources.format(number)))
        registrations.begun(ip_address(sources.format(number)))
    with pytest.raises(TooManyAttempts, match="registrations") as limited:
        registrations.check(ip_address(neighbour))
    assert limited.value.retry_after == 1
    registrations.check(ip_address(other))
    registrations.check(None)
    clock.now += REGISTRATION_SECONDS_EACH
    registrations.check(ip_address(neighbour))
