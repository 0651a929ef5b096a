"""Labels that are chosen: by whom a token lets choose, and after which pattern.

A label is stored and compared in lower case (RFC 4343). What the zone serves already, or did, only the store knows.
"""

import re
from fnmatch import fnmatchcase

from acmedns_py.errors import BadInput, TokenRefused

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""Letters, digits, hyphens (RFC 1123 2.1), at most 63; so that no `_acme-challenge` and no wildcard is one.

Names in other scripts come as A-labels.
"""

_PATTERN = re.compile(r"[a-z0-9*?-]{1,63}", re.ASCII)


def is_label(text: str) -> bool:
    """Whether this can be an account's label; `text` is in lower case."""
    return _LABEL.fullmatch(text) is not None


def chosen(text: str, pattern: str) -> str:
    """The label that a client asks for, in lower case; `pattern` is its token's.

    Raises `BadInput` with acme-dns's word where it is no label, or the pattern does not have it.
    """
    label = text.lower()
    if not is_label(label):
        raise BadInput("bad_subdomain", "no label of up to 63 letters, digits and inner hyphens")
    if not fnmatchcase(label, pattern):
        raise BadInput("bad_subdomain", "not of the token's pattern")
    return label


def check_pattern(text: str) -> str:
    """A pattern of labels in lower case; raises `TokenRefused`."""
    pattern = text.lower()
    if _PATTERN.fullmatch(pattern) is None:
        raise TokenRefused(
            f"labels = {text!r} is no pattern; write up to 63 letters, digits, hyphens, * for any characters and ? "
            "for one, as web-*"
        )
    return pattern
