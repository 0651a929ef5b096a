"""What a whole check came to: its sections in the order of a CA's query, the cause, the exit code, text and JSON.

A section with a finding that stops is the end of the way: what depends on it is not tested, since it would only say the
same in other words.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypedDict

from acmedns_py.check.finding import Finding, Kind, Verdict

EXIT_GOOD: Final = 0
EXIT_WARN: Final = 1
EXIT_FAIL: Final = 2
EXIT_NOT_TESTED: Final = 3

_ORDER: Final = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Section:
    """One group of checks: what was found, or why it was not tested; nothing found is OK.

    `name` is for programs, `title` for people; `seen` says in few words what was looked at.
    """

    name: str
    title: str
    findings: tuple[Finding, ...] = ()
    not_tested: str = ""
    seen: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings, but for ignored ones."""
        if self.not_tested:
            return Verdict.NOT_TESTED
        counted = (finding.kind.verdict for finding in self.findings if not finding.ignored)
        return min(counted, key=_ORDER.index, default=Verdict.OK)

    @property
    def stopped_by(self) -> Finding | None:
        """The first finding that makes further tests useless."""
        return next((finding for finding in self.findings if finding.kind.stops), None)


@dataclass(slots=True)
class Report:
    """The sections of a check of `zone`, in order."""

    zone: str
    sections: list[Section] = field(default_factory=list)

    def add(self, name: str, title: str, findings: Iterable[Finding], *, seen: str = "") -> Section:
        """Append a section that was tested, its worst findings first."""
        ordered = sorted(findings, key=lambda finding: _ORDER.index(finding.kind.verdict))
        section = Section(name, title, tuple(ordered), seen=seen)
        self.sections.append(section)
        return section

    def skip(self, name: str, title: str, reason: str) -> None:
        """Append a section that was not tested."""
        self.sections.append(Section(name, title, not_tested=reason))

    def ignore(self, wanted: Iterable[str]) -> None:
        """Have findings not count that are called so, by "ID" or "ID:SUBJECT"; what they stop is not tested even so."""
        names = frozenset(wanted)
        for place, section in enumerate(self.sections):
            marked = [
                replace(one, ignored=not names.isdisjoint((one.kind.id, f"{one.kind.id}:{one.subject}")))
                for one in section.findings
            ]
            ordered = sorted(marked, key=lambda finding: finding.ignored)
            self.sections[place] = replace(section, findings=tuple(ordered))

    @property
    def stopped(self) -> str:
        """Why what depends on the earlier sections is not tested; empty while nothing is in the way."""
        for section in self.sections:
            if (finding := section.stopped_by) is not None:
                return f"it depends on {section.title}, see {finding.kind.id}"
        return ""

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, in order."""
        return (finding for section in self.sections for finding in section.findings)

    @property
    def cause(self) -> Finding | None:
        """The first failure on the way, which what comes later may only follow from."""
        failures = (one for one in self.findings if one.kind.verdict is Verdict.FAIL and not one.ignored)
        return next(failures, None)

    @property
    def exit_code(self) -> int:
        """2 where something fails, 1 where something is to be warned of, 3 where something was not tested, else 0."""
        verdicts = {section.verdict for section in self.sections}
        if Verdict.FAIL in verdicts:
            return EXIT_FAIL
        if Verdict.WARN in verdicts:
            return EXIT_WARN
        return EXIT_NOT_TESTED if Verdict.NOT_TESTED in verdicts else EXIT_GOOD

    @property
    def document(self) -> dict[str, Any]:
        """The report for programs; keys and ids never change, texts may."""
        cause = self.cause
        return {
            "zone": self.zone,
            "exit_code": self.exit_code,
            "cause": None if cause is None else {"id": cause.kind.id, "subject": cause.subject},
            "sections": [
                {
                    "name": section.name,
                    "title": section.title,
                    "verdict": section.verdict,
                    "seen": section.seen,
                    "not_tested": section.not_tested or None,
                    "findings": [_finding(finding) for finding in section.findings],
                }
                for section in self.sections
            ],
        }

    def lines(self) -> Iterator[str]:
        """Give the report for people, one line after the other."""
        for section in self.sections:
            about = section.not_tested or section.seen
            yield f"{section.verdict:<10}  {section.title}{f': {about}' if about else ''}"
            for finding in section.findings:
                yield from _lines(finding)
        cause = self.cause
        if cause is not None:
            yield ""
            yield f"Begin with {cause.kind.id} at {cause.subject}: what comes later may only follow from it."


class FindingDocument(TypedDict):
    """A finding for programs."""

    id: str
    verdict: Verdict
    subject: str
    title: str
    seen: str
    consequence: str
    cure: str
    paste: list[str]
    repeat: str | None
    stops: bool
    ignored: bool


class SectionDocument(TypedDict):
    """A section for programs."""

    name: str
    title: str
    seen: str
    not_tested: str | None
    findings: list[FindingDocument]


class ReportDocument(TypedDict):
    """Of a report for programs, what makes it one again."""

    zone: str
    sections: list[SectionDocument]


def report_of(document: ReportDocument) -> Report:
    """Give the report that a document is of."""
    return Report(
        document["zone"],
        [
            Section(
                section["name"],
                section["title"],
                tuple(_read(finding) for finding in section["findings"]),
                section["not_tested"] or "",
                section["seen"],
            )
            for section in document["sections"]
        ],
    )


def _read(finding: FindingDocument) -> Finding:
    consequence, cure = finding["consequence"], finding["cure"]
    kind = Kind(finding["id"], Verdict(finding["verdict"]), finding["title"], consequence, cure, stops=finding["stops"])
    paste, repeat = tuple(finding["paste"]), finding["repeat"] or ""
    return Finding(kind, finding["subject"], finding["seen"], paste=paste, repeat=repeat, ignored=finding["ignored"])


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.kind.id,
        "verdict": finding.kind.verdict,
        "subject": finding.subject,
        "title": finding.kind.title,
        "seen": finding.seen,
        "consequence": finding.what_follows,
        "cure": finding.what_to_do,
        "paste": list(finding.paste),
        "repeat": finding.repeat or None,
        "stops": finding.kind.stops,
        "ignored": finding.ignored,
    }


def _lines(finding: Finding) -> Iterator[str]:
    if finding.kind.verdict is Verdict.OK or finding.ignored:
        # There may be a thousand of them, and nothing is to be done.
        shown = "IGNORED" if finding.ignored else finding.kind.verdict
        yield f"  {shown:<8}  {finding.kind.id}: {finding.subject}: {finding.seen}"
        return
    indent = " " * 12
    yield f"  {finding.kind.verdict:<8}  {finding.kind.id}: {finding.subject}: {finding.kind.title}"
    yield f"{indent}seen: {finding.seen}"
    yield f"{indent}so:   {finding.what_follows}"
    yield f"{indent}do:   {finding.what_to_do}"
    for line in finding.paste:
        yield f"{indent}      {line}"
    if finding.repeat:
        yield f"{indent}try:  {finding.repeat}"
