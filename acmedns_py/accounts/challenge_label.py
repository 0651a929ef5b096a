"""The label of dns-account-01, in front of `_acme-challenge`: each ACME account has a name of its own by it."""

import base64
import hashlib
import re

from acmedns_py.errors import Unusable

DIGEST_OCTETS = 10
"""Of a SHA-256, in front: 80 bits, which are 16 characters of base32 without padding."""

_URL = re.compile(r"https?://[\x21-\x7e]+/[\x21-\x7e]+", re.ASCII)


def challenge_label(account_url: str) -> str:
    """The label for an ACME account, `_` included, in lower case (draft-ietf-acme-dns-account-label).

    `account_url` is what the CA calls the account (RFC 8555 7.1.2), to the letter: another letter is another label.
    Raises `Unusable` for what is no such URL.
    """
    check_account_url(account_url)
    digest = hashlib.sha256(account_url.encode()).digest()
    return "_" + base64.b32encode(digest[:DIGEST_OCTETS]).decode().lower()


def check_account_url(text: str) -> None:
    """Raise `Unusable` for what no CA calls an account."""
    if _URL.fullmatch(text) is None:
        raise Unusable(
            f"{text[:200]!r} is no account URL; write it as the CA gave it, as https://ca.example/acct/17 "
            "(certbot: certbot show_account; lego: registration.uri in account.json)"
        )
