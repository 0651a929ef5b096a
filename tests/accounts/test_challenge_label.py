"""The label of dns-account-01 against the vector of its draft, and what is no URL of an account."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.accounts.challenge_label import challenge_label
from acmedns_py.errors import Unusable


def test_the_draft_s_vector():
    """Of draft-ietf-acme-dns-account-label."""
    assert challenge_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye"


def test_every_letter_of_the_url_counts():
    urls = [
        f"https://example.com/acme/acct/{end}" for end in ("ExampleAccount", "exampleaccount", "ExampleAccount/", "1")
    ]
    assert len({challenge_label(url) for url in urls}) == len(urls)


@given(st.text([chr(code) for code in range(0x21, 0x7F)], min_size=1))
def test_the_label_is_one_of_dns(path):
    """17 characters of base32 in lower case, without padding."""
    assert re.fullmatch("_[a-z2-7]{16}", challenge_label(f"https://ca.example/{path}"))


@pytest.mark.parametrize(
    "url",
    ["", "17", "example.com/acct/17", "ftp://ca.example/acct/1", "https://ca.example", "https://ca.example/", "https:///",
     "https://ca.example/acct/1 ", "https://ca.example/acct/\u00fc", "https://ca.example/acct/1\n"],
)  # fmt: skip
def test_what_is_no_url_of_an_account_is_refused(url):
    with pytest.raises(Unusable, match="is no account URL; write it as the CA gave it"):
        challenge_label(url)
