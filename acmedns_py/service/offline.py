"""The operator's routes on the database itself, where no server runs: the same use cases, under its exclusive lock.

No worker is there to wait for: the next start serves what was committed.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from acmedns_py.accounts.administration import Operator
from acmedns_py.accounts.audit import OFFLINE
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.api.admin import AdminRoutes
from acmedns_py.api.asked import Asked, Told
from acmedns_py.api.local import user_name
from acmedns_py.config.settings import Settings
from acmedns_py.errors import StoreRefused
from acmedns_py.log import configure_command
from acmedns_py.service import compose
from acmedns_py.service.door import Door, good
from acmedns_py.store.store import SqlStore


@contextmanager
def open_database(settings: Settings, path: Path) -> Iterator[Door]:
    """Give the routes for as long as the block lasts; at the socket's `path` no server listens.

    Raises `StoreRefused` where there is no database to work on.
    """
    # What is told to people stands in the answers; what is left are warnings.
    configure_command()
    with asyncio.Runner() as runner, closing(HashPool()) as hashes:
        undo = AsyncExitStack()
        try:
            store = runner.run(undo.enter_async_context(compose.offline_store(settings)))
        except StoreRefused as error:
            raise StoreRefused(f"no server listens at {path}, and {error}") from error
        try:
            yield _OfflineDoor(runner, _routes(settings, store, hashes))
        finally:
            runner.run(undo.aclose())


class _OfflineDoor:
    def __init__(self, runner: asyncio.Runner, routes: AdminRoutes) -> None:
        self._runner = runner
        self._routes = routes
        self._operator = Operator(user_name(os.getuid()), OFFLINE)

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        octets = b"" if body is None else msgspec.json.encode(body)
        told: Told = self._runner.run(self._routes.answer(Asked(method, path, query or {}, octets, self._operator)))
        # As it comes from a socket, so that commands see one form.
        document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told.document))
        return good(told.status, document)


class _Nobody:
    """A publisher without workers."""

    async def served(self, cursor: int) -> None:
        """Return at once."""


def _routes(settings: Settings, store: SqlStore, hashes: HashPool) -> AdminRoutes:
    return compose.admin_routes(
        settings,
        store=store,
        publisher=_Nobody(),
        hashes=hashes,
        forget=lambda _username: None,
        keeper=None,
        canaries=None,
        checker=None,
        traces=None,
        live=None,
    )
