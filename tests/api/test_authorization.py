"""The reader of `Authorization`: every way in which a token is written, and octets that are none."""

from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.accounts.token_text import has_form
from acmedns_py.accounts.tokens import fresh_token
from acmedns_py.api.authorization import secret

TOKEN = fresh_token()

blanks = st.text(" \t", max_size=3)


def schemes(word: str) -> st.SearchStrategy[str]:
    """A scheme in any letter case."""
    return st.tuples(*(st.sampled_from([letter, letter.upper()]) for letter in word)).map("".join)


@given(st.text() | st.text("\0 \t=:-_+/Aaz09\udc80é", max_size=60).map("Basic ".__add__))
def test_any_header_is_read_without_an_error(header):
    """A header that is broken is as if it were not there (clients #9)."""
    assert isinstance(secret(header), str)


@given(blanks, schemes("bearer"), blanks, blanks)
def test_bearer_is_read(before, scheme, between, after):
    """In any letter case and between any blanks (RFC 6750 2.1)."""
    assert secret(f"{before}{scheme} {between}{TOKEN}{after}") == TOKEN


@given(
    blanks, schemes("basic"), st.text().filter(lambda user: ":" not in user), st.sampled_from([0, 1, 2]), st.booleans()
)
def test_password_of_basic_is_read(blank, scheme, user, dropped, url_safe):
    """Whatever the user is called; with padding or without, in either alphabet (clients #9)."""
    octets = f"{user}:{TOKEN}".encode("utf-8", "surrogatepass")
    encoded = (urlsafe_b64encode if url_safe else b64encode)(octets).decode()
    padding = encoded.count("=")
    shown = encoded[: len(encoded) - min(dropped, padding)]
    assert secret(f"{scheme} {blank}{shown}") == TOKEN


@given(st.binary(max_size=40))
def test_password_may_hold_colons_and_any_octet(password):
    """The first colon ends the user (RFC 7617 2)."""
    assert secret("Basic " + b64encode(b"user:" + password).decode()) == password.decode("latin-1")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic ====",
        "Basic dXNlcg==",
        "Bearer",
        "Digest x",
        TOKEN,
        f"Token {TOKEN}",
        "Basic é",
    ],
)
def test_what_holds_no_secret_gives_none(header):
    """The bare word, as simple-acme sends it; a user without a colon; other schemes."""
    assert secret(header) == ""


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (TOKEN, True),
        ("adt_" + "-" * 43, True),
        ("ADT_" + "a" * 43, False),
        ("adt_" + "a" * 42, False),
        ("adt_" + "a" * 44, False),
        ("adt_" + "a" * 42 + "é", False),
        ("adt_" + "a" * 43 + "\n", False),
        ("adt_" + "a" * 42 + "/", False),
        ("", False),
    ],
)
def test_only_what_has_the_form_of_a_token_is_looked_up(text, good):
    """Mark and 43 characters, letter case counts."""
    assert has_form(text) is good


def test_tokens_are_of_the_form_and_never_the_same():
    """256 random bits each."""
    made = {fresh_token() for _ in range(1000)}
    assert len(made) == 1000
    assert all(map(has_form, made))
