"""DNS latency at a fixed 1,000 queries a second: idle, under floods of wrong logins, and under updates, in turns."""

import asyncio
import json
import subprocess
import sys
from collections import defaultdict

from benchmarks import builds, machine, pressure, servers, throughput, zones
from benchmarks.clients import Api
from benchmarks.probe import NAMES, RATE, Seen
from benchmarks.report import Row, Settings, table
from benchmarks.servers import Server

ACCOUNTS = 128
LONGER_SECONDS = 1.0
"""How much longer than the probe the pressure lasts, so that the probe never sees an end of it."""

IDLE = "idle"
KINDS = {
    pressure.TOGETHER: f"{pressure.CLIENTS} clients with wrong logins, one network",
    pressure.APART: f"{pressure.CLIENTS} clients with wrong logins, {pressure.CLIENTS} networks",
    pressure.UPDATING: f"{pressure.UPDATES:,} updates/s, known credentials",
}
"""From one network the limits refuse most without a hash; from many every hashing thread is busy all the time."""


def run(settings: Settings) -> list[Row]:
    """Measure, alternating, and print medians of the 99th percentile."""
    build = builds.builds(settings.folder)[0]
    database = zones.database(settings.folder, throughput.RECIPE, called="latency")
    assert throughput.RECIPE.accounts >= NAMES, "the probe asks for names that exist"
    seen: dict[str, list[Seen]] = defaultdict(list)
    pace: dict[str, list[float]] = defaultdict(list)
    with servers.ours(settings.folder / "latency", database, build, workers=2) as ours:
        accounts = asyncio.run(_known(Api(ours.api_port)))
        for _ in range(settings.rounds):
            seen[IDLE].append(_probed(ours, settings.seconds))
            for kind in KINDS:
                one, answers = _pressed(ours, kind, settings.seconds, accounts)
                seen[kind].append(one)
                pace[kind].append(answers)
    idle = [one.percentile_99 for one in seen[IDLE]]
    lines = []
    for kind, runs in seen.items():
        figures = [one.percentile_99 for one in runs]
        lines.append(
            (
                KINDS.get(kind, kind),
                f"{machine.median([one.median for one in runs]):.3f}",
                f"{machine.median(figures):.3f}",
                f"{machine.ratio(figures, idle):.2f}",
                " ".join(f"{figure:.2f}" for figure in figures),
                f"{sum(one.lost for one in runs)}",
                f"{machine.median(pace[kind]):,.0f}" if pace[kind] else "",
                f"{machine.median([one.late_percentile_99 for one in runs]):.3f}",
                f"{machine.median([one.busy for one in runs]):.0%}",
            )
        )
    heads = ("", "median ms", "p99 ms", "of idle", "p99 of runs", "lost", "API/s", "sent late, p99 ms", "probe busy")
    priority = "real-time priority" if seen[IDLE][0].real_time else "ordinary priority, for want of a right"
    print(
        f"\nDNS at {RATE:,} queries/s over UDP, two workers, {build.name}, medians of {settings.rounds} x"
        f" {settings.seconds:g} s; the probe has {priority}\n{table(heads, lines)}"
    )
    return [
        Row(
            f"p99 of DNS under {words} (answered: {machine.median(pace[kind]):,.0f}/s)",
            machine.ratio([one.percentile_99 for one in seen[kind]], idle),
            " x idle",
            2,
            1.2,
            at_most=True,
        )
        for kind, words in KINDS.items()
    ]


async def _known(api: Api) -> list[dict[str, str]]:
    """Register accounts and log each in once: a hash each, of which what follows is free."""
    accounts = await api.accounts(ACCOUNTS)
    for account in accounts:
        status, body = await api.call(api.update(account, 0))
        assert status == 200, body
    return accounts


def _probed(server: Server, seconds: float) -> Seen:
    command = [sys.executable, "-m", "benchmarks.probe", str(server.port), f"{seconds:g}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 60)
    return Seen(**json.loads(done.stdout))


def _pressed(server: Server, kind: str, seconds: float, accounts: list[dict[str, str]]) -> tuple[Seen, float]:
    """Probe while the API is under pressure; gives what the probe saw, and answers of the API a second."""
    command = [sys.executable, "-m", "benchmarks.pressure", kind, str(server.api_port), f"{seconds + LONGER_SECONDS:g}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(accounts))
        process.stdin.close()
        if process.stdout.readline() != "sending\n":
            raise SystemExit(f"the clients for {KINDS[kind]} did not start")
        seen = _probed(server, seconds)
        answers = float(process.stdout.readline())
    return seen, answers
