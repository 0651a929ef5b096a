"""Many accounts with two values each: what that does to speed beside NSD, to memory, and to the time to be ready."""

from collections import defaultdict
from contextlib import ExitStack

from benchmarks import builds, load, machine, queries, servers, zones
from benchmarks.load import Run
from benchmarks.queries import TXT
from benchmarks.report import Row, Settings, table

MANY, FEW = 1_000_000, 10_000
VALUES = 2
STARTS = 3
"""A start of many takes long, and varies little."""

ONCE = ("-c", "16", "-q", "200")
"""Where every name is only to be asked for; from several ports, so that each worker gets its part."""

MIB = 1 << 20


def speed(settings: Settings) -> list[Row]:
    """Ask for all names in random order, few and many in turns: as many queries of either, of NSD and of ours."""
    server_core, client_core = machine.cores()
    build = builds.builds(settings.folder)[0]
    times = {FEW: settings.many // FEW, settings.many: 1}
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    with ExitStack() as stack:
        standing = []
        for accounts in times:
            recipe = zones.Recipe(accounts, VALUES)
            file = settings.folder / f"queries-{accounts}"
            queries.write(file, queries.messages(TXT, recipe.labels(), port=0))
            zone = settings.folder / f"zone-{accounts}"
            zones.zone_file(zone, recipe)
            nsd = servers.nsd(settings.folder / f"nsd-{accounts}", zone, core=server_core)
            database = zones.database(settings.folder, recipe, called=f"{accounts}")
            ours = servers.ours(settings.folder / f"ours-{accounts}", database, build, workers=1, core=server_core)
            standing += [(stack.enter_context(nsd), accounts, file), (stack.enter_context(ours), accounts, file)]
        nsd_of_few, _, few = standing[0]
        options = load.hardest(nsd_of_few, few, TXT, core=client_core)
        for _ in range(settings.rounds):
            for server, accounts, file in standing:
                run = load.run(server, file, TXT, options=options, times=times[accounts], core=client_core)
                runs[server.name, accounts].append(run)
    rates = {key: [run.rate for run in made] for key, made in runs.items()}
    of_nsd = {
        accounts: [
            one / other for one, other in zip(rates[build.name, accounts], rates[servers.NSD, accounts], strict=True)
        ]
        for accounts in times
    }
    lines = [
        (
            f"{accounts:,}",
            who,
            f"{machine.median(rates[who, accounts]):,.0f}",
            f"{machine.median([run.busy for run in made]):.0%}",
            f"{machine.median([run.microseconds for run in made]):.1f}",
            " ".join(f"{run.rate / 1000:.0f}" for run in made),
        )
        for (who, accounts), made in runs.items()
    ]
    print(
        f"\nTXT over UDP, {VALUES} values each, every name asked once or {times[FEW]} times, in random order\n"
        f"{table(('accounts', 'server', 'queries/s', 'busy', 'µs each', 'runs, thousands'), lines)}"
    )
    for accounts, ratios in of_nsd.items():
        print(f"  {accounts:,} accounts: {machine.median(ratios):.2f} of NSD")
    change = machine.ratio(of_nsd[settings.many], of_nsd[FEW])
    what = f"{settings.many:,} accounts, ratio to NSD against that at {FEW:,}, {build.name}"
    return [Row(what, change, "", *_limits(settings, 0.85, 0.97))]


def size(settings: Settings) -> list[Row]:
    """Start the whole service, alone on the machine, and weigh it before and after every name was asked for once."""
    recipe = zones.Recipe(settings.many, VALUES)
    build = builds.builds(settings.folder)[0]
    database = zones.database(settings.folder, recipe, called="many")
    file = queries.write(settings.folder / "queries", queries.messages(TXT, recipe.labels(), port=0))
    figures: list[tuple[float, float, float]] = []
    for number in range(min(settings.rounds, STARTS)):
        with servers.ours(settings.folder / f"start-{number}", database, build, workers=2) as ours:
            fresh = ours.memory_octets()
            load.run(ours, file, TXT, options=ONCE, times=1, core=None)
            figures.append((ours.start_seconds, fresh / MIB, ours.memory_octets() / MIB))
    zone = settings.folder / "zone"
    zones.zone_file(zone, recipe)
    with servers.nsd(settings.folder / "nsd", zone, processes=2) as nsd:
        fresh = nsd.memory_octets()
        load.run(nsd, file, TXT, options=ONCE, times=1, core=None)
        others = (nsd.start_seconds, fresh / MIB, nsd.memory_octets() / MIB)
    lines = [
        (who, *(f"{figure:,.1f}" for figure in three))
        for who, three in [*((f"{build.name}, 2 workers", one) for one in figures), ("NSD, 2 processes", others)]
    ]
    heads = ("server", "seconds to ready", "MiB when ready", "MiB after each name was asked")
    print(f"\n{settings.many:,} accounts with {VALUES} values, all processes, PSS; SQLite file in the page cache")
    print(table(heads, lines))
    start, _, asked = (machine.median(column) for column in zip(*figures, strict=True))
    many = f"{settings.many:,} accounts"
    return [
        Row(f"memory of all processes, {many}, 2 workers", asked, " MiB", *_limits(settings, 768, 512), at_most=True),
        Row(f"start to ready, {many}, SQLite", start, " s", *_limits(settings, 20, 8), at_most=True),
    ]


def _limits(settings: Settings, reach: float, aim: float) -> tuple[float | None, float | None]:
    """Give what is asked of a million; fewer are for information."""
    return (reach, aim) if settings.many >= MANY else (None, None)
