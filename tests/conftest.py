"""Fixtures of the whole suite: real databases and the real server on each of them."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests.server import Server

pytest_plugins = ["tests.postgres", "tests.acme_dns"]

# Whoever starts the suite in the background of a script has it ignore interrupts, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Properties are held to no time: the machine may be busy.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


LOG_AT_FIRST = structlog.get_config()


@pytest.fixture(autouse=True)
def log_is_as_at_first() -> None:
    """A command that a test, or what is made for a module, runs here sets the log up on a stream that is closed then."""
    structlog.configure(**LOG_AT_FIRST)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/acmedns.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers, not yet started, that are gone at the end of the test."""
    made: list[Server] = []

    def make(**options: object) -> Server:
        folder = tmp_path / f"server{len(made)}"
        folder.mkdir()
        options.setdefault("database_url", f"sqlite:///{folder}/acmedns.db")
        server = Server(folder, **options)  # type: ignore[arg-type]
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server on each engine, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("server")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/acmedns.db"
    else:
        url = request.getfixturevalue("postgres_module_url")
    running = Server(folder, database_url=url).start()
    yield running
    running.close()
