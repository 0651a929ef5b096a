"""The operator's hand on a million accounts: what pages, filters, single accounts and changes take, and what waits."""

import threading
import time
from collections.abc import Callable
from functools import partial

from acmedns_py.config.load import load
from acmedns_py.service.door import Door, open_door
from benchmarks import machine, zones
from benchmarks.many import MANY, VALUES
from benchmarks.report import Row, Settings, table
from tests.server import Server

PAGE = 1_000
ACCOUNTS = "/admin/v1/accounts"
FILTERS = {
    "label": {"label": "no such text"},
    "last_from": {"last_from": "192.0.2.1"},
    "unused_since": {"unused_since": "2000-01-01"},
    "never_updated": {"never_updated": "false"},
    "disabled": {"disabled": "true"},
}
"""None of the accounts is let through, so that each is looked at."""


def run(settings: Settings) -> list[Row]:
    """Ask through the local socket of a running server, as the commands do."""
    recipe = zones.Recipe(settings.many, VALUES)
    url = zones.database(settings.folder, recipe, called="acmedns")
    server = Server(settings.folder, database_url=url, zone=zones.ZONE).start()
    try:
        with open_door(load(server.config, {}).settings) as door:
            figures, longest, idle = _measured(settings, server, door, next(iter(recipe.labels())))
    finally:
        server.close()
    print(f"\n{settings.many:,} accounts with {VALUES} values, SQLite, through the local socket, load {machine.load()}")
    print(table(("what", "milliseconds"), [(what, f"{seconds * 1e3:,.1f}") for what, seconds in figures.items()]))
    print(f"  longest answer of /health meanwhile: {longest * 1e3:.1f} ms, before: {idle * 1e3:.1f} ms")
    whole = settings.many >= MANY
    slowest = max(figures[f"list, filter {name}"] for name in FILTERS)
    pages = figures["list, last page"] / figures["list, first page"]
    return [
        Row("last page of the list against the first", pages, "", *_limits(whole, 1.5, 1.2), at_most=True),
        Row("slowest filter that nothing fits", slowest, " s", *_limits(whole, 5, 1), at_most=True),
        Row("longest answer of the API meanwhile", longest, " s", *_limits(whole, 0.5, 0.1), at_most=True),
    ]


def _measured(settings: Settings, server: Server, door: Door, label: str) -> tuple[dict[str, float], float, float]:
    def page(after: int, **query: str) -> int | None:
        document = door.ask("GET", ACCOUNTS, query={**query, "after": str(after), "limit": str(PAGE)})
        following: int | None = document["next"]
        return following

    def everything() -> None:
        after: int | None = 0
        while after is not None:
            after = page(after)

    def usual(work: Callable[[], object]) -> float:
        return machine.median([_seconds(work) for _ in range(max(3, settings.rounds))])

    figures = {
        "list, first page": usual(lambda: page(0)),
        "list, last page": usual(lambda: page(settings.many - PAGE)),
        "list, all pages": _seconds(everything),
        "show": usual(lambda: door.ask("GET", f"{ACCOUNTS}/{label}")),
        "stats": usual(lambda: door.ask("GET", "/admin/v1/stats")),
        "new": usual(lambda: door.ask("POST", ACCOUNTS, body={})),
    }
    made = [door.ask("POST", ACCOUNTS, body={})["username"] for _ in range(max(3, settings.rounds))]
    figures["delete"] = usual(lambda: door.ask("DELETE", f"{ACCOUNTS}/{made.pop()}"))

    def filters() -> None:
        for name, query in FILTERS.items():
            figures[f"list, filter {name}"] = usual(partial(page, 0, **query))

    health = _Health(server)
    idle = health.longest_while(lambda: time.sleep(settings.seconds))
    longest = health.longest_while(filters)
    return figures, longest, idle


class _Health:
    """Asks the API again and again while something else goes on."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def longest_while(self, work: Callable[[], object]) -> float:
        """Give the longest answer in seconds."""
        done = threading.Event()
        times: list[float] = []

        def ask() -> None:
            while not done.is_set():
                times.append(_seconds(lambda: self._server.request("GET", "/health")))
                time.sleep(0.01)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            work()
        finally:
            done.set()
            asking.join()
        return max(times)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _limits(whole: bool, reach: float, aim: float) -> tuple[float | None, float | None]:  # noqa: FBT001 - read at a glance
    return (reach, aim) if whole else (None, None)
