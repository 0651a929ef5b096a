"""Updates and registrations a second: 32 clients with keep-alive connections, durable SQLite, two DNS workers."""

import asyncio
from functools import partial
from pathlib import Path

from benchmarks import clients, machine, servers

CLIENTS = 32
ACCOUNTS_EACH = 10
ROUNDS = 3
SECONDS = 5.0
NAMES = 10_000


def run(folder: Path) -> None:
    """Measure both and print the medians."""
    database = servers.fill(folder, servers.labels(NAMES))
    with servers.ours(folder, database, workers=2):
        updates, registrations = asyncio.run(_measure())
    print(
        f"\nAPI, {CLIENTS} clients, beside {NAMES} names, median of {ROUNDS} x {SECONDS:g} s; clients share the cores"
    )
    for what, figures in (("/update", updates), ("/register", registrations)):
        print(f"  {what:10} {machine.median(figures):8,.0f} a second   ({', '.join(f'{f:,.0f}' for f in figures)})")
    print("  every answer counted is 200 or 201: durable, and served by every worker")


async def _measure() -> tuple[list[float], list[float]]:
    accounts = await clients.accounts(CLIENTS * ACCOUNTS_EACH)
    for account in accounts:
        # The first login of each is hashed; those that follow are remembered, as with a fleet that renews.
        status, body = await clients.call(clients.update(account, 0))
        assert status == 200, body
    each = [accounts[number::CLIENTS] for number in range(CLIENTS)]
    updates = [await _rate([partial(_next_update, mine) for mine in each], 200) for _ in range(ROUNDS)]
    register = clients.request("POST", "/register")
    registrations = [await _rate([lambda _number: register] * CLIENTS, 201) for _ in range(ROUNDS)]
    return updates, registrations


def _next_update(accounts: list[dict[str, str]], number: int) -> bytes:
    return clients.update(accounts[number % len(accounts)], number)


async def _rate(makers: list[clients.Request], expect: int) -> float:
    count, took = await clients.load(makers, seconds=SECONDS, expect=expect, apart=True)
    return count / took
