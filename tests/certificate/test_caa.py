"""The rule of RFC 8659 for one CA, by rdata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.certificate.caa import allowed

CA = frozenset({"ca.example", "ca.test"})


def rdata(tag: str, value: str, flags: int = 0) -> bytes:
    return bytes((flags, len(tag))) + tag.encode() + value.encode()


@pytest.mark.parametrize(
    ("records", "lets"),
    [
        ([], True),
        ([("issue", "ca.example")], True),
        ([("ISSUE", " CA.Test ")], True),
        ([("issue", "other.example")], False),
        ([("issue", "other.example"), ("issue", "ca.test")], True),
        ([("issue", ";")], False),
        ([("issue", "")], False),
        ([("issuewild", ";")], True),
        ([("iodef", "mailto:admin@example.org")], True),
        ([("issue", "ca.example; validationmethods=dns-01")], True),
        ([("issue", "ca.example; ValidationMethods = http-01, dns-01 ;accounturi=x")], True),
        ([("issue", "ca.example; validationmethods=http-01")], False),
        ([("issue", "sub.ca.example")], False),
    ],
)
def test_records_let_the_ca_issue(records, lets):
    """RFC 8659 4.2 and 4.3; RFC 8657 4."""
    assert allowed([rdata(*record) for record in records], CA) is lets


@given(st.lists(st.tuples(st.integers(0, 255), st.sampled_from(["issue", "iodef", "x9"]), st.binary(max_size=40))))
def test_any_value_is_judged(records):
    """Whatever octets a record has."""
    octets = [bytes((flags, len(tag))) + tag.encode() + value for flags, tag, value in records]
    assert allowed(octets, CA) in (True, False)
    assert allowed([*octets, rdata("issue", "ca.example")], CA)
