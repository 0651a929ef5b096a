"""What `acmedns top` shows of the route's documents: rates between two of them, and what has room."""

import pytest

from acmedns_py.cli.top_view import answers, remark, room

START = "2026-11-24T16:00:00Z"


def document(at, *rows, since=START, **more):
    """The parts of a document that rates are made of; rows are transport, rcode, answers."""
    told = [dict(zip(("transport", "rcode", "answers"), row, strict=True)) for row in rows]
    return {"since": since, "at": at, "answers": told, **more}


AT, LATER = "2026-11-24T16:10:00Z", "2026-11-24T16:10:02.500000Z"
BEFORE = document(AT, ("udp", "NOERROR", 100), ("udp", "NXDOMAIN", 900))


@pytest.mark.parametrize(
    ("found", "former", "told"),
    [
        (BEFORE, None, [("udp", "NXDOMAIN", "900", ""), ("udp", "NOERROR", "100", "")]),
        # Who answers most now comes first; what has only begun began with none.
        (
            document(LATER, ("udp", "NOERROR", 150), ("udp", "NXDOMAIN", 900), ("tcp", "REFUSED", 5)),
            BEFORE,
            [("udp", "NOERROR", "150", "20.0"), ("tcp", "REFUSED", "5", "2.0"), ("udp", "NXDOMAIN", "900", "0.0")],
        ),
        # A server that was started anew counts anew.
        (document(LATER, ("udp", "NOERROR", 3), since=AT), BEFORE, [("udp", "NOERROR", "3", "")]),
        # A clock that was set back, or stands.
        (BEFORE, BEFORE, [("udp", "NXDOMAIN", "900", ""), ("udp", "NOERROR", "100", "")]),
        (document(LATER), BEFORE, []),
    ],
)
def test_rates_are_between_two_documents(found, former, told):
    assert answers(found, former) == told


@pytest.mark.parametrize(
    ("lines", "wanted", "shares"),
    [
        (20, [3, 9, 9, 9], [3, 6, 6, 5]),
        (20, [1, 2, 3, 4], [1, 2, 3, 4]),
        (5, [9, 9, 9, 9], [2, 1, 1, 1]),
        (2, [9, 0, 9, 9], [1, 0, 1, 0]),
        (0, [9, 9], [0, 0]),
        (-7, [9, 9], [0, 0]),
        (7, [], []),
    ],
)
def test_what_one_table_leaves_over_goes_to_the_others(lines, wanted, shares):
    assert room(lines, wanted) == shares


def test_what_could_not_be_noted_is_said():
    """Each number is then one of at least."""
    assert remark({"missed": 0, "missed_lately": 0}) == ""
    assert remark({"missed": 7, "missed_lately": 2}).startswith("7 questions, 2 of them lately, ")
