"""The form of a token's text, by which people, and programs that search for leaked secrets, know it."""

import re

MARK = "adt_"

_FORM = re.compile(rf"{MARK}[A-Za-z0-9_-]{{43}}", re.ASCII)


def has_form(text: str) -> bool:
    """Whether this could be a token; letter case counts."""
    return _FORM.fullmatch(text) is not None


def without_tokens(text: str) -> str:
    """A text with all that could be a token taken out, for what is kept or logged."""
    return _FORM.sub(f"{MARK}...", text)
