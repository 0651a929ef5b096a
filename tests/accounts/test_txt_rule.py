"""Which values an account may hold, and that the most of them fit into one message."""

import pytest

from acmedns_py.accounts.txt_rule import LONGEST_OCTETS, MOST_LASTING, TxtRule, objection
from acmedns_py.config.settings import Challenges
from acmedns_py.dns.rrset import txt_rdata
from acmedns_py.dns.wire import HEADER_OCTETS, MAX_MESSAGE_OCTETS

CHALLENGE = "a" * 43


@pytest.mark.parametrize("rule", TxtRule)
def test_a_challenge_is_always_possible(rule):
    assert objection(CHALLENGE, rule) is None


@pytest.mark.parametrize(
    "text", ["x", " ", "a" * 44, '"\\;', "ü\0\n", "x" * LONGEST_OCTETS, "ü" * (LONGEST_OCTETS // 2)]
)
def test_text_is_possible_where_the_rule_is_any(text):
    assert objection(text, TxtRule.ANY) is None
    assert "write 43 of A-Z a-z 0-9 _ -" in (objection(text, TxtRule.ACME) or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 octets can't be used; write 1 to 1024"),
        ("x" * (LONGEST_OCTETS + 1), "1025 octets can't be used; write 1 to 1024"),
        ("ü" * (LONGEST_OCTETS // 2) + "x", "1025 octets"),
        ("a\ud800", "surrogate"),
        ("caf\ufffd", "octets that were not UTF-8"),
    ],
)
def test_text_is_refused_where_the_rule_is_any(text, said):
    assert said in (objection(text, TxtRule.ANY) or "")


def test_the_most_values_that_can_be_configured_fit_into_a_message():
    """With the longest name, and more options than are ever answered."""
    (most,) = (one.le for one in Challenges.model_fields["max_values"].metadata if hasattr(one, "le"))
    record = 12
    octets = most * (record + len(txt_rdata(b"x" * 43))) + MOST_LASTING * (
        record + len(txt_rdata(b"x" * LONGEST_OCTETS))
    )
    assert octets == 64_328
    question, opt_with_identity_and_cookie = 259, 11 + 4 + 255 + 44 + 6
    assert HEADER_OCTETS + question + octets + opt_with_identity_and_cookie <= MAX_MESSAGE_OCTETS
