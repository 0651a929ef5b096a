"""The busiest of many in bounded memory: what is told was so at least, and the busy are never lost."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.accounts.ranking import Busy, Ranking, busiest

MOST = 4


def ranking(counted, most=MOST):
    """A ranking that counted these names, one after the other."""
    made = Ranking(most)
    for name, count in counted:
        made.add(name, count)
    return made


COUNTED = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(1, 9)), max_size=60)


@given(COUNTED)
def test_no_count_is_too_high_and_no_busy_name_is_lost(counted):
    """The two promises of Space-Saving, against the true counts."""
    true = Counter()
    for name, count in counted:
        true[name] += count
    found = ranking(counted)
    told = found.counts()
    assert len(told) == min(MOST, len(true))
    for name, (count, whole) in told.items():
        assert count == true[name] if whole else 1 <= count <= true[name]
    assert {name for name, count in true.items() if count > true.total() / MOST} <= told.keys()
    assert found.crowded == (len(true) > MOST)


@given(COUNTED)
def test_memory_is_bounded(counted):
    """The heap holds each name once, however often it is counted."""
    found = ranking(counted)
    assert sorted(name for _, name in found._least) == sorted(found._ends)


def test_the_least_goes_and_its_successor_says_so():
    """Also where the least is not the one that was counted first."""
    found = ranking([("a", 5), ("b", 1), ("c", 2), ("b", 9), ("d", 3)], most=3)
    assert found.counts() == {"a": (5, True), "b": (10, True), "d": (3, False)}


@pytest.mark.parametrize(
    ("ever", "recent", "told"),
    [
        ([], [], []),
        # Who is busy of late comes first, then who was ever, then by name.
        (
            [("a", 9), ("b", 2), ("c", 2), ("d", 9)],
            [[("c", 1)], [("b", 1), ("c", 1)]],
            [("c", 2, 2, False), ("b", 1, 2, False), ("a", 0, 9, False), ("d", 0, 9, False)],
        ),
        # More than four: e has taken the place of a, with an unknown past.
        ([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 8)], [], [("e", 0, 8, True), ("d", 0, 4, False)]),
        # What is forgotten of the whole is known of late at least.
        ([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 8)], [[("a", 1)]], [("a", 1, 1, True), ("e", 0, 8, True)]),
        # A span that forgot anything may have forgotten anybody.
        (
            [("a", 9)],
            [[("a", 5), ("v", 1), ("w", 1), ("x", 1), ("y", 1)]],
            [("a", 5, 9, True), ("w", 1, 1, True)],
        ),
    ],
)
def test_the_order(ever, recent, told):
    """Rows: what was counted ever, in each span, and what is told of it, the first of it."""
    found = busiest(ranking(ever), [ranking(one) for one in recent], max(1, len(told)))
    assert found == [Busy(*one) for one in told]
