"""What is said about records of dns-persist-01: the grammar of RFC 8659 4.2, and nothing about good ones."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.accounts.persist_record import NotIssueValue, oddities, parse

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOOD = "ca.example; accounturi=https://ca.example/acct/1"

# The grammar as RFC 8659 4.2 has it, from the bottom up.
LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
PARAMETER = rf"{LABEL}[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*"
ISSUE_VALUE = re.compile(
    rf"[ \t]*(?:{LABEL}(?:\.{LABEL})*[ \t]*)?(?:;[ \t]*(?:{PARAMETER}(?:[ \t]*;[ \t]*{PARAMETER})*[ \t]*)?)?", re.ASCII
)

labels = st.from_regex(re.compile(r"[a-zA-Z0-9](-{0,2}[a-zA-Z0-9]){0,3}", re.ASCII), fullmatch=True)
blanks = st.text(" \t", max_size=2)
parameter_values = st.text([chr(code) for code in range(0x21, 0x7F) if code != 0x3B], max_size=12)


@st.composite
def issue_values(draw):
    """A text of the grammar, with what it says."""
    issuer = ".".join(draw(st.lists(labels, max_size=3)))
    parameters = draw(st.lists(st.tuples(labels, parameter_values), max_size=4))
    blank = lambda: draw(blanks)  # noqa: E731
    parts = [f"{blank()}{tag}{blank()}={blank()}{value}{blank()}" for tag, value in parameters]
    text = f"{blank()}{issuer}{blank()}" + (";" + ";".join(parts) if parts or draw(st.booleans()) else "")
    return text, issuer, parameters


@given(issue_values())
def test_what_the_grammar_makes_is_read_as_it_was_meant(made):
    text, issuer, parameters = made
    assert ISSUE_VALUE.fullmatch(text)
    assert parse(text) == (issuer, parameters)


@given(st.one_of(st.text(max_size=40), st.text("a-.;= \t1\x7f", max_size=20)))
def test_all_else_is_refused(text):
    """The grammar, written as one expression, is the judge."""
    try:
        parse(text)
    except NotIssueValue:
        assert ISSUE_VALUE.fullmatch(text) is None
    else:
        assert ISSUE_VALUE.fullmatch(text) is not None


@given(st.text())
def test_any_text_gets_sentences_that_do_not_quote_it(text):
    """No value comes into a log but by names of parameters; a line stays a line."""
    assert all(one.isprintable() for one in oddities(text, NOW))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"{GOOD}; policy=wildcard",
        f"{GOOD}; policy=WildCard ;persistUntil=1798761600",
        f"\t{GOOD};future=something",
        "ca.example;accounturi=https://ca.example/acmesha-256/5SQm7n6tQ2uIYl0vAbD8sTTdZZQnPoOq1iGHNCgdoyc",
    ],
)
def test_nothing_is_odd_about(text):
    assert oddities(text, NOW) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD};", "parameter 2 is empty"),
        (f"{GOOD} x", "parameter 1 holds a blank"),
        (f"{GOOD}; policy", "parameter 2 has not the form NAME=VALUE"),
        ("ca example; accounturi=a:b", "no domain name"),
        ("-ca.example; accounturi=a:b", "no domain name"),
        ("accounturi=https://ca.example/acct/1", "no domain name"),
        ("ca.example", "no accounturi"),
        ("ca; accounturi=a:b", "one label"),
        ("; accounturi=https://ca.example/acct/1", "no CA is named"),
        ("ca.example; accounturi=", "accounturi is no URI"),
        ("ca.example; accounturi=17", "accounturi is no URI"),
        (f"{GOOD}; AccountURI=a:b", "AccountURI is there more than once"),
        (f"{GOOD}; policy=subdomains", "policy is not wildcard"),
        (f"{GOOD}; persistUntil=2030-01-01", "no number of seconds"),
        (f"{GOOD}; persistUntil={int(NOW.timestamp())}", "persistUntil has passed"),
    ],
)
def test_something_is_odd_about(text, said):
    found = oddities(text, NOW)
    assert len(found) == 1
    assert said in found[0]
