"""What the check by the server has found so far, from one report to the next: what stands, what is new, what is gone.

Two rules keep metrics and log true. What was not looked at is not mended: its earlier findings stand. And a packet may
be lost: a failure counts only when the next run has it too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from acmedns_py.check.finding import Verdict

Subject = tuple[str, str]
"""The id of a finding, and what it is about."""

_Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]


class Found(msgspec.Struct, frozen=True):
    """What is needed of a finding here; an id becomes a label of a metric, and so is held to its form."""

    id: _Id
    verdict: Verdict
    subject: str
    seen: str
    ignored: bool = False
    stops: bool = False

    @property
    def key(self) -> Subject:
        """By which it is known again."""
        return self.id, self.subject

    @property
    def severity(self) -> str:
        """Its verdict as a label of a metric has it."""
        return self.verdict.lower().replace(" ", "_")


class Section(msgspec.Struct, frozen=True):
    """A group of a report."""

    name: _Id
    not_tested: str | None
    findings: tuple[Found, ...]

    def told(self) -> Iterator[Found]:
        """Give what counts in it: what is good does not, nor what is ignored; that it was not tested does."""
        if self.not_tested is not None:
            yield Found(f"{self.name}-skipped", Verdict.NOT_TESTED, self.name, self.not_tested)
        yield from (one for one in self.findings if one.verdict is not Verdict.OK and not one.ignored)

    def looked_at(self, former: Found) -> bool:
        """Whether an earlier finding would be here again if it were still so."""
        if self.not_tested is not None:
            # That itself is told anew by each report.
            return former.id == f"{self.name}-skipped"
        for one in self.findings:
            untested = one.verdict is Verdict.NOT_TESTED
            # Behind what stops nothing is looked at; of two things that stop the later one shows the way up to it.
            if one.stops and (untested or not former.stops):
                return False
            if untested and one.subject in former.subject.split(" at "):
                return False
        return True


class Report(msgspec.Struct, frozen=True):
    """A report, as the document of the check has it."""

    exit_code: int
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known after a report, by section; `suspected` are failures that were seen once, and do not count yet."""

    sections: Mapping[str, Mapping[Subject, Found]]
    suspected: frozenset[Subject]

    @property
    def counted(self) -> dict[Subject, Found]:
        """All that counts."""
        every = (one for found in self.sections.values() for one in found.values())
        return {one.key: one for one in every if one.key not in self.suspected}

    @property
    def problems(self) -> Counter[tuple[str, str]]:
        """How many count, by id and severity."""
        return Counter((one.id, one.severity) for one in self.counted.values())

    def after(self, report: Report) -> "Standing":
        """Give what is known once this report has come."""
        before = {key for found in self.sections.values() for key in found}
        sections: dict[str, dict[Subject, Found]] = {}
        suspected: set[Subject] = set()
        for section in report.sections:
            now = {one.key: one for one in section.told()}
            former = self.sections.get(section.name, {})
            kept = {key: one for key, one in former.items() if key not in now and not section.looked_at(one)}
            suspected |= {key for key, one in now.items() if one.verdict is Verdict.FAIL and key not in before}
            suspected |= kept.keys() & self.suspected
            sections[section.name] = now | kept
        return Standing(sections, frozenset(suspected))


NOTHING = Standing({}, frozenset())
"""Before the first report."""
