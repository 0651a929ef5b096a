"""Labels that are chosen: by whom a token lets choose, and after which pattern.

A label is stored and compared in lower case (RFC 4343). What the zone serves already, or did, only the store knows.
"""

import re
from fnmatch import fnmatchcase

from acmedns_py.dns import name
from acmedns_py.errors import BadInput, TokenRefused
from acmedns_py.log import quoted

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""Letters, digits, hyphens (RFC 1123 2.1), at most 63; so that no `_acme-challenge` and no wildcard is one.

Names in other scripts come as A-labels.
"""

CANARIES = "_acmedns-check"
"""The label above all canaries: it has an underscore, and so is nobody's."""

RESERVED = frozenset({name.CHALLENGE, CANARIES})
"""What acme-dns would take for a label, and the server has a use for itself: its own certificate, and canaries."""

MOST_NAME_CHARACTERS = 253
"""A complete name as text, without a final dot (RFC 1035 2.3.4)."""

_PATTERN = re.compile(r"[a-z0-9*?-]{1,63}", re.ASCII)


def is_label(text: str) -> bool:
    """Whether this can be an account's label; `text` is in lower case."""
    return _LABEL.fullmatch(text) is not None


def fits(label: str, zone: str) -> bool:
    """Whether the complete name is one that DNS can ask for; `zone` is without a final dot."""
    return len(label) + 1 + len(zone) <= MOST_NAME_CHARACTERS


def chosen(text: str, pattern: str, zone: str) -> str:
    """The label that a client asks for, in lower case; `pattern` is its token's.

    Raises `BadInput` with a word like acme-dns's where it can't be had, or the pattern does not have it.
    """
    label = text.lower()
    if not is_label(label):
        raise BadInput("bad_subdomain", "no label of up to 63 letters, digits and inner hyphens")
    if not fits(label, zone):
        raise BadInput("bad_subdomain", f"its name would have more than {MOST_NAME_CHARACTERS} characters")
    if not fnmatchcase(label, pattern):
        raise BadInput("bad_subdomain", "not of the token's pattern")
    return label


def check_pattern(text: str) -> str:
    """A pattern of labels in lower case; raises `TokenRefused`."""
    pattern = text.lower()
    if _PATTERN.fullmatch(pattern) is None:
        raise TokenRefused(
            f"labels = {quoted(text)} is no pattern; write up to 63 letters, digits, hyphens, * for any characters "
            "and ? for one, as web-*"
        )
    return pattern
