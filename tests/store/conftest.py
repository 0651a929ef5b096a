"""Stores on both engines for the tests of the store, with what they were told to publish."""

import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import BigInteger, ColumnElement, literal, text

from acmedns_py.accounts.ports import Account
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.feed.changes import Commit, ZoneState
from acmedns_py.feed.image import ZoneImage
from acmedns_py.store.engine import Use, connect, target
from acmedns_py.store.schema import MICROSECONDS, DatabaseClock
from acmedns_py.store.store import SqlStore
from tests.postgres import Postgres
from tests.store.link import Link

APEX = b"\x04auth\x07example\x00"


class HandClock:
    """A database clock that stands still until it is set; in whole seconds since 1970."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000

    def __call__(self) -> ColumnElement[int]:
        """The SQL expression of the time."""
        return literal(self.seconds * MICROSECONDS, BigInteger())


class Opened:
    """An open store with the image that its commits have led to."""

    def __init__(self) -> None:
        self.store: SqlStore = None  # type: ignore[assignment]
        self.commits: list[Commit] = []
        self.image = ZoneImage(ZoneState(0, ChallengeTable(APEX), {}))

    def on_commit(self, commit: Commit) -> None:
        """Take a commit; the image asserts that cursors grow."""
        for one in commit.challenges:
            served = self.image.state().challenges.get(one.owner)
            assert served == one.before, "what is said to have been there was there"
        self.image.apply(commit)
        self.commits.append(commit)

    def served(self) -> ZoneState:
        """What the commits have led to."""
        return self.image.state()

    async def new_account(self, *, label: str | None = None) -> Account:
        """A registered account, as the API finds it."""
        username = str(uuid.uuid4())
        await self.store.register(
            username=username, label=label or str(uuid.uuid4()), allow_from=["192.0.2.0/24"], verifier=f"v-{username}"
        )
        account = await self.store.account(username)
        assert account is not None
        return account

    def values(self, account: Account) -> tuple[bytes, ...] | None:
        """What is published for an account."""
        return self.image.state().challenges.get(owner(account))

    async def loaded(self, account: Account) -> tuple[bytes, ...] | None:
        """What the database holds for an account."""
        return (await self.store.load()).challenges.get(owner(account))


def owner(account: Account) -> bytes:
    """The challenge name of an account."""
    return bytes([len(account.label)]) + account.label.encode() + APEX


OpenStore = Callable[..., Awaitable[Opened]]


@pytest.fixture
async def open_at() -> AsyncIterator[OpenStore]:
    """Opens stores at a URL that are closed at the end of the test."""
    opened: list[Opened] = []

    async def make(url: str, **options: Any) -> Opened:
        one = Opened()
        arguments = {"apex": APEX, "window_seconds": 3600, "max_values": 100, "clock": DatabaseClock, **options}
        one.store = await SqlStore.open(url, on_commit=one.on_commit, served=one.served, **arguments)
        one.image = ZoneImage(await one.store.load())
        opened.append(one)
        return one

    yield make
    for one in opened:
        await one.store.close()


@pytest.fixture
def open_store(open_at: OpenStore, database_url: str) -> OpenStore:
    """Opens stores on the test's database, once on each engine."""

    async def make(**options: Any) -> Opened:
        return await open_at(database_url, **options)

    return make


@pytest.fixture
async def opened(open_store: OpenStore) -> Opened:
    """One open store."""
    return await open_store()


@pytest.fixture
async def link(postgres: Postgres) -> AsyncIterator[Link]:
    """A link to the session's server."""
    one = Link(postgres.port)
    await one.open()
    yield one
    one.server.close()


Sql = Callable[..., Awaitable[list[Any]]]


async def execute(url: str, *statements: str) -> list[Any]:
    """Run statements on a database behind the store's back; gives the rows of the last."""
    engine = connect(target(url), Use.LONG)
    rows: list[Any] = []
    try:
        async with engine.begin() as connection:
            for statement in statements:
                found = await connection.execute(text(statement))
                rows = [tuple(row) for row in found] if found.returns_rows else []
    finally:
        await engine.dispose()
    return rows


@pytest.fixture
def sql(database_url: str) -> Sql:
    """Runs statements on the test's database behind the store's back."""
    return partial(execute, database_url)


numbers = itertools.count()


def a_value() -> str:
    """A value of the length that clients write, never the same twice."""
    return f"{next(numbers):043}"
