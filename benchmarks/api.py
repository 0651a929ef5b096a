"""Updates and registrations a second: 32 clients with keep-alive connections, durable SQLite, two DNS workers."""

import asyncio
from collections.abc import Sequence
from functools import partial

from benchmarks import builds, clients, machine, servers, throughput, zones
from benchmarks.clients import Api
from benchmarks.report import Row, Settings

CLIENTS = 32
ACCOUNTS_EACH = 10


def run(settings: Settings) -> list[Row]:
    """Measure both and print the medians."""
    build = builds.builds(settings.folder)[0]
    database = zones.database(settings.folder, throughput.RECIPE, called="api")
    with servers.ours(settings.folder / "api", database, build, workers=2) as ours:
        updates, registrations = asyncio.run(_measure(Api(ours.api_port), settings))
    print(
        f"\nAPI, {CLIENTS} clients, beside {throughput.RECIPE.accounts:,} names,"
        f" medians of {settings.rounds} x {settings.seconds:g} s; clients share the cores"
    )
    rows = []
    for what, figures in (("/update", updates), ("/register", registrations)):
        print(f"  {what:10} {machine.median(figures):8,.0f} a second   ({', '.join(f'{f:,.0f}' for f in figures)})")
        rows.append(Row(f"{what}, {CLIENTS} clients", machine.median(figures), " a second"))
    print("  every answer counted is 200 or 201: durable, and served by every worker")
    return rows


async def _measure(api: Api, settings: Settings) -> tuple[list[float], list[float]]:
    accounts = await api.accounts(CLIENTS * ACCOUNTS_EACH)
    for account in accounts:
        # The first login of each is hashed; those that follow are remembered, as with a fleet that renews.
        status, body = await api.call(api.update(account, 0))
        assert status == 200, body
    each = [accounts[number::CLIENTS] for number in range(CLIENTS)]
    makers = [partial(_next_update, api, mine) for mine in each]
    updates = [await _rate(api, makers, settings.seconds, 200) for _ in range(settings.rounds)]
    register = api.request("POST", "/register")
    registrations = [
        await _rate(api, [lambda _number: register] * CLIENTS, settings.seconds, 201) for _ in range(settings.rounds)
    ]
    return updates, registrations


def _next_update(api: Api, accounts: list[dict[str, str]], number: int) -> bytes:
    return api.update(accounts[number % len(accounts)], number)


async def _rate(api: Api, makers: Sequence[clients.Request], seconds: float, expect: int) -> float:
    count, took = await api.load(makers, seconds=seconds, expect=expect, apart=True)
    return count / took
