"""The rule of live values against its own definition, over any history of writes."""

from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.accounts.txt_rule import MOST_LASTING, TxtRule
from acmedns_py.store.live import ALWAYS_LIVE, LiveValues, Row, Rule
from acmedns_py.store.schema import MICROSECONDS

WINDOW_SECONDS = 60
VALUES = st.sampled_from([b"a" * 43, b"b" * 43, b"c" * 43, b"d" * 43, b"e", b"f", b"g" * 44])
STEPS = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=2 * WINDOW_SECONDS),
        st.one_of(st.tuples(st.just("add"), VALUES), st.tuples(st.just("remove"), VALUES), st.just(("clear", b""))),
    ),
    max_size=25,
)


@given(steps=STEPS, max_values=st.integers(min_value=2, max_value=4), txt_rule=st.sampled_from(TxtRule))
def test_live_is_what_was_written_in_the_window_and_the_last_two(
    steps: list[tuple[int, tuple[str, bytes]]], max_values: int, txt_rule: TxtRule
):
    """Whatever is added, repeated, removed and cleared, with whatever pauses: the rows are what the rule says.

    Where any text may be held, that of no challenge's form stays whatever else is written, until it is taken away.
    """
    rule = Rule(WINDOW_SECONDS, max_values)
    rows: dict[bytes, Row] = {}
    history: dict[bytes, int] = {}  # the model: value -> when last written, in its order
    lasting: set[bytes] = set()
    now = 0
    for cursor, (pause, (action, value)) in enumerate(steps, 1):
        now += pause * MICROSECONDS
        account = LiveValues(rows, rule=rule, txt_rule=txt_rule, next_cursor=cursor)
        if action == "add":
            account.add(value, now)
            if txt_rule is TxtRule.ANY and len(value) != 43:
                lasting.add(value)
            else:
                history.pop(value, None)
                history[value] = now
        elif action == "remove":
            assert account.remove(value) == (value in rows)
            history.pop(value, None)
            lasting.discard(value)
        else:
            account.clear()
            history.clear()
            lasting.clear()
        account.settle(now)
        before = dict(rows)
        for gone in account.deleted():
            del rows[gone]
        rows |= account.inserted() | account.updated()
        latest = list(history)[-max_values:]
        expected = {
            one
            for rank, one in enumerate(reversed(latest))
            if rank < ALWAYS_LIVE or history[one] >= now - WINDOW_SECONDS * MICROSECONDS
        }
        history = {one: time for one, time in history.items() if one in expected}
        assert set(rows) == expected | lasting == set(account.after())
        marks = [row.superseded for one, row in rows.items() if one not in lasting]
        assert marks.count(False) == min(len(marks), ALWAYS_LIVE)
        assert not any(rows[one].superseded for one in lasting)
        assert all(rows[one].cursor == before[one].cursor for one in rows.keys() & before.keys())


@given(
    values=st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), min_size=1, unique=True),
    others=st.permutations([b"a", b"b", b"c", b"d", b"e"]),
)
def test_taken_away_and_written_again_in_one_transaction_is_no_change(values: list[bytes], others: list[bytes]):
    """What is the same before and after has the same cursors too, in whatever order it was done."""
    rows = {value: Row(number, number, superseded=False) for number, value in enumerate(values)}
    account = LiveValues(rows, rule=Rule(WINDOW_SECONDS, 100), txt_rule=TxtRule.ACME, next_cursor=99)
    account.clear()
    for value in (one for one in others if one in rows):
        account.add(value, 10)
    account.settle(10)
    assert account.before() == account.after()
    assert (account.inserted(), account.deleted()) == ({}, [])


def test_there_is_room_for_so_many_lasting_values_and_for_any_challenge():
    """One that is there already can be renewed, and nothing is pushed out."""
    account = LiveValues({}, rule=Rule(WINDOW_SECONDS, 2), txt_rule=TxtRule.ANY, next_cursor=1)
    for number in range(MOST_LASTING):
        assert account.has_room(b"lasting %d" % number)
        account.add(b"lasting %d" % number, number)
    assert not account.has_room(b"one more")
    assert account.has_room(b"lasting 0")
    assert account.has_room(b"c" * 43)
    account.remove(b"lasting 0")
    assert account.has_room(b"one more")
