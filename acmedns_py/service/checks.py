"""The check by the running server: when it runs, what its last report says, what is new in it.

The work is done aside (`check_process`), as `acmedns check` does it: nothing of what name servers send is read here,
and no fault in it touches serving. Each node of several checks for itself, as each sees the world from its own place.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import structlog

from acmedns_py.check.finding import Verdict
from acmedns_py.errors import AsideFailed
from acmedns_py.service.aside import done_aside

FIRST_SECONDS: Final = 300.0
"""At most, from the start to the first run: whoever restarts a server is busy with it, and so is the server."""

LONGEST_SECONDS: Final = 900.0
"""Of one run, which is ended then: a thousand hosts whose servers are all silent take half of it."""

MOST_LINES: Final = 100
"""Of the log, for what is new in one run, and as many for what is gone; the line of the run has the numbers."""

_JITTER: Final = 0.1
"""Part of the time between two runs: servers that were started together need not ask together."""

log = structlog.get_logger(__name__)

Subject = tuple[str, str]
"""The id of a finding, and what it is about."""


class Found(msgspec.Struct, frozen=True):
    """What is needed of a finding here; an id becomes a label of a metric, and so is held to its form."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
    verdict: Verdict
    subject: str
    seen: str


class _Section(msgspec.Struct, frozen=True):
    name: str
    not_tested: str | None
    findings: tuple[Found, ...]


class _Report(msgspec.Struct, frozen=True):
    exit_code: int
    sections: tuple[_Section, ...]

    def findings(self) -> Iterator[Found]:
        """Give what is to be said; what is found to be good is not."""
        return (one for section in self.sections for one in section.findings if one.verdict is not Verdict.OK)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that came to its end: when it began, in Unix time, how long it took, and what it found.

    `document` is the whole report, as `acmedns check --json` prints it; `problems` counts findings by id and severity.
    """

    begun: float
    seconds: float
    document: Mapping[str, Any]
    problems: Mapping[tuple[str, str], int]


class Checks:
    """Checks for as long as `run` does."""

    def __init__(self, *, every_seconds: int, config: Path | None) -> None:
        """`every_seconds` is 0 where it is to run at an operator's wish alone; `config` is what `-c` named."""
        self.every_seconds = every_seconds
        self.last: Run | None = None
        self._config = config
        self._failure: str | None = None
        self._known: Mapping[Subject, Found] = {}
        self._running = False
        self._wanted = asyncio.Event()

    def shown(self) -> Mapping[str, Any]:
        """How it stands, with the last report, None before the first."""
        last = self.last
        return {
            "every_seconds": self.every_seconds,
            "running": self._running,
            "failure": self._failure,
            "begun": None if last is None else datetime.fromtimestamp(last.begun, UTC),
            "seconds": None if last is None else round(last.seconds, 3),
            "report": None if last is None else last.document,
        }

    def begin(self) -> bool:
        """Have a run begin at once; says whether one does, and none does while one is under way."""
        if self._running:
            return False
        self._wanted.set()
        return True

    async def run(self) -> None:
        """Check when it is due or wanted, one run after the other, until cancelled; a failure is logged."""
        pause = min(FIRST_SECONDS, self.every_seconds) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if self.every_seconds else None):
                    await self._wanted.wait()
            self._running = True
            try:
                await self._once()
            finally:
                self._running = False
                self._wanted.clear()
            pause = self.every_seconds * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - no secret

    async def _once(self) -> None:
        begun, clock = time.time(), time.monotonic()
        arguments = () if self._config is None else (str(self._config),)
        try:
            told = await done_aside("acmedns_py.service.check_process", *arguments, seconds=LONGEST_SECONDS)
            document = msgspec.json.decode(told)
            report = msgspec.convert(document, _Report)
        except (AsideFailed, msgspec.DecodeError) as error:
            self._failure = str(error)
            log.error("check_failed", reason=self._failure)
            return
        seconds = time.monotonic() - clock
        found = {(one.id, one.subject): one for one in report.findings()}
        problems = Counter((one.id, severity(one.verdict)) for one in found.values())
        self._failure, self.last = None, Run(begun, seconds, document, problems)
        self._tell(report, found, seconds)

    def _tell(self, report: _Report, found: Mapping[Subject, Found], seconds: float) -> None:
        """Log what is new, what is gone, and the run."""
        new = [one for key, one in found.items() if key not in self._known]
        gone = [one for key, one in self._known.items() if key not in found]
        self._known = found
        levels = {Verdict.FAIL: log.error, Verdict.WARN: log.warning}
        for one in new[:MOST_LINES]:
            level = levels.get(one.verdict, log.info)
            level(
                "check_finding_new",
                finding=one.id,
                severity=severity(one.verdict),
                subject=one.subject,
                seen=one.seen,
            )
        for one in gone[:MOST_LINES]:
            log.info("check_finding_gone", finding=one.id, severity=severity(one.verdict), subject=one.subject)
        log.info(
            "check_done",
            exit_code=report.exit_code,
            findings=len(found),
            new=len(new),
            gone=len(gone),
            not_tested=[section.name for section in report.sections if section.not_tested],
            seconds=round(seconds, 1),
        )


def severity(verdict: Verdict) -> str:
    """Give a verdict as a label of a metric has it."""
    return verdict.lower().replace(" ", "_")
