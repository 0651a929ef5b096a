"""Backups by the running server: when the next one is due, the process that writes it, which old ones go.

Their state is the files: names have the zone and the time (UTC), so that a server that restarts goes on from the newest
one. The work is done by a process of its own at the lowest priority (`backup_process`): the control process must not
compress while hosts update, and what that process reads is another transaction than the writer's.
"""

import asyncio
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from acmedns_py.errors import BackupRefused
from acmedns_py.store.backup_file import remove_unfinished

RETRY_SECONDS: Final = 900.0
"""Until a backup that failed is tried again; sooner where they are made more often than that."""

END_SECONDS: Final = 1.0
"""What the process gets to end in while the server stops."""

SUFFIX: Final = ".jsonl.gz"

_TIME: Final = "%Y%m%dT%H%M%SZ"

log = structlog.get_logger(__name__)


class Job(msgspec.Struct):
    """What the process is told on its standard input: the database, with its password, the zone, the file."""

    url: str
    zone: str
    file: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Every so many seconds a backup into this directory, of which so many are kept."""

    every_seconds: int
    keep: int
    directory: Path


class Backups:
    """Makes backups for as long as `run` does; `state` is for readiness."""

    def __init__(self, plan: Plan, *, url: str, zone: str) -> None:
        """`url` names the database, its password included."""
        self._plan = plan
        self._url = url
        self._zone = zone
        self._failed = False
        self._last: datetime | None = None
        self._ours = re.compile(rf"{re.escape(zone)}-(\d{{8}}T\d{{6}}Z){re.escape(SUFFIX)}", re.ASCII)

    def state(self) -> dict[str, Any]:
        """The newest backup's time, and whether the last try failed; why, the log says."""
        return {"last": None if self._last is None else self._last.isoformat(), "failed": self._failed}

    async def run(self) -> None:
        """Make each backup when it is due, until cancelled; a failure is logged, and tried again."""
        with suppress(OSError):
            # A directory that is not there yet; one that can't be looked at is said when the backup fails.
            await asyncio.to_thread(self._remove_unfinished)
            made = await asyncio.to_thread(self._made, datetime.now(UTC))
            self._last = made[-1][0] if made else None
        while True:
            await asyncio.sleep(self.due_seconds(datetime.now(UTC)))
            now = datetime.now(UTC)
            try:
                file = await self._make(now)
            except (BackupRefused, OSError) as error:
                self._failed = True
                log.error("backup_failed", directory=str(self._plan.directory), reason=str(error))
                await asyncio.sleep(min(RETRY_SECONDS, self._plan.every_seconds))
                continue
            self._last, self._failed = now.replace(microsecond=0), False
            try:
                await asyncio.to_thread(self._remove_old, now)
            except OSError as error:
                log.warning("backup_not_removed", directory=str(self._plan.directory), reason=str(error))
            log.info("backup_made", file=str(file))

    def due_seconds(self, now: datetime) -> float:
        """Seconds until the next backup is due: so long after the newest, at once where there is none.

        One that was made by a clock that was ahead counts as none, or that clock would put the next one off for years.
        """
        if self._last is None or self._last > now:
            return 0.0
        return max(0.0, (self._last + timedelta(seconds=self._plan.every_seconds) - now).total_seconds())

    def _made(self, now: datetime) -> list[tuple[datetime, Path]]:
        """The zone's backups that are whole, oldest first.

        A file that claims to be of the future, made while the clock was wrong, does not count.
        """
        found = []
        for path in self._plan.directory.iterdir():
            named = self._ours.fullmatch(path.name)
            if named is None:
                continue
            # Digits that are no time are not of ours.
            with suppress(ValueError):
                time = datetime.strptime(named[1], _TIME).replace(tzinfo=UTC)
                if time <= now:
                    found.append((time, path))
        return sorted(found)

    async def _make(self, now: datetime) -> Path:
        await asyncio.to_thread(self._prepare)
        file = self._plan.directory / f"{self._zone}-{now.strftime(_TIME)}{SUFFIX}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "acmedns_py.service.backup_process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, said = await process.communicate(msgspec.json.encode(Job(self._url, self._zone, str(file))))
        except asyncio.CancelledError:
            await _end(process)
            raise
        if process.returncode != 0:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise BackupRefused(last[0] if last else f"its process ended with {process.returncode}")
        return file

    def _prepare(self) -> None:
        directory = self._plan.directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_unfinished()
        except OSError as error:
            raise BackupRefused(
                f"directory {directory} can't be used: {error.strerror}; let user {os.geteuid()} write it, and systemd "
                "by ReadWritePaths="
            ) from error

    def _remove_unfinished(self) -> None:
        """Remove what killed processes have left: as large as a backup, and perhaps a day until the next one."""
        remove_unfinished(self._plan.directory, f"{self._zone}-*{SUFFIX}")

    def _remove_old(self, now: datetime) -> None:
        """Remove all but the newest; to be called when the newest is whole."""
        for _time, path in self._made(now)[: -self._plan.keep]:
            path.unlink()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it take its unfinished file away; not for long, as the server is stopping."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
