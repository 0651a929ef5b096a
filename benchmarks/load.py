"""dnsperf on one core, and what it and the server under it say about one run."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.queries import Kind
from benchmarks.servers import Server, program

UDP_TRIED = ((4, 1, 200), (8, 4, 200), (8, 8, 200), (16, 16, 240))
TCP_TRIED = ((4, 1, 200), (8, 8, 200), (8, 8, 800))
"""Clients, threads, queries in flight. Which of these loads a server most depends on machine and kernel."""

TRIAL_SECONDS = 0.5
TRIALS = 2


@dataclass(frozen=True, slots=True)
class Run:
    """One run: answers a second, the part of the time for which the server computed, the part of answers lost."""

    rate: float
    busy: float
    lost: float

    @property
    def microseconds(self) -> float:
        """Give what one answer took of the server's threads, which a disturbed machine moves less than the rate."""
        return self.busy / self.rate * 1e6


def hardest(server: Server, queries: Path, kind: Kind, *, core: str | None) -> tuple[str, ...]:
    """Try dnsperf's options on a server and give those under which it answers most."""
    tried: dict[tuple[str, ...], float] = {}
    for _ in range(TRIALS):
        for clients, threads, in_flight in TCP_TRIED if kind.tcp else UDP_TRIED:
            options = ("-c", f"{clients}", "-T", f"{threads}", "-q", f"{in_flight}")
            rate = run(server, queries, kind, options=options, seconds=TRIAL_SECONDS, core=core).rate
            tried[options] = max(rate, tried.get(options, 0.0))
    return max(tried, key=lambda options: tried[options])


def run(
    server: Server,
    queries: Path,
    kind: Kind,
    *,
    options: tuple[str, ...],
    seconds: float = 0,
    times: int = 0,
    core: str | None,
) -> Run:
    """Load a server for some seconds, or with the file so many times; fails where none or wrong ones are answered."""
    place = [] if core is None else [str(program("taskset")), "-c", core]
    limit = ["-l", f"{seconds:g}"] if seconds else ["-n", str(times)]
    command = [str(program("dnsperf")), "-s", "127.0.0.1", "-p", str(server.port), "-B", "-d", str(queries)]
    # A query that was lost to a full buffer would otherwise hold its place for five seconds.
    command += ["-m", "tcp" if kind.tcp else "udp", "-t", "1"]
    computed, began = server.cpu_seconds(), time.perf_counter()
    done = subprocess.run(
        [*place, *command, *options, *limit], capture_output=True, text=True, check=True, timeout=seconds + 120
    )
    busy = (server.cpu_seconds() - computed) / (time.perf_counter() - began)
    output = done.stdout
    sent, lost = _number(r"Queries sent:\s+(\d+)", output), _number(r"Queries lost:\s+(\d+)", output)
    if lost >= sent:
        raise SystemExit(f"{server.name} answers no {kind.name}:\n{output}")
    codes = set(re.findall(r"([A-Z]+) \d+ \(", output))
    if not codes <= kind.rcodes:
        raise SystemExit(f"{server.name} answers {kind.name} with {', '.join(sorted(codes))}:\n{output}")
    return Run(_number(r"Queries per second:\s+([\d.]+)", output), busy, lost / sent)


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise SystemExit(f"dnsperf said something unexpected:\n{output}")
    return float(found[1])
