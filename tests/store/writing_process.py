"""A process that writes to a store for ever and says on stdout what was acknowledged: "LABEL VALUE" a line."""

import asyncio
import sys
import uuid

import structlog

from acmedns_py.feed.changes import Commit
from acmedns_py.store.store import SqlStore
from tests.store.conftest import APEX

CLIENTS = 8


async def main(url: str) -> None:
    """Write until killed."""
    published: set[int] = set()

    def on_commit(commit: Commit) -> None:
        published.add(commit.cursor)

    store = await SqlStore.open(url, apex=APEX, window_seconds=3600, max_values=1000, on_commit=on_commit)

    async def client() -> None:
        while True:
            name = str(uuid.uuid4())
            await store.register(username=name, label=name, allow_from=[], verifier="v")
            account = await store.account(name)
            assert account is not None
            print(name, "-", flush=True)
            for _ in range(3):
                value = uuid.uuid4().hex
                written = await store.add_value(account, value)
                assert written.cursor in published
                print(name, value, flush=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())


structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
asyncio.run(main(sys.argv[1]))
