"""Histograms: each duration in the bucket whose bound it does not pass, and sums that add up."""

from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.histogram import Histogram, Seen

BOUNDS = (0.001, 0.01, 0.1)


def test_a_bound_belongs_to_its_bucket():
    """As Prometheus has it: le means less or equal."""
    histogram = Histogram(BOUNDS)
    for seconds in (0.0, 0.001, 0.0011, 0.1, 0.11, 60.0):
        histogram.observe(seconds)
    assert histogram.seen().counts == (2, 1, 1, 2)


def test_several_that_took_as_long_count_each():
    """A batch's answers."""
    histogram = Histogram(BOUNDS)
    histogram.observe(0.005, 3)
    assert histogram.seen() == Seen((0, 3, 0, 0), 0.015)


@given(st.lists(st.floats(0, 10)), st.lists(st.floats(0, 10)))
def test_two_together_are_what_one_would_have_seen(some, others):
    """So that a dead worker's counts go on."""
    one, other, both = Histogram(BOUNDS), Histogram(BOUNDS), Histogram(BOUNDS)
    for seconds in some:
        one.observe(seconds)
    for seconds in others:
        other.observe(seconds)
    for seconds in [*some, *others]:
        both.observe(seconds)
    together = one.seen().plus(other.seen())
    assert together.counts == both.seen().counts
    assert abs(together.seconds - both.seen().seconds) < 1e-6
