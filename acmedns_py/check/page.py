"""The page of all findings, docs/findings.md, as the tables of the groups say it: python -m acmedns_py.check.page."""

from collections.abc import Iterator, Mapping
from typing import Final

from acmedns_py.check import (
    caa,
    canary,
    client,
    delegation,
    delegation_kinds,
    host_kinds,
    hosts,
    own,
    own_kinds,
    reach,
    reach_kinds,
    resolvers,
    serving,
)
from acmedns_py.check.finding import Kind

GROUPS: Final[tuple[tuple[str, Mapping[str, Kind]], ...]] = (
    (serving.TITLE, serving.KINDS),
    (delegation.TITLE, delegation_kinds.KINDS),
    (reach.TITLE, reach_kinds.KINDS),
    (canary.TITLE, canary.KINDS),
    (hosts.TITLE, host_kinds.KINDS),
    (caa.TITLE, caa.KINDS),
    (resolvers.TITLE, resolvers.KINDS),
    (own.TITLE, own_kinds.KINDS),
    (client.TITLE, client.KINDS),
)
"""In the order of a report."""

_HEAD: Final = """\
# Findings

What `acmedns check` can find, in the order in which it looks: the way of a CA's query. The first FAIL is the cause, and
what comes after it may only follow from it. With "stops" what comes later can't work, and is not tested. The ids never
change.

FAIL: certificates are refused. WARN: they will be, or are at times. NOTE: good to know. NOT TESTED: could not be seen
from here. Exit code: 0 good, 1 with a WARN, 2 with a FAIL, 3 where something could not be tested.

This page is made from the code by `make findings`.
"""


def page() -> str:
    """Give the page in Markdown."""
    return "\n".join([_HEAD, *(line for title, kinds in GROUPS for line in _group(title, kinds))])


def _group(title: str, kinds: Mapping[str, Kind]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| id | verdict | what is wrong | what comes of it | what to do |"
    yield "| --- | --- | --- | --- | --- |"
    for kind in kinds.values():
        verdict = f"{kind.verdict}, stops" if kind.stops else kind.verdict
        yield f"| `{kind.id}` | {verdict} | {kind.title} | {kind.consequence} | {kind.cure} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
