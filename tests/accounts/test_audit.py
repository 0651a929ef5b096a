"""Entries of the audit log as they are kept: no secret, nothing that a terminal obeys, nothing without an end."""

import json

from acmedns_py.accounts import tokens
from acmedns_py.accounts.audit import MOST_CHARACTERS, MOST_DETAILS, fit_to_keep
from acmedns_py.accounts.ports import Entry

LONG = "x" * 2_000_000


def test_every_text_has_an_end():
    """Also those in lists and objects, however deep; what is short stays whole."""
    details = {"reason": LONG, "scopes": [LONG, "write"], "limits": {"sources": [LONG, {"deep": LONG}], "uses": 5}}
    kept = fit_to_keep(Entry("anyone", "here", "done", LONG, LONG, details))
    cut = "x" * MOST_CHARACTERS + "..."
    assert (kept.subject, kept.result) == (cut, cut)
    assert kept.details == {
        "reason": cut,
        "scopes": [cut, "write"],
        "limits": {"sources": [cut, {"deep": cut}], "uses": 5},
    }


def test_details_have_an_end_however_many_texts_they_are():
    """A list of all networks that there may be has room; what is longer is kept as a text that is cut."""
    networks = [f"2001:db8:ffff:ffff:{number:x}::/80" for number in range(1000)]
    entry = Entry("anyone", "here", "done", "subject", details={"allowfrom": networks})
    assert fit_to_keep(entry) == entry
    many = fit_to_keep(Entry("anyone", "here", "done", "subject", details={"scopes": ["x"] * 300_000}))
    assert len(json.dumps(many.details)) < MOST_DETAILS
    assert many.details["cut"].startswith('{"scopes": ["x", "x"')


def test_secrets_and_what_a_terminal_obeys_are_looked_for_everywhere():
    """In nested objects too, and before a text is cut: half a token would not be known as one."""
    token = tokens.fresh_token()
    kept = fit_to_keep(
        Entry("anyone", "here", "done", "x" * (MOST_CHARACTERS - 9) + token, details={"a": {token: [token, "\x1b[2J"]}})
    )
    assert token[:9] not in json.dumps(kept.details) + kept.subject.removesuffix("adt_...")
    assert kept.details == {"a": {"adt_...": ["adt_...", "\\x1b[2J"]}}
