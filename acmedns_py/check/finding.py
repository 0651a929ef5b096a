"""What a check can come to: a verdict, a kind with a stable id, and a finding of that kind about one subject.

Each module of a group has its kinds in a table; the page of all findings is made from these tables. Whatever text comes
from outside goes through `told` before it stands in a finding.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acmedns_py.config.problems import one_line

MOST_CHARACTERS: Final = 300
"""Of one text from outside: a name of 255 octets, all escaped, is cut, and what is left can still be read."""


class Verdict(StrEnum):
    """How bad a finding is, the worst first, which is the order of reports: what was not looked at is not good."""

    FAIL = "FAIL"
    WARN = "WARN"
    NOT_TESTED = "NOT TESTED"
    NOTE = "NOTE"
    OK = "OK"


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be found: `id` is for programs and never changes.

    `title` says what is wrong, `consequence` what comes of it, `cure` what to do, each in general and for people.
    `stops`: what comes later in the way of a CA's query can't work, so it is not tested.
    """

    id: str
    verdict: Verdict
    title: str
    consequence: str
    cure: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind found at one subject: a name, an address, a host.

    `seen` is what was met. `consequence` and `cure` are for this subject, and those of the kind where they are empty.
    `paste` holds the records to paste, one a line; `repeat` is the command that shows it again. `ignored`: the operator
    knows of it, so that it counts for nothing.
    """

    kind: Kind
    subject: str
    seen: str
    consequence: str = ""
    cure: str = ""
    paste: tuple[str, ...] = ()
    repeat: str = ""
    ignored: bool = False

    @property
    def what_follows(self) -> str:
        """The consequence for this subject."""
        return self.consequence or self.kind.consequence

    @property
    def what_to_do(self) -> str:
        """The cure for this subject."""
        return self.cure or self.kind.cure


def told(text: str) -> str:
    """Give a text from outside fit for one line of a terminal: escaped and of bounded length."""
    line = one_line(text[: 2 * MOST_CHARACTERS])
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."


def listed(texts: Iterable[str]) -> str:
    """Give several texts in one, in order, "nothing" for none."""
    return told(", ".join(sorted(texts)) or "nothing")


def catalogue(kinds: Iterable[Kind]) -> dict[str, Kind]:
    """Give the kinds of a group by id, which no two may share."""
    table: dict[str, Kind] = {}
    for kind in kinds:
        assert kind.id not in table, f"two kinds are called {kind.id}"
        table[kind.id] = kind
    return table
