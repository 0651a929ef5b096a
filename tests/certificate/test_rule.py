"""When to renew and when to try again: the rule by itself, and a year of it in no time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.certificate import rule
from acmedns_py.certificate.rule import Pause
from acmedns_py.lifetime import Life

DAY = 86_400.0
HOUR = 3_600.0
TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)
LENGTHS = st.floats(min_value=60, max_value=400 * DAY)
JITTERS = st.floats(min_value=0, max_value=1, exclude_max=True)
PAUSES = st.none() | st.builds(
    lambda failures, since, length: Pause(failures, since, since + length, "x"),
    st.integers(min_value=0, max_value=10**6),
    TIMES,
    st.floats(min_value=0, max_value=8 * DAY),
)


@given(TIMES, LENGTHS, JITTERS, st.none() | TIMES)
def test_renewal_comes_while_there_is_time_for_failures(begin, length, jitter, suggested):
    """Without a suggestion it is when it is due, or a little earlier; with any, a sixth of the life is left at least."""
    life = Life(begin, begin + length)
    when = rule.renewal_time(life, jitter=jitter, suggested=suggested)
    left = life.not_after - when
    if suggested is None:
        assert life.due - length / 30 * 1.001 <= when <= life.due
    else:
        assert left >= length / 6 * 0.999
        assert when <= suggested


@given(
    PAUSES, TIMES, st.floats(min_value=-DAY, max_value=400 * DAY), JITTERS, st.floats(min_value=0, max_value=30 * DAY)
)
def test_pause_has_its_bounds(before, now, left, jitter, retry_after):
    """Never under a minute, at most twelve hours by itself, a Retry-After obeyed up to a week."""
    pause = rule.failed(before, now, reason="x", left=left, jitter=jitter, retry_after=retry_after)
    length = pause.until - pause.since
    assert length > 59.9
    assert length <= max(rule.LONGEST_PAUSE, min(retry_after, rule.LONGEST_WISH)) + 1
    assert length >= min(retry_after, rule.LONGEST_WISH) - 1
    if left <= rule.URGENT_LEFT and not retry_after:
        assert length <= rule.URGENT_PAUSE + 1
    assert pause.failures == (before.failures if before is not None else 0) + 1


@given(JITTERS)
def test_pauses_grow(jitter):
    """Twice as long each time, until they are as long as they get."""
    lengths = []
    pause = None
    for _ in range(12):
        pause = rule.failed(pause, 0.0, reason="x", left=30 * DAY, jitter=jitter)
        lengths.append(pause.until)
    assert lengths == sorted(lengths)
    assert lengths[0] <= 120
    assert lengths[-1] >= rule.LONGEST_PAUSE / 2


@given(PAUSES, TIMES, st.floats(min_value=1, max_value=30 * DAY))
def test_wish_of_a_ca_makes_no_pause_shorter(before, now, retry_after):
    """And nobody may pass over it, for as long as it is believed."""
    pause = rule.left_alone(before, now, "busy", retry_after)
    assert pause.ca_until == now + min(retry_after, rule.LONGEST_WISH)
    assert pause.until >= max(pause.ca_until, before.until if before else 0)
    assert pause.failures == (before.failures if before else 0)


@given(TIMES, st.floats(min_value=60, max_value=8 * DAY), TIMES)
def test_clock_that_was_set_back_makes_no_pause_longer(since, length, now):
    """However wrong the clock was, the whole length is waited at most, and no less than was left."""
    seen = Pause(1, since, since + length, "x").seen(now)
    assert seen.until - now <= length + 1
    assert now >= since or seen.until - now >= length - 1


@given(TIMES, LENGTHS)
def test_after_a_success_there_is_a_rest(begin, length):
    """Also a CA whose renewal window always is in the past is not asked again at once."""
    pause = rule.rest(Life(begin, begin + length), begin)
    assert pause.failures == 0
    assert min(length / 6, 6 * HOUR) * 0.999 <= pause.until - begin <= 6 * HOUR + 1


@pytest.mark.parametrize("days", [6, 47, 90])
@pytest.mark.parametrize("seed", range(20))
def test_year_of_renewals(days, seed):
    """With a CA that works one hour a day, no certificate ever ends, and none is tried for in a pause.

    The process is started anew at random: it remembers the pause, and nothing else.
    """
    dice = random.Random(seed)  # noqa: S311 - a seed, for the same year again
    length = days * DAY
    opens = dice.uniform(0, 23) * HOUR
    now = 1.8e9 + opens
    end = now + 365 * DAY
    life, jitter, pause = Life(now, now + length), dice.random(), None
    tries, issues = 0, 0
    while now < end:
        assert now < life.not_after, "the certificate has ended"
        if pause is not None and now < pause.until:
            now = min(pause.until, now + HOUR)
            continue
        due = rule.renewal_time(life, jitter=jitter)
        if now < due:
            now = min(due, now + HOUR)
            continue
        tries += 1
        if opens <= now % DAY < opens + HOUR:
            issues += 1
            life, jitter = Life(now, now + length), dice.random()
            pause = rule.rest(life, now)
        else:
            pause = rule.failed(pause, now, reason="closed", left=life.not_after - now, jitter=dice.random())
    assert 365 / days - 1 <= issues <= 365 / days * 2.3 + 1
    assert tries < issues * 120
