"""Fixtures of the API tests: one API on each engine, shared by a module's tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.running import RunningApi, running


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
def sqlite_url(tmp_path) -> str:
    """An empty database for an API with options of its own."""
    return f"sqlite:///{tmp_path}/acmedns.db"
