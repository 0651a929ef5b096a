"""Which TXT values an account may hold: those of ACME challenges alone, or text for dns-persist-01 besides.

A challenge's value has one form, and is of use for minutes. Any other text is a lasting value: a standing leave for a
CA to validate (dns-persist-01), which is read again whenever a certificate is renewed. So it does not leave with the
window and is not pushed out by newer values; it stays until somebody takes it away.

All values of a name go into one message, over TCP at the latest. The largest set that can be configured, 1,000 values
of challenges and `MOST_LASTING` of `LONGEST_OCTETS`, has `MOST_RECORD_OCTETS` of the 65,535 that a message may have.
"""

import re
from enum import StrEnum

LONGEST_OCTETS = 1_024
"""Of a lasting value; dns-persist-01 has 120 to 260. PostgreSQL's index of values takes up to 2,700."""

MOST_LASTING = 8
"""Lasting values of an account: one for each CA and policy. One more is refused, and none pushed out."""

_CHALLENGE = re.compile(rb"[A-Za-z0-9_-]{43}")
"""A SHA-256 digest in URL-safe base64 without padding (RFC 8555 8.4)."""


MOST_RECORD_OCTETS = 64_328
"""Of all values of a name, as records of a message; the rest of it is for the header, the question and EDNS."""

_RECORD_OCTETS = 12
"""Of a record without its data: a pointer to its name, type, class, TTL and length (RFC 1035 4.1.3, 4.1.4)."""

_STRING_OCTETS = 255


class TxtRule(StrEnum):
    """What an account may hold besides nothing at all."""

    ACME = "acme"
    ANY = "any"


def is_challenge(value: bytes) -> bool:
    """Whether octets have the form of an ACME challenge's value."""
    return _CHALLENGE.fullmatch(value) is not None


def record_octets(value: bytes) -> int:
    """How many octets a value takes in a message: one more for each character-string (RFC 1035 3.3.14)."""
    return _RECORD_OCTETS + len(value) + -(-len(value) // _STRING_OCTETS)


def objection(text: str, rule: TxtRule) -> str | None:
    """Why an account of this rule can't hold this value, and what to do; None where it can. The value is not quoted."""
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return "a value can't be used that holds half of a surrogate pair, which is no text; write UTF-8"
    if is_challenge(octets):
        return None
    if rule is TxtRule.ACME:
        return (
            f"a value of {len(text)} characters can't be used; write 43 of A-Z a-z 0-9 _ - (RFC 8555 8.4), "
            "or let the account hold other text: acmedns account txt-rule ACCOUNT any"
        )
    if not octets or len(octets) > LONGEST_OCTETS:
        return f"a value of {len(octets)} octets can't be used; write 1 to {LONGEST_OCTETS}"
    if "\N{REPLACEMENT CHARACTER}" in text:
        # What a lenient reader puts in place of octets that are not UTF-8; those would not be what is served.
        return "a value can't be used that holds U+FFFD, which stands for octets that were not UTF-8; write UTF-8"
    return None


def too_many() -> str:
    """Why one more lasting value can't be held, and what to do."""
    return f"the account holds {MOST_LASTING} lasting values, which is the most; take one away first"
