"""The ledger of the checker: what it lets pass, and what it does not."""

from tests.faults.ledger import SWEEP_SECONDS, UNKNOWN_SECONDS, Ledger


def said(ledger, *values, now=0.0):
    """What the ledger holds against an answer with these values, asked and answered at once."""
    watch = ledger.watch(now)
    try:
        return ledger.wrong(watch, set(values), now)
    finally:
        ledger.forget(watch)


def added(ledger, value, now):
    """A value that was sent and acknowledged at that moment."""
    ledger.begin_add(value, now)
    ledger.added(value, now, now)


def test_a_value_in_flight_may_be_there_and_an_acknowledged_one_must():
    """And what nobody ever sent must not."""
    ledger = Ledger("n")
    ledger.begin_add("a", 0)
    assert said(ledger) is None
    assert said(ledger, "a") is None
    ledger.added("a", 0, 1)
    assert "misses" in said(ledger)
    assert said(ledger, "a") is None
    assert "must not" in said(ledger, "a", "b")


def test_a_value_that_got_503_may_be_there_for_ever():
    """Until it is acknowledged or cleared."""
    ledger = Ledger("n")
    ledger.begin_add("a", 0)
    ledger.add_failed("a", 6)
    assert said(ledger, now=1000) is None
    assert said(ledger, "a", now=1000) is None


def test_what_is_removed_may_be_there_until_the_200_and_not_after():
    """One value or all."""
    ledger = Ledger("n")
    for value in ("a", "b", "c"):
        added(ledger, value, 0)
    ledger.begin_removal({"b"}, 1)
    assert said(ledger, "a", "c") is None
    assert said(ledger, "a", "b", "c") is None
    ledger.removed({"b"}, 2)
    assert said(ledger, "a", "c") is None
    assert "must not" in said(ledger, "a", "b", "c")
    assert "misses" in said(ledger, "a")


def test_an_answer_is_held_to_what_was_true_at_any_moment_of_its_question():
    """A change meanwhile may or may not be in it; what no change touched must be right."""
    ledger = Ledger("n")
    added(ledger, "a", 0)
    added(ledger, "b", 0)
    watch = ledger.watch(1)
    ledger.begin_removal({"a"}, 1)
    ledger.removed({"a"}, 2)
    added(ledger, "c", 3)
    for fine in ({"a", "b"}, {"b"}, {"b", "c"}):
        assert ledger.wrong(watch, fine, 4) is None
    assert "misses" in ledger.wrong(watch, {"a", "c"}, 4)
    assert "must not" in ledger.wrong(watch, {"b", "d"}, 4)


def test_the_last_two_values_stay_and_others_leave_with_the_window():
    """First they may be gone, and at last they must."""
    ledger = Ledger("n", window=10)
    for second, value in enumerate(("a", "b", "c")):
        added(ledger, value, second)
    assert "misses" in said(ledger, "b", "c", now=8)
    assert said(ledger, "b", "c", now=11) is None
    assert said(ledger, "a", "b", "c", now=11) is None
    assert "misses" in said(ledger, "c", now=1000)
    assert "must not" in said(ledger, "a", "b", "c", now=10 + SWEEP_SECONDS + 1)


def test_an_expired_value_is_not_called_back_by_a_removal():
    """It may have been swept out, or not, before it was among the last two again."""
    ledger = Ledger("n", window=10)
    for second, value in enumerate(("a", "b", "c")):
        added(ledger, value, second)
    ledger.begin_removal({"c"}, 12)
    ledger.removed({"c"}, 12)
    assert said(ledger, "b", now=13) is None
    assert said(ledger, "a", "b", now=13) is None


def test_a_value_that_left_with_the_window_is_not_called_back_by_its_own_removal():
    """It was there when the client chose it, and swept out before the request was sent."""
    ledger = Ledger("n", window=10)
    for second, value in enumerate(("a", "b", "c")):
        added(ledger, value, second)
    late = 10 + SWEEP_SECONDS + 1
    ledger.begin_removal({"a"}, late)
    assert "must not" in said(ledger, "a", "b", "c", now=late)
    ledger.removed({"a"}, late)
    assert said(ledger, "b", "c", now=late + 1) is None


def test_a_write_of_unknown_end_makes_older_values_uncertain():
    """It may have pushed the older of two out of the last two."""
    ledger = Ledger("n", window=10)
    added(ledger, "a", 0)
    added(ledger, "b", 1)
    ledger.begin_add("c", 2)
    ledger.add_failed("c", 8)
    assert "misses" in said(ledger, "b", now=8)
    assert said(ledger, "b", now=UNKNOWN_SECONDS + 20) is None
    assert "misses" in said(ledger, "a", now=UNKNOWN_SECONDS + 20)
