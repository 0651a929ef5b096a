"""What a group makes of questions that the check had no time for: neither good nor bad."""

import pytest

from acmedns_py.check import canary, client, reach, serving
from acmedns_py.check.client_file import Credential
from acmedns_py.check.facts import Answer, Problem, Question
from acmedns_py.check.subject import Subject
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

APEX = name.from_text("auth.example.org.")
ADDRESS = "45.33.8.1"
QUESTION = Question(APEX, RRType.SOA)
GOOD = Answer(QUESTION, ADDRESS, authoritative=True, answer=(RRset(APEX, RRType.SOA, 60, (bytes(22),)),))
LATE = Answer(QUESTION, ADDRESS, Problem.TIME_OVER)


def address(**answers: Answer) -> reach.ReachFacts:
    """Give the facts of one address that is good but for these answers."""
    asked = {"udp": GOOD, "tcp": GOOD, "small": GOOD, "bare": GOOD, "mixed": GOOD, **answers}
    return reach.ReachFacts((reach.AddressFacts(APEX, ADDRESS, **asked),), (), frozenset({4}))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (serving.judge(serving.ServingFacts(((ADDRESS, LATE),), ("",)), APEX), ["server-not-tested"]),
        (reach.judge(address(), Subject(APEX)), []),
        *((reach.judge(address(**{way: LATE}), Subject(APEX)), ["ns-not-tested"]) for way in ("udp", "tcp", "mixed")),
        (
            canary.judge(canary.CanaryFacts(APEX, (canary.Seen(LATE, None, resolver=False),))),
            ["canary-not-tested"],
        ),
        (client.judge(client.ClientFacts(Credential("u", "p", "s", ""), untested="late")), ["client-untold"]),
    ],
)
def test_what_there_was_no_time_for_is_not_tested(judged, expected):
    """Nothing else is said of it."""
    found = list(judged)
    assert [one.kind.id for one in found] == expected
    assert {one.kind.verdict for one in found} <= {"NOT TESTED"}
