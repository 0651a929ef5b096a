"""The table of challenge names equals a dict, whatever octets names and values hold, and takes few octets itself."""

import sys
from itertools import count, islice
from unittest.mock import patch
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns import table as module
from acmedns_py.dns.table import MAX_BUCKET_OCTETS, MAX_ENTRY_VALUES, ChallengeTable

APEX = b"\x04auth\x07example\0"
V, W = b"V" * 43, b"W" * 43


def below(*labels: bytes) -> bytes:
    """An owner in the zone; labels may hold any octet."""
    return b"".join(bytes((len(label),)) + label for label in labels) + APEX


# Labels that look like pieces of entries: ends, separators, values, heads, and one entry's end with the next one's head.
pieces = st.sampled_from(
    [b"\0", b"\1", b"\4", b",", b"a", b"-", b"0", b"_", V, b"," + V, b"\0\3001\4", b"\3aaa\4", b"aaa\4" + V, b"x" * 42]
)
labels = st.lists(pieces, min_size=1, max_size=4).map(lambda parts: b"".join(parts)[:63])
owners = (
    st.lists(labels, min_size=1, max_size=3).map(lambda many: below(*many))
    | st.integers(0, 60).map(lambda n: below(b"%03d" % n))
    | st.sampled_from([APEX, b"\0", b"\4auth\0", b"\3com\0", b""])
)
values = st.none() | st.lists(
    st.sampled_from([V, W, b"", b"x", V[:42], V + b"V", b"\0" + V[1:], V[:42] + b"\4", V[:20] + b"," + V[21:], V[:41] + b",,"])
    | st.integers(0, 9).map(lambda n: b"%043d" % n),
    max_size=MAX_ENTRY_VALUES + 2,
).map(tuple)  # fmt: skip


@given(st.lists(st.tuples(owners, values), max_size=120), st.lists(owners, max_size=20))
def test_the_table_is_a_dict(changes, asked):
    """After any changes every owner, put or only asked for, is there or not as in a dict; equal values are one."""
    table, model = ChallengeTable(APEX), {}
    for owner, one in changes:
        table.put(owner, one)
        if one is None:
            model.pop(owner, None)
        else:
            model[owner] = tuple(dict.fromkeys(one))
        assert table.get(owner) == model.get(owner)
    for owner in [*asked, *(owner for owner, _values in changes)]:
        assert table.get(owner) == model.get(owner)
        assert (owner in table) == (owner in model)
    assert len(table) == len(model)
    assert table == model


@pytest.mark.parametrize("value", [b"0" * 43, b"4" * 43, b"9" * 43])
def test_what_stands_in_the_table_but_is_no_name_is_not_found(value):
    """Any octets of the buckets, asked for as if they were the labels of a name in the zone, are found as names only."""
    every = {below(label): (value,) * count for label in (b"abc", b"4" * 43, b"auth") for count in (2, 1)}
    table = ChallengeTable(APEX, every)
    (bucket,), _, others = table.parts()
    assert not others
    asked = {bucket[start:end] + APEX for start in range(len(bucket)) for end in range(start, len(bucket) + 1)}
    assert {owner for owner in asked if owner in table} == every.keys()


def test_a_zone_of_a_long_first_label_is_served_too():
    """Where the zone's first label has 44 octets or more no name is of the common form; all are there all the same."""
    apex = bytes((44,)) + b"z" * 44 + b"\0"
    owner = b"\3abc" + apex
    table = ChallengeTable(apex, {owner: (V,)})
    assert dict(table) == {owner: (V,)}
    assert table.others


def test_growth_loses_nothing():
    """Tens of thousands of names come one by one, over many splits, and half of them go again."""
    every = {below(b"%036x" % n): (b"%043d" % n,) * (n % 2) for n in range(30_000)}
    table = ChallengeTable(APEX)
    for owner, one in every.items():
        table.put(owner, one)
    assert table == every
    for owner in list(every)[::2]:
        table.put(owner, None)
        del every[owner]
    assert table == every
    assert len(table) == 15_000


def test_marks_tell_most_names_that_are_not_there():
    """Of names that don't exist at most one in four needs a search, and of those that do every one."""
    names = [below(b"%036x" % n) for n in range(20_000)]
    table = ChallengeTable(APEX, dict.fromkeys(names, (V,)))
    _, marks, _ = table.parts()
    assert sum(mark.bit_count() for mark in marks) < 64 * len(marks) / 4
    assert all(name in table for name in names)


