"""The table of challenge names equals a dict, whatever octets names and values hold, and takes few octets itself."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.table import MAX_ENTRY_VALUES, ChallengeTable

APEX = b"\x04auth\x07example\0"
V, W = b"V" * 43, b"W" * 43


def below(*labels: bytes) -> bytes:
    """An owner in the zone; labels may hold any octet."""
    return b"".join(bytes((len(label),)) + label for label in labels) + APEX


# Labels that look like pieces of entries: separators, values, and whole entries behind one another.
pieces = st.sampled_from([b"\0", b"\1", b"\2", b"a", b"b", b"0", b"\x03", V, b"\2" + V, b"\0\3aaa\1", b"aaa\1\2"])
labels = st.lists(pieces, min_size=1, max_size=4).map(lambda parts: b"".join(parts)[:63])
owners = (
    st.lists(labels, min_size=1, max_size=3).map(lambda many: below(*many))
    | st.integers(0, 60).map(lambda n: below(b"%03d" % n))
    | st.sampled_from([APEX, b"\0", b"\4auth\0", b"\3com\0", b""])
)
values = st.none() | st.lists(
    st.sampled_from([V, W, b"", b"x", V[:42], V + b"V", b"\0" + V[1:], V[:42] + b"\1", V[:20] + b"\2" + V[21:], V[:41] + b"\2\2"])
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


def test_a_name_made_of_two_entries_is_not_there():
    """A question's name that spells an entry's end and the next one's key finds neither."""
    key = b"\x03abc"
    value = b"0" * 43
    table = ChallengeTable(APEX, {below(b"abc"): (value,), below(b"abd"): (value,)})
    joined = key + b"\1" + value + b"\0\x03abd"
    assert b"\0" + joined + b"\1" in b"".join(table.parts()[0])
    assert joined + APEX not in table
    assert table.payload(joined + APEX) is None


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


def test_buckets_stay_short():
    """Some sixteen names stand in a bucket, whether labels are random or count up, so that any is found as fast."""
    for label in (b"%036d", b"%08x-0000-4000-8000-000000000000"):
        table = ChallengeTable(APEX, {below(label % n): () for n in range(50_000)})
        sizes = [bucket.count(0) for bucket in table.parts()[0]]
        assert sum(sizes) == 50_000
        assert 15 < sum(sizes) / len(sizes) <= 16
        assert max(sizes) < 64


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
    other = ChallengeTable.of_parts(APEX, *parts)
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
    """Names with two values take at most 8 octets besides their own 124, also after all were changed."""
    names = 20_000
    table = ChallengeTable(APEX)
    for turn in range(round_trips + 1):
        for n in range(names):
            table.put(below(b"%036x" % n), (b"%043d" % n, b"%043d" % (n + turn + 1)))
    buckets, others = table.parts()
    octets = sys.getsizeof(buckets) + sum(map(sys.getsizeof, buckets)) + sys.getsizeof(others)
    assert not others
    assert octets < names * (37 + 2 * 43 + 1 + 8)
