"""Fixtures of the API tests: one API on each engine, shared by a module's tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import make_url

from tests.api.running import RunningApi, running
from tests.postgres import Postgres


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningApi]:
    """An API with default options."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('api')}/acmedns.db"
    else:
        url = request.getfixturevalue("postgres_module_url")
    async with running(url) as served:
        yield served


@pytest.fixture
def postgres_url(postgres: Postgres, with_tables: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, which has its tables: to make them takes longer than most tests."""
    name = postgres.make_database(with_tables)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def lose_database(request: pytest.FixtureRequest, database_url: str) -> Callable[[], None]:
    """Takes the database of `database_url` away for good: SQLite's file, or every connection to PostgreSQL's."""
    place = make_url(database_url).database
    assert place is not None
    if database_url.startswith("sqlite"):
        return Path(place).unlink
    server = request.getfixturevalue("postgres")

    def close() -> None:
        server.sql(f"ALTER DATABASE {place} ALLOW_CONNECTIONS false")
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place}'")  # noqa: S608

    return close


@pytest.fixture
def sqlite_url(tmp_path) -> str:
    """An empty database for an API whose tests touch it too little for its engine to matter."""
    return f"sqlite:///{tmp_path}/acmedns.db"