def test_buckets_stay_short():
    """Some twelve names stand in a bucket, whether labels are random or count up, so that any is found as fast."""
    for label in (b"%036d", b"%08x-0000-4000-8000-000000000000"):
        table = ChallengeTable(APEX, {below(label % n): () for n in range(50_000)})
        sizes = [bucket.count(0) for bucket in table.parts()[0]]
        assert sum(sizes) == 50_000
        assert 11 < sum(sizes) / len(sizes) <= 12
        assert max(sizes) < 64


def test_labels_that_are_chosen_to_meet_fill_no_bucket():
    """Hundreds whose CRCs end alike: a bucket takes its part of them, the dict the others, and all are found."""
    labels = (b"x%d" % number for number in count())
    meeting = islice((below(one) for one in labels if crc32(below(one)[: 1 - len(APEX)]) & 0x3FF == 0), 400)
    every = dict.fromkeys(meeting, (V, W))
    table = ChallengeTable(APEX, every)
    assert max(map(len, table.parts()[0])) <= MAX_BUCKET_OCTETS + 100
    assert 0 < len(table.others) < 400
    assert table == every
    for owner in list(every)[::2]:
        table.put(owner, None)
        del every[owner]
    for owner in every:
        table.put(owner, (W,))
        every[owner] = (W,)
    assert table == every
    assert len(table) == 200


@given(st.lists(st.tuples(owners, values), max_size=60), st.lists(st.tuples(owners, values), max_size=60))
def test_names_beyond_a_full_bucket_are_like_others(mine, theirs):
    """Where buckets are full at once, the table is a dict all the same, and two tables differ in what differs."""
    with patch.object(module, "MAX_BUCKET_OCTETS", 120):
        tables = []
        for changes in (mine, theirs):
            table, model = ChallengeTable(APEX), {}
            for owner, one in changes:
                table.put(owner, one)
                model |= {owner: tuple(dict.fromkeys(one or ()))}
                if one is None:
                    del model[owner]
            assert table == model
            assert len(table) == len(model)
            tables.append((table, model))
        (one, first), (two, second) = tables
        wanted = {owner for owner in first.keys() | second.keys() if first.get(owner) != second.get(owner)}
        assert one.differing(two) == wanted
        assert (one, two) == (first, second)


@given(st.lists(st.tuples(owners, values), max_size=40), st.lists(st.tuples(owners, values), max_size=40))
def test_parts_are_a_copy_that_makes_the_same_table(before, after):
    """What was taken of a table is as it was then, and goes on as a table of its own."""
    table = ChallengeTable(APEX)
    for owner, one in before:
        table.put(owner, one)
    then = dict(table)
    parts = table.parts()
    for owner, one in after:
        table.put(owner, one)
    other = ChallengeTable.of_parts(APEX, parts)
    assert other == then
    assert len(other) == len(then)
    for owner, one in after:
        other.put(owner, one)
    assert other == table


@given(st.lists(st.tuples(owners, values), max_size=60), st.lists(st.tuples(owners, values), max_size=60))
def test_differing_owners_are_those_with_other_values(mine, theirs):
    """An owner on one side only, or with other values, or in another order, and no other; both are as they were."""
    tables = []
    for changes in (mine, theirs):
        table = ChallengeTable(APEX)
        for owner, one in changes:
            table.put(owner, one)
        tables.append((table, dict(table)))
    (one, first), (two, second) = tables
    wanted = {owner for owner in first.keys() | second.keys() if first.get(owner) != second.get(owner)}
    assert one.differing(two) == wanted
    assert (one, two) == (first, second)


def test_tables_that_grew_differently_have_no_differing_owners():
    """The number of buckets comes from what was there once; it makes no owner differ."""
    every = {below(b"%036x" % n): (V,) for n in range(1_000)}
    grown = ChallengeTable(APEX, every | {below(b"%036x" % n): () for n in range(1_000, 5_000)})
    for n in range(1_000, 5_000):
        grown.put(below(b"%036x" % n), None)
    other = ChallengeTable(APEX, every)
    assert len(grown.parts()[0]) > len(other.parts()[0])
    assert grown.differing(other) == other.differing(grown) == set()


@pytest.mark.parametrize("round_trips", [0, 3])
def test_names_take_few_octets(round_trips):
    """Names with two values take at most 8 octets besides their own 126, also after all were changed."""
    names = 20_000
    table = ChallengeTable(APEX)
    for turn in range(round_trips + 1):
        for n in range(names):
            table.put(below(b"%036x" % n), (b"%043d" % n, b"%043d" % (n + turn + 1)))
    buckets, marks, others = table.parts()
    octets = sys.getsizeof(buckets) + sum(map(sys.getsizeof, buckets)) + 8 * len(marks) + sys.getsizeof(others)
    assert not others
    assert octets < names * (38 + 2 * 43 + 2 + 8)
