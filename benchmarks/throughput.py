"""Queries a second on one core: ours with one worker, NSD and Knot, in turns, for each kind of query."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from urllib.request import urlopen

from benchmarks import builds, load, machine, queries, servers, zones
from benchmarks.load import Run
from benchmarks.queries import CASE, COOKIE, MIX, NODATA, NXDOMAIN, TCP, TXT, Kind
from benchmarks.report import Row, Settings, table
from benchmarks.servers import Server
from tests.server import free_port

RECIPE = zones.Recipe(accounts=10_000, values=1)
KINDS = {
    "txt": TXT,
    "cookies": COOKIE,
    "case": CASE,
    "nxdomain": NXDOMAIN,
    "nodata": NODATA,
    "tcp": TCP,
    "mixed": MIX,
}
UNSEEN = 60_000
"""A limit of equal responses a second that is counted with, and never met: each of 10,000 names gets far fewer."""

CEILING = 0.9
"""A server that computes for less of the time waits for dnsperf."""

TO_NSD = {builds.PURE: (0.45, 0.6), builds.BATCH: (0.85, 1.0)}
TO_PLAIN = {COOKIE, CASE, NXDOMAIN, NODATA}

Runs = dict[tuple[Kind, str], list[Run]]


def kinds(settings: Settings, wanted: Sequence[Kind]) -> list[Row]:
    """Measure these kinds, each beside plain TXT, which the others are compared with."""
    asked = list(dict.fromkeys((TXT, *wanted)))
    server_core, client_core = machine.cores()
    with ExitStack() as stack:
        ours = builds.builds(settings.folder)
        standing = _others(stack, settings, core=server_core, workers=1)
        for build in ours:
            folder = settings.folder / build.name
            database = zones.database(settings.folder, RECIPE, called=build.name)
            standing.append(stack.enter_context(servers.ours(folder, database, build, workers=1, core=server_core)))
        runs = _measure(settings, standing, asked, core=client_core)
    print(
        f"\nUDP and TCP, {RECIPE.accounts:,} accounts, server on one core, dnsperf on the other,"
        f" medians of {settings.rounds} x {settings.seconds:g} s\n{_table(runs, [s.name for s in standing])}"
    )
    return _rows(runs, asked, [build.name for build in ours])


def cores(settings: Settings) -> list[Row]:
    """Measure with all cores for servers and dnsperf together, for information."""
    with ExitStack() as stack:
        standing = _others(stack, settings, core=None, workers=2)
        for build in builds.builds(settings.folder):
            folder = settings.folder / build.name
            database = zones.database(settings.folder, RECIPE, called=build.name)
            standing.append(stack.enter_context(servers.ours(folder, database, build, workers=2)))
        runs = _measure(settings, standing, [TXT], core=None)
    print(
        f"\nTXT over UDP, two workers or processes, all cores shared with dnsperf\n"
        f"{_table(runs, [s.name for s in standing])}"
    )
    return [
        Row(f"TXT over UDP, all cores, {server.name}", _ratio(runs, (TXT, server.name), (TXT, servers.NSD)), " of NSD")
        for server in standing[2:]
    ]


def rate_limit(settings: Settings) -> list[Row]:
    """Measure what counting responses for each network costs, for information."""
    server_core, client_core = machine.cores()
    rows = []
    for build in builds.builds(settings.folder):
        with ExitStack() as stack:
            standing = []
            for what, limit in (("off", 0), ("on", UNSEEN)):
                folder = settings.folder / f"{build.name}-{what}"
                database = zones.database(settings.folder, RECIPE, called=folder.name)
                server = servers.ours(folder, database, build, workers=1, core=server_core, rate_limit=limit)
                standing.append(replace(stack.enter_context(server), name=f"{build.name}, limit {what}"))
            runs = _measure(settings, standing, [TXT], core=client_core)
        off, on = (server.name for server in standing)
        print(f"\nResponse rate limiting, one core\n{_table(runs, [off, on])}")
        rows.append(Row(f"TXT over UDP, {on}", _ratio(runs, (TXT, on), (TXT, off)), " of off"))
    return rows


def metrics(settings: Settings) -> list[Row]:
    """Measure what all metrics together cost: counted and read each second, against a build that counts nothing.

    By the time of the server's threads, which a busy machine moves less than the rate.
    """
    server_core, client_core = machine.cores()
    port = free_port()
    with ExitStack() as stack:
        standing = []
        for what, build in (
            ("not counted", builds.uncounted(settings.folder)),
            ("counted", builds.builds(settings.folder)[0]),
        ):
            folder = settings.folder / what.replace(" ", "-")
            database = zones.database(settings.folder, RECIPE, called=folder.name)
            read = port if what == "counted" else 0
            server = servers.ours(folder, database, build, workers=1, core=server_core, metrics_port=read)
            standing.append(replace(stack.enter_context(server), name=what))
        stack.enter_context(_read_each_second(port))
        runs = _measure(settings, standing, [TXT, MIX], core=client_core)
    print(f"\nMetrics, one core\n{_table(runs, [server.name for server in standing])}")
    rows = []
    for kind in (TXT, MIX):
        cost = _cost_ratio(runs, (kind, "counted"), (kind, "not counted"))
        rows.append(Row(f"time for an answer, metrics on, {kind.name}", cost, " of off", 1.05, 1.03, at_most=True))
    return rows


@contextmanager
def _read_each_second(port: int) -> Iterator[None]:
    """Read /metrics as often as no Prometheus does, until the end of the block."""
    over = threading.Event()

    def read() -> None:
        while not over.wait(1.0):
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                answer.read()

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        try:
            yield
        finally:
            over.set()
            reading.result()


def _others(stack: ExitStack, settings: Settings, *, core: str | None, workers: int) -> list[Server]:
    zone = settings.folder / "zone"
    zones.zone_file(zone, RECIPE)
    return [
        stack.enter_context(servers.nsd(settings.folder / "nsd", zone, processes=workers, core=core)),
        stack.enter_context(servers.knot(settings.folder / "knot", zone, workers=workers, core=core)),
    ]


def _measure(settings: Settings, standing: Sequence[Server], asked: Sequence[Kind], *, core: str | None) -> Runs:
    """Load the servers in turns, each second round backwards, so that none always has the same neighbour."""
    labels = RECIPE.labels()
    runs: Runs = defaultdict(list)
    plain = queries.write(settings.folder / "plain", queries.messages(TXT, labels, port=0))
    options: dict[bool, tuple[str, ...]] = {}
    for kind in asked:
        if kind.tcp not in options:
            options[kind.tcp] = load.hardest(standing[0], plain, kind, core=core)
            print(f"\n  {standing[0].name} answers {kind.name} fastest to dnsperf {' '.join(options[kind.tcp])}")
    for number in range(settings.rounds):
        for kind in asked:
            for server in standing if number % 2 == 0 else reversed(standing):
                file = settings.folder / f"{kind.name}-{server.port}".replace(" ", "-")
                # Cookies are made anew for each round: a server may give them an hour (RFC 9018 4.3).
                if kind is COOKIE or not file.exists():
                    queries.write(file, queries.messages(kind, labels, port=server.port))
                run = load.run(server, file, kind, options=options[kind.tcp], seconds=settings.seconds, core=core)
                runs[kind, server.name].append(run)
    return runs


def _ratio(runs: Runs, one: tuple[Kind, str], to: tuple[Kind, str]) -> float:
    return machine.ratio([run.rate for run in runs[one]], [run.rate for run in runs[to]])


def _cost_ratio(runs: Runs, one: tuple[Kind, str], to: tuple[Kind, str]) -> float:
    return machine.ratio([run.microseconds for run in runs[one]], [run.microseconds for run in runs[to]])


def _table(runs: Runs, names: Sequence[str]) -> str:
    """Give the rates; where a server was not busy, dnsperf was the limit and the figure is a lower bound."""
    lines = []
    for kind, who in runs:
        rates = [run.rate for run in runs[kind, who]]
        busy = machine.median([run.busy for run in runs[kind, who]])
        lines.append(
            (
                kind.name,
                who,
                f"{machine.median(rates):,.0f}{'' if busy >= CEILING else '+'}",
                f"{_ratio(runs, (kind, who), (kind, names[0])):.2f}",
                f"{_ratio(runs, (kind, who), (TXT, who)):.2f}",
                f"{busy:.0%}",
                f"{machine.median([run.microseconds for run in runs[kind, who]]):.1f}",
                f"{max(run.lost for run in runs[kind, who]):.1%}",
                " ".join(f"{rate / 1000:.0f}" for rate in rates),
            )
        )
    heads = (
        "kind",
        "server",
        "queries/s",
        f"of {names[0]}",
        "of its TXT",
        "busy",
        "µs each",
        "lost",
        "runs, thousands",
    )
    return f"{table(heads, lines)}\n  +: the server was idle at times: dnsperf was the limit, or others on the machine"


def _rows(runs: Runs, asked: Sequence[Kind], ours: Sequence[str]) -> list[Row]:
    rows = []
    for kind in asked:
        for who in ours:
            to_nsd = _ratio(runs, (kind, who), (kind, servers.NSD))
            to_plain = _ratio(runs, (kind, who), (TXT, who))
            if kind is TXT:
                rows.append(Row(f"TXT over UDP, one core, {who}", to_nsd, " of NSD", *TO_NSD[who]))
            elif kind is TCP:
                rows.append(Row(f"TXT over TCP, kept open, pipelined, {who}", to_nsd, " of NSD", 0.3, 0.6))
            elif kind in TO_PLAIN:
                rows.append(Row(f"{kind.name}, {who}", to_plain, " of plain", 0.7, 0.9))
            else:
                rows.append(Row(f"{kind.name} traffic, {who}", to_nsd, " of NSD"))
    return rows
