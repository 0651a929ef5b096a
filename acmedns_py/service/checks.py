"""The check by the running server: when it runs, what its last report says, what is new in it.

The work is done aside (`check_process`), as `acmedns check` does it: nothing of what name servers send is read here,
and no fault in it touches serving. Each node of several checks for itself, as each sees the world from its own place.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from acmedns_py.check.finding import Verdict
from acmedns_py.errors import AsideFailed
from acmedns_py.service.aside import done_aside
from acmedns_py.service.check_standing import NOTHING, Report, Standing

FIRST_SECONDS: Final = 300.0
"""At most, from the start to the first run: whoever restarts a server is busy with it, and so is the server."""

LONGEST_SECONDS: Final = 900.0
"""Of one run, which is ended then: a thousand hosts whose servers are all silent take half of it."""

SECOND_LOOK_SECONDS: Final = 180.0
"""From a run with a new failure to the next: long enough for a blink of the network to be over."""

RENEWAL_SECONDS: Final = 3600.0
"""At least, between two runs that a failed renewal has begun."""

MOST_LINES: Final = 100
"""Of the log, for what is new in one run, and as many for what is gone; the line of the run has the numbers."""

_JITTER: Final = 0.1
"""Part of the time between two runs: servers that were started together need not ask together."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that came to its end: when it began, in Unix time, how long it took, and what it found.

    `document` is the whole report, as `acmedns check --json` prints it; `problems` counts what stands after it,
    by id and severity.
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
        self._standing = NOTHING
        self._running = False
        self._wanted = asyncio.Event()
        self._renewal_failed = -RENEWAL_SECONDS

    def shown(self) -> Mapping[str, Any]:
        """How it stands, with the last report, None before the first."""
        last = self.last
        return {
            "every_seconds": self.every_seconds,
            "running": self._running or self._wanted.is_set(),
            "unconfirmed": len(self._standing.suspected),
            "failure": self._failure,
            "begun": None if last is None else datetime.fromtimestamp(last.begun, UTC),
            "seconds": None if last is None else round(last.seconds, 3),
            "report": None if last is None else last.document,
        }

    def begin(self) -> bool:
        """Have a run begin at once; says whether one does, and none does while one is under way."""
        if self._running or self._wanted.is_set():
            return False
        self._wanted.set()
        return True

    def renewal_failed(self) -> None:
        """Have a run begin, as the cause may be found by it: at most once an hour, and not where it is off."""
        now = time.monotonic()
        if self.every_seconds and now - self._renewal_failed >= RENEWAL_SECONDS:
            self._renewal_failed = now
            self.begin()

    async def run(self) -> None:
        """Check when it is due or wanted, one run after the other, until cancelled; a failure is logged.

        After a run with new failures comes another soon, once, as those count only when they are seen twice.
        """
        pause = min(FIRST_SECONDS, self.every_seconds) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        second = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if self.every_seconds or second else None):
                    await self._wanted.wait()
            self._running = True
            try:
                found = await self._once()
            finally:
                self._running = False
                self._wanted.clear()
            second = found and not second
            pause = self.every_seconds * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - no secret
            if second:
                pause = min(SECOND_LOOK_SECONDS, pause or SECOND_LOOK_SECONDS)

    async def _once(self) -> bool:
        """Check; says whether there are failures that nobody has seen before."""
        begun, clock = time.time(), time.monotonic()
        arguments = () if self._config is None else (str(self._config),)
        try:
            told = await done_aside("acmedns_py.service.check_process", *arguments, seconds=LONGEST_SECONDS)
            document = msgspec.json.decode(told)
            report = msgspec.convert(document, Report)
        except (AsideFailed, msgspec.DecodeError) as error:
            self._failure = str(error)
            log.error("check_failed", reason=self._failure)
            return False
        seconds = time.monotonic() - clock
        before, after = self._standing, self._standing.after(report)
        self._failure, self._standing = None, after
        self.last = Run(begun, seconds, document, after.problems)
        _tell(report, before, after, seconds)
        return bool(after.suspected - before.suspected)


def _tell(report: Report, before: Standing, after: Standing, seconds: float) -> None:
    """Log what is new, what is gone, and the run."""
    known, found = before.counted, after.counted
    new = [one for key, one in found.items() if key not in known]
    gone = [one for key, one in known.items() if key not in found]
    levels = {Verdict.FAIL: log.error, Verdict.WARN: log.warning}
    for one in new[:MOST_LINES]:
        level = levels.get(one.verdict, log.info)
        level("check_finding_new", finding=one.id, severity=one.severity, subject=one.subject, seen=one.seen)
    for one in gone[:MOST_LINES]:
        log.info("check_finding_gone", finding=one.id, severity=one.severity, subject=one.subject)
    log.info(
        "check_done",
        exit_code=report.exit_code,
        findings=len(found),
        new=len(new),
        gone=len(gone),
        unconfirmed=len(after.suspected),
        not_tested=[section.name for section in report.sections if section.not_tested],
        seconds=round(seconds, 1),
    )
