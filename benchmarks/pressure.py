"""What is done to the API while DNS is measured: `python -m benchmarks.pressure KIND API_PORT SECONDS < ACCOUNTS`.

It says "sending" when it begins, and at the end how many answers a second it got. It runs at nice 19: it stands for
other machines, whose work is not the server's.
"""

import asyncio
import json
import os
import sys
import uuid
from functools import partial

from benchmarks.clients import Api

CLIENTS = 32
UPDATES = 1_000
TOGETHER, APART, UPDATING = "together", "apart", "updating"
WRONG = "w" * 40


async def press(kind: str, api: Api, seconds: float, accounts: list[dict[str, str]]) -> float:
    """Send until the time is over; gives answers a second."""
    print("sending", flush=True)
    if kind == UPDATING:
        each = [accounts[number::CLIENTS] for number in range(CLIENTS)]
        count, took = await api.load(
            [partial(_next_update, api, mine) for mine in each], seconds=seconds, expect=200, apart=True, rate=UPDATES
        )
        return count / took
    strangers = [{"subdomain": "x", "username": str(uuid.uuid4())} for _ in range(CLIENTS)]
    makers = [partial(api.update, stranger, password=WRONG) for stranger in strangers]
    count, took = await api.load(makers, seconds=seconds, expect=None, apart=kind == APART)
    return count / took


def _next_update(api: Api, accounts: list[dict[str, str]], number: int) -> bytes:
    return api.update(accounts[number % len(accounts)], number)


if __name__ == "__main__":
    os.nice(19)
    _, pressure, port, duration = sys.argv
    print(asyncio.run(press(pressure, Api(int(port)), float(duration), json.load(sys.stdin))))
