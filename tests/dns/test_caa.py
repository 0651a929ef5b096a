"""The rule of RFC 8659 and RFC 8657, by rdata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.caa import Obstacle, correction, issuers, obstacle, properties, shut_out, unknown_critical

CA = frozenset({"ca.example", "ca.test"})
ACCOUNT = "https://ca.example/acct/17"


def rdata(tag: str, value: str, flags: int = 0) -> bytes:
    return bytes((flags, len(tag))) + tag.encode() + value.encode()


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], None),
        ([("issue", "ca.example")], None),
        ([("ISSUE", " CA.Test ")], None),
        ([("issue", "other.example")], Obstacle.ISSUER),
        ([("issue", "other.example"), ("issue", "ca.test")], None),
        ([("issue", ";")], Obstacle.ISSUER),
        ([("issue", "")], Obstacle.ISSUER),
        ([("issue", "ca.example; nonsense")], Obstacle.ISSUER),
        ([("issuewild", ";")], None),
        ([("iodef", "mailto:admin@example.org")], None),
        ([("issue", "ca.example; validationmethods=dns-01")], None),
        ([("issue", "ca.example; ValidationMethods = http-01, dns-01 ;accounturi=x")], None),
        ([("issue", "ca.example; validationmethods=http-01")], Obstacle.METHOD),
        ([("issue", "ca.example; validationmethods=http-01"), ("issue", "ca.example")], None),
        ([("issue", "sub.ca.example")], Obstacle.ISSUER),
        ([("issue", "ca.example"), ("future", "x", 128)], Obstacle.CRITICAL),
        ([("issue", "ca.example"), ("future", "x", 1)], None),
        ([("issue", "ca.example", 128), ("iodef", "mailto:a@example.org", 128)], None),
    ],
)
def test_records_for_a_host(records, expected):
    """RFC 8659 4.2 to 4.5; RFC 8657 4."""
    assert obstacle([rdata(*record) for record in records], CA) is expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([("issue", "ca.example")], None),
        ([("issue", "ca.example"), ("issuewild", ";")], Obstacle.ISSUER),
        ([("issue", ";"), ("issuewild", "ca.example")], None),
        ([("issue", "ca.example"), ("issuewild", "ca.example; validationmethods=http-01")], Obstacle.METHOD),
    ],
)
def test_records_for_a_wildcard(records, expected):
    """`issuewild` alone counts where there is one (RFC 8659 4.3)."""
    assert obstacle([rdata(*record) for record in records], CA, wildcard=True) is expected


@pytest.mark.parametrize(
    ("methods", "expected"),
    [("dns-01", Obstacle.METHOD), ("http-01", None), ("dns-01,http-01", None), ("", Obstacle.METHOD)],
)
def test_method_has_to_be_among_those_allowed(methods, expected):
    """RFC 8657 4, for proof over HTTP."""
    records = [rdata("issue", f"ca.example; validationmethods={methods}")]
    assert obstacle(records, CA, method="http-01") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"ca.example; accounturi={ACCOUNT}", None),
        ("ca.example; accounturi=https://ca.example/acct/18", Obstacle.ACCOUNT),
        (f"ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}", Obstacle.ACCOUNT),
        ("ca.example", None),
    ],
)
def test_records_for_an_account(value, expected):
    """RFC 8657 3: two account URLs in one record fit nobody."""
    assert obstacle([rdata("issue", value)], CA, accounts=[ACCOUNT]) is expected


def test_without_identities_anybody_will_do():
    """The question is then whether there is any CA that may."""
    assert obstacle([rdata("issue", "somebody.example")], ()) is None
    assert obstacle([rdata("issue", ";")], ()) is Obstacle.ISSUER


def test_records_that_say_nothing_of_issuing_name_nobody_in_particular():
    """No list at all is not the same as a list of nobody."""
    assert issuers([rdata("iodef", "mailto:a@example.org")]) is None
    assert [one.domain for one in issuers([rdata("issue", ";")]) or []] == [""]


@given(st.lists(st.binary(max_size=60)), st.booleans())
def test_any_octets_are_judged(octets, wildcard):
    """Whatever a server sends as a CAA record."""
    assert obstacle(octets, CA, wildcard=wildcard) in (None, *Obstacle)
    assert len(properties(octets)) <= len(octets)
    if not unknown_critical(octets):
        assert obstacle([*octets, rdata("issue", "ca.example")], CA) is None


names = st.sampled_from(["ca.example", "ca.test", "other.example", ""])
parameters = st.sampled_from(
    [
        "validationmethods=http-01",
        "ValidationMethods=",
        f"accounturi={ACCOUNT}",
        "accounturi=x",
        "tier = 7",
        "nonsense",
        "",
    ]
)
issued = st.builds(
    lambda tag, domain, more: rdata(tag, ";".join((domain, *more))),
    st.sampled_from(["issue", "issuewild", "iodef"]),
    names,
    st.lists(parameters, max_size=4),
)


@given(st.lists(issued, max_size=4), st.booleans(), st.sampled_from([None, ACCOUNT]))
def test_a_correction_lets_the_ca_issue_and_shuts_out_nobody(records, wildcard, account):
    """Beside what is there, whatever that is; for other names than the wildcards too."""
    made = correction(records, CA, account, wildcard=wildcard)
    assert made is not None
    together = [*records, rdata(made.tag, made.value, made.flags)]
    accounts = [] if account is None else [account]
    assert obstacle(together, CA, wildcard=wildcard, accounts=accounts) is None
    assert shut_out(together, CA, accounts, wildcard=wildcard) == []
    if issuers(records, wildcard=wildcard) is not None:
        for wild in (False, True):
            before = issuers(records, wildcard=wild)
            after = issuers(together, wildcard=wild)
            assert before is None or after is None or set(before) <= set(after)


def test_a_correction_is_text_that_can_be_pasted():
    """RFC 8659 4.1.1: quotes and backslashes escaped, and what is not printable."""
    made = correction([rdata("issue", 'ca.example; a="\\\x07')], CA, ACCOUNT)
    assert made is not None
    assert made.text == r'0 issue "ca.example; a=\"\\\007"'
    assert correction([rdata("issue", ";")], ()) is None
