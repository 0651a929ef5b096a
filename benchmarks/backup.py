"""A million accounts backed up and restored on each engine, and what a running server's updates feel of a backup."""

import asyncio
import time
from functools import partial
from pathlib import Path

from benchmarks import builds, commands, machine, servers, zones
from benchmarks.clients import Api
from benchmarks.commands import Ran, configure
from benchmarks.many import MANY, MIB, VALUES
from benchmarks.report import Row, Settings, table

IDLE_SECONDS = 20.0
"""Of updates without a backup, to compare with."""


def run(settings: Settings) -> list[Row]:
    """Back up SQLite, restore into SQLite and PostgreSQL, back that up; then back up beside updates."""
    recipe = zones.Recipe(settings.many, VALUES)
    database = zones.database(settings.folder, recipe, called="source")
    file = settings.folder / "backup.jsonl.gz"
    runs: dict[str, tuple[Ran, Ran]] = {}
    source = configure(settings.folder / "source.toml", database)
    out = commands.run("backup", file, "-c", source)
    copy = configure(settings.folder / "copy.toml", f"sqlite:///{settings.folder}/copy.db")
    runs["SQLite"] = out, commands.run("restore", file, "-c", copy)
    with commands.postgresql() as server:
        if server is not None:
            other = configure(settings.folder / "other.toml", server.url(server.make_database()))
            into = commands.run("restore", file, "-c", other)
            runs["PostgreSQL"] = commands.run("backup", "--force", file, "-c", other), into
    idle, beside, grown = _beside_updates(settings, database, source)
    lines = [
        (engine, f"{out.seconds:.0f}", f"{into.seconds:.0f}", f"{max(out.peak_mib, into.peak_mib):.0f}")
        for engine, (out, into) in runs.items()
    ]
    print(f"\n{settings.many:,} accounts with {VALUES} values: {file.stat().st_size / MIB:.0f} MiB compressed")
    print(table(("engine", "backup, s", "restore, s", "MiB at most"), lines))
    print(
        f"  updates of one client: median {machine.median(idle):.1f} ms, beside a backup {machine.median(beside):.1f}; "
        f"99th percentile {_late(idle):.1f} and {_late(beside):.1f} ms; SQLite's log grew to {grown / MIB:.0f} MiB"
    )
    whole = settings.many >= MANY
    rows = []
    for engine, (out, into) in runs.items():
        what = f"of {settings.many:,} accounts, {engine}"
        rows.append(Row(f"backup {what}", out.seconds, " s", *((180, 90) if whole else (None, None)), at_most=True))
        rows.append(Row(f"restore {what}", into.seconds, " s", *((180, 90) if whole else (None, None)), at_most=True))
        peak = max(out.peak_mib, into.peak_mib)
        limits = (512, 256) if whole else (None, None)
        rows.append(Row(f"backup and restore {what}, memory", peak, " MiB", *limits, at_most=True))
    rows.append(Row("median of updates beside a backup", machine.median(beside) / machine.median(idle), " x idle"))
    return rows


def _late(latencies: list[float]) -> float:
    return sorted(latencies)[len(latencies) * 99 // 100]


def _beside_updates(settings: Settings, database: str, config: Path) -> tuple[list[float], list[float], int]:
    """Give the milliseconds of updates before and during a backup, and the size of SQLite's log behind it."""
    build = builds.builds(settings.folder)[0]
    with servers.ours(settings.folder / "serving", database, build, workers=2) as ours:
        idle, beside = asyncio.run(_updates(Api(ours.api_port), settings.folder / "beside.jsonl.gz", config))
        log = Path(f"{database.removeprefix('sqlite:///')}-wal")
        return idle, beside, log.stat().st_size


async def _updates(api: Api, file: Path, config: Path) -> tuple[list[float], list[float]]:
    (account,) = await api.accounts(1)
    number = 0

    async def one() -> float:
        nonlocal number
        number += 1
        began = time.perf_counter()
        status, body = await api.call(api.update(account, number))
        assert status == 200, body
        return (time.perf_counter() - began) * 1000

    await one()
    until = time.perf_counter() + IDLE_SECONDS
    idle = []
    while time.perf_counter() < until:
        idle.append(await one())
    backing_up = asyncio.create_task(asyncio.to_thread(partial(commands.run, "backup", file, "-c", config)))
    beside = []
    while not backing_up.done():
        beside.append(await one())
    await backing_up
    return idle, beside
