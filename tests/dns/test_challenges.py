"""The records of challenge names: made of the table's octets, the same at each question, never those of before."""

import pytest

from acmedns_py.dns import challenges
from acmedns_py.dns.challenges import Challenges
from acmedns_py.dns.name import from_text
from acmedns_py.dns.rrset import txt_rdata
from acmedns_py.dns.table import MAX_ENTRY_VALUES, ChallengeTable
from tests.dns.example import A43, APEX, B43, Z

TTL = 0x01020304
NAME = from_text(f"name.{Z}")


def records(*values: bytes) -> bytes:
    """Count and TXT records with a pointer to the question's name (RFC 1035 3.2.1, 4.1.4)."""
    made = [b"\xc0\x0c\0\x10\0\x01\1\2\3\4" + len(rdata).to_bytes(2, "big") + rdata for rdata in map(txt_rdata, values)]
    return len(made).to_bytes(2, "big") + b"".join(made)


@pytest.mark.parametrize(
    "values",
    [
        (A43.encode(),),
        (A43.encode(), B43.encode()),
        (B43.encode(), A43.encode()),
        tuple(b"%043d" % n for n in range(MAX_ENTRY_VALUES)),
        tuple(b"%043d" % n for n in range(MAX_ENTRY_VALUES + 1)),
        tuple(b"%043d" % n for n in range(100)),
        (b"",),
        (b"\0\1\2" + A43[3:].encode(),),
        (b"x" * 700, A43.encode()),
    ],
)
def test_records_are_those_of_the_values(values):
    """Of any length and number, at the first question and at later ones, by both ways of asking."""
    live = Challenges(APEX, TTL)
    live.put(NAME, values)
    assert [live.packed(NAME) for _ in range(3)] == [records(*values)] * 3
    assert live.rdatas(NAME) == tuple(map(txt_rdata, values))


def test_registered_and_absent_differ():
    """A name without values has no records; one that is not there has not even none."""
    live = Challenges(APEX, TTL)
    assert live.packed(NAME) is None
    assert live.rdatas(NAME) is None
    assert NAME not in live
    live.put(NAME, ())
    assert live.packed(NAME) == b""
    assert live.rdatas(NAME) == ()
    assert NAME in live


def test_a_change_is_answered_at_the_next_question():
    """Records that were asked for are not those after a change, a removal or a load."""
    live = Challenges(APEX, TTL)
    for values in [(A43.encode(),), (B43.encode(), A43.encode()), (), (b"odd",), None, (B43.encode(),)]:
        live.put(NAME, values)
        wanted = None if values is None else records(*values) if values else b""
        assert [live.packed(NAME), live.packed(NAME)] == [wanted, wanted]
    live.load(ChallengeTable(APEX, {NAME: (A43.encode(),)}))
    assert live.packed(NAME) == records(A43.encode())
    live.load(ChallengeTable(APEX))
    assert live.packed(NAME) is None


def test_a_name_that_is_not_there_is_not_remembered():
    """Questions for random names take no memory."""
    live = Challenges(APEX, TTL)
    for n in range(1_000):
        assert live.packed(from_text(f"n{n}.{Z}")) is None
    assert not live.hot


def test_what_is_kept_of_questions_has_a_bound(monkeypatch):
    """Asking for every name keeps a bounded number of octets, and each answer is right all the same."""
    monkeypatch.setattr(challenges, "HOT_OCTETS", 20_000)
    every = {from_text(f"n{n}.{Z}"): (b"%043d" % n,) * (n % 2) for n in range(2_000)}
    live = Challenges(APEX, TTL)
    live.load(ChallengeTable(APEX, every))
    for owner, values in every.items():
        assert live.packed(owner) == (records(*values) if values else b"")
        assert sum(map(len, live.hot.values())) <= 20_000
        assert len(live.hot) < 100
