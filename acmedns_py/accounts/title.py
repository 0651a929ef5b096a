"""What people call an account, its routes its label: the domains that it is for, with commas, or any other text."""

from collections.abc import Iterable
from typing import Final

MOST_CHARACTERS: Final = 200


def title_of(domains: Iterable[str]) -> str:
    """Give what an account for these domains is called, cut where they are too many."""
    return ", ".join(domains)[:MOST_CHARACTERS]


def is_for(title: str, domain: str) -> bool:
    """Whether a domain, folded and without final dot, or the wildcard beside it, is among those of a title."""
    return any(part.strip().lower().removeprefix("*.") == domain for part in title.split(","))
