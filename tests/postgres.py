"""A real PostgreSQL for the tests: started once a session, a fresh database for each test, killable.

Found in PATH or where Debian keeps it. Missing, the tests that need it are skipped by name, or fail where CI=true.
As root the server runs as another user, because it refuses to run as root.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from acmedns_py.store.engine import target
from acmedns_py.store.migrate import migrate
from tests.server import free_port

USER = "acmedns"
PASSWORD = "right-password"
_LOOPBACK = "127.0.0.1"
_START_SECONDS = 60
_REAP_SECONDS = 5


def find_postgres() -> Path | None:
    """The directory of initdb and postgres: the newest of Debian's, else that in PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(versions, key=lambda path: float(path.parts[-3]))
    if newest:
        return newest[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """One server with its own data directory, on a port of 127.0.0.1 and on a Unix socket beside its data."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._data = directory / "data"
        self.sockets = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = next(name for name in ("postgres", "nobody") if _exists(name))
            owner = pwd.getpwnam(self._user)
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        secret = directory / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "--pgdata", str(self._data), "--username", USER, "--pwfile", str(secret),
            "--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip

    def _command(self, program: str, *arguments: str) -> list[str]:
        as_user = ["setpriv", "--reuid", self._user, "--regid", self._user, "--clear-groups"] if self._user else []
        return [*as_user, str(self._binaries / program), *arguments]

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            self._command(program, *arguments), check=False, capture_output=True, text=True, cwd=self.sockets
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Start, or start again after `kill`; returns when it answers."""
        with (self.sockets / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(
                    "postgres", "-D", str(self._data), "-p", str(self.port), "-k", str(self.sockets),
                    "-c", f"listen_addresses={_LOOPBACK}", "-c", "fsync=off", "-c", "max_connections=60",
                ),
                cwd=self.sockets,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if not self._answers():
            pytest.fail(f"PostgreSQL did not start: {(self.sockets / 'log').read_text()}")

    def _answers(self) -> bool:
        """Ask until it answers; each question waits by itself, and a server that ended is not asked again."""
        assert self._process is not None
        for _attempt in range(_START_SECONDS * 20):
            if self._process.poll() is not None:
                return False
            asked = subprocess.run(
                self._command("pg_isready", "--host", str(self.sockets), "--port", str(self.port)),
                check=False,
                capture_output=True,
            )
            if asked.returncode == 0:
                return True
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        return False

    @property
    def pid(self) -> int | None:
        """Its process; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def signal(self, number: int) -> None:
        """Send a signal to the server and to its backends, which lead process groups of their own."""
        assert self.pid is not None, "PostgreSQL runs"
        server = psutil.Process(self.pid)
        # The server first: one that outlived a killed backend would begin to recover.
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """End it and all its backends at once, as a power cut would."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        backends = server.children(recursive=True)
        self.signal(signal.SIGKILL)
        self._process.wait()
        psutil.wait_procs(backends, timeout=_REAP_SECONDS)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement, without headings."""
        return self._run(
            "psql", "--host", str(self.sockets), "--port", str(self.port), "--username", USER, "--no-psqlrc",
            "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--command", statement, database,
        ).strip()  # fmt: skip

    def url(self, database: str, *, password: str = PASSWORD, port: int | None = None) -> str:
        """The URL of a database, over TCP."""
        return f"postgresql://{USER}:{password}@{_LOOPBACK}:{port or self.port}/{database}"

    def make_database(self, like: str = "template1") -> str:
        """Make an empty database, or one like another to which nobody is connected; gives its name."""
        name = f"t{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server; a test that kills it must start it again."""
    binaries = find_postgres()
    if binaries is None:
        missing = "PostgreSQL's initdb is neither in PATH nor in /usr/lib/postgresql/*/bin"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    directory = Path(tempfile.mkdtemp(prefix="acmedns-pg-"))
    server = Postgres(binaries, directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def with_tables(postgres: Postgres) -> str:
    """The name of a database to make others like, where a test is not about how the tables come to be."""
    name = postgres.make_database()
    asyncio.run(migrate(target(postgres.url(name))))
    return name


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    name = postgres.make_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def postgres_module_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database that the tests of a module share."""
    name = postgres.make_database()
    yield postgres.url(name)
    postgres.drop_database(name)
