"""Which databases are opened, which are refused, and what the refusal says."""

import asyncio
import os
import pwd
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from acmedns_py.errors import StoreRefused, StoreUnavailable
from acmedns_py.store import engine, lock, maintenance, migrate, owned, schema, store
from acmedns_py.store.engine import Use, connect, target
from tests.postgres import Postgres
from tests.store.conftest import Opened, OpenStore, Sql, a_value
from tests.tools import peers


async def test_tables_of_acme_dns_that_are_in_a_log_alone_are_refused(open_at: OpenStore, tmp_path: Path):
    """Its file does not show yet whose it is; ours would be made among its tables."""
    work, path = tmp_path / "work.db", tmp_path / "acme-dns.db"
    with closing(sqlite3.connect(work, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE records(Username TEXT, Password TEXT, Subdomain TEXT, AllowFrom TEXT)")
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{work}{suffix}", f"{path}{suffix}")
    with pytest.raises(StoreRefused, match=r"holds acme-dns's own tables.*start and stop acme-dns once"):
        await open_at(f"sqlite:///{path}")
    opened = await open_at(f"sqlite:///{path}")
    assert opened.store._place.path == path.with_name("acme-dns.db.acmedns-py.db")


async def test_tables_of_another_program_are_refused(open_store: OpenStore, sql: Sql):
    """A name that we need and somebody else has taken is said."""
    await sql("CREATE TABLE account (id INTEGER)")
    with pytest.raises(StoreRefused, match=r"tables of another program \(account\).*empty database"):
        await open_store()


async def test_a_newer_database_names_both_versions(open_store: OpenStore, sql: Sql):
    """A schema that this program is too old for is refused with the version it needs and the one that runs."""
    await (await open_store()).store.close()
    await sql("UPDATE alembic_version SET version_num = '9999'", "UPDATE compatibility SET oldest_program = '98.7.6'")
    with pytest.raises(StoreRefused, match=rf"98\.7\.6 or later, this is {migrate.program_version()}"):
        await open_store()


async def test_a_newer_database_that_still_suits_is_used(open_store: OpenStore, sql: Sql):
    """Only a program that is too old is refused: going back one version after an upgrade works."""
    first = await open_store()
    account = await first.new_account()
    await first.store.close()
    await sql("UPDATE alembic_version SET version_num = '9999'")
    second = await open_store()
    await second.store.add_value(account, a_value())
    assert len(second.values(account) or ()) == 1


@pytest.mark.parametrize(
    ("older", "newer"), [("0.9.0", "0.10.0"), ("1.0.0", "1.0.1"), ("0.1.0", "1"), ("1.2.0rc1", "1.2.1")]
)
def test_versions_are_ordered_by_their_numbers(older: str, newer: str):
    """Ten comes after nine."""
    assert migrate._parts(older) < migrate._parts(newer)


async def test_a_second_holder_is_refused_by_name(open_store: OpenStore):
    """One process writes; the other is told which one it is."""
    first = await open_store()
    with pytest.raises(StoreRefused, match=rf"written by acmedns {os.getpid()}@{socket.gethostname()[:30]}"):
        await open_store()
    await first.store.close()
    await open_store()


@pytest.mark.parametrize(("module", "step"), [(owned, "migrate"), (store, "_claimed_zone")])
async def test_a_refused_start_does_not_keep_the_lock(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
):
    """What fails after the lock was taken gives it back."""

    async def fails(*_arguments: object) -> None:
        raise StoreUnavailable("no")

    with monkeypatch.context() as patched:
        patched.setattr(module, step, fails)
        with pytest.raises(StoreUnavailable):
            await open_store()
    await open_store()


async def test_a_missing_directory_is_made_for_the_owner_alone(open_at: OpenStore, tmp_path: Path):
    """Directory 0700; the file and all that SQLite keeps beside it 0600: they hold password hashes."""
    path = tmp_path / "a" / "b" / "acmedns.db"
    opened = await open_at(f"sqlite:///{path}")
    await opened.new_account()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("path", ["/proc/acmedns/acmedns.db", "/dev/null/acmedns.db", "/proc/acmedns.db", "/tmp"])
async def test_what_can_not_be_written_is_named(open_at: OpenStore, path: str):
    """The line holds the path and the system's reason."""
    with pytest.raises(StoreRefused, match=rf"{Path(path).parent if path != '/tmp' else path}"):
        await open_at(f"sqlite:///{path}")


async def test_a_file_that_is_no_database_is_refused(open_at: OpenStore, tmp_path: Path):
    """It is somebody's file: it stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("shopping: bread, milk\n" * 100)
    with pytest.raises(StoreRefused, match=r"notes\.txt is not a SQLite database"):
        await open_at(f"sqlite:///{path}")
    assert path.read_text().startswith("shopping")


@pytest.mark.parametrize(
    ("url", "name", "host", "port", "query"),
    [
        ("postgresql://u:p@h/db", "PostgreSQL u@h/db", "h", None, {}),
        ("postgresql://u:p@h:5433/db?sslmode=require", "PostgreSQL u@h:5433/db", "h", 5433, {"ssl": "require"}),
        ("postgresql://u@/db?host=/run/pg&port=5433", "PostgreSQL u@/run/pg:5433/db", "/run/pg", 5433, {}),
        ("postgresql://u@a:1/db?host=b&port=2", "PostgreSQL u@b:2/db", "b", 2, {}),
        ("postgresql:///db", "PostgreSQL @localhost/db", None, None, {}),
    ],
)
def test_an_url_of_postgresql_is_translated_for_its_driver(
    url: str, name: str, host: str, port: int | None, query: dict[str, str]
):
    """The words are libpq's, and so is the order of power; the name has no password in it."""
    place = target(url)
    assert (place.name, place.path) == (name, None)
    assert (place.url.host, place.url.port, dict(place.url.query)) == (host, port, query)


async def test_a_wrong_password_is_named_without_being_shown(open_at: OpenStore, postgres: Postgres):
    """Login, place and cure are said, never the password."""
    with pytest.raises(StoreRefused, match=r"refuses the login.*check user and password") as refused:
        await open_at(postgres.url("postgres", password="wr0ng"))
    assert "wr0ng" not in str(refused.value)


async def test_a_missing_database_is_named(open_at: OpenStore, postgres: Postgres):
    """So is how to make it."""
    with pytest.raises(StoreRefused, match=r'database "nowhere" does not exist; make it with createdb'):
        await open_at(postgres.url("nowhere"))


async def test_a_user_without_rights_is_told(open_at: OpenStore, postgres: Postgres, postgres_url: str):
    """A role that may connect but not make tables hears which right it lacks."""
    database = postgres_url.rpartition("/")[2]
    postgres.sql("DO $$BEGIN CREATE ROLE guest LOGIN PASSWORD 'guest'; EXCEPTION WHEN duplicate_object THEN END$$")
    with pytest.raises(StoreRefused, match=r"permission denied.*must own the database"):
        await open_at(f"postgresql://guest:guest@127.0.0.1:{postgres.port}/{database}")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
async def test_a_host_that_does_not_answer_is_unavailable(open_at: OpenStore, host: str):
    """Nothing is wrong with the database as far as we know: another try may succeed."""
    with pytest.raises(StoreUnavailable, match=rf"{host}.*can't be reached.*check database\.url"):
        await open_at(f"postgresql://u:p@{host}/db")


async def test_postgresql_is_reached_by_its_unix_socket(open_at: OpenStore, postgres: Postgres, postgres_url: str):
    """The socket's directory is a parameter, as for libpq."""
    database = postgres_url.rpartition("/")[2]
    opened = await open_at(f"postgresql://acmedns@/{database}?host={postgres.sockets}&port={postgres.port}")
    await opened.new_account()


async def test_sslmode_is_understood(open_at: OpenStore, postgres_url: str):
    """acme-dns's connection strings say sslmode."""
    await open_at(f"{postgres_url}?sslmode=disable")


async def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path):
    """Every writing connection has a write-ahead log, full synchronisation and foreign keys."""
    place = target(f"sqlite:///{tmp_path / 'acmedns.db'}")
    database = connect(place, Use.WRITE)
    async with database.connect() as connection:
        found = [
            (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await database.dispose()
    assert found == ["wal", 2, 1]


async def test_a_sqlite_that_does_not_synchronise_is_refused(
    open_at: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What SQLite says is believed, not what it was asked for."""
    ask = engine._set_pragmas

    class Deaf:
        """A cursor that drops the pragma."""

        def __init__(self, cursor: object) -> None:
            self._cursor = cursor

        def execute(self, statement: str) -> None:
            self._cursor.execute(statement.replace("synchronous = FULL", "synchronous = OFF"))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self._cursor, name)

    class Connection:
        def __init__(self, connection: object) -> None:
            self._connection = connection

        def cursor(self) -> Deaf:
            return Deaf(self._connection.cursor())  # type: ignore[attr-defined]

    monkeypatch.setattr(engine, "_set_pragmas", lambda connection, record: ask(Connection(connection), record))
    with pytest.raises(StoreRefused, match="synchronous=FULL"):
        await open_at(f"sqlite:///{tmp_path / 'deaf.db'}")


async def test_a_lock_file_that_can_not_be_made_is_named(
    open_at: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A directory that may not be written to is said before SQLite stumbles over it."""
    (tmp_path / "acmedns.db.lock").mkdir()
    with pytest.raises(StoreRefused, match=r"lock file .*acmedns\.db\.lock can't be opened"):
        await open_at(f"sqlite:///{tmp_path / 'acmedns.db'}")


@pytest.fixture
def newer_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations with one revision more, which the program then takes for its own."""
    copy = tmp_path / "migrations"
    shutil.copytree(migrate.scripts(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / "more.py").write_text(
        '"""More."""\n\n'
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision = "more"\ndown_revision = "{schema.REVISIONS[-1]}"\n\n\n'
        "def upgrade():\n"
        '    op.create_table("more", sa.Column("id", sa.Integer))\n'
        '    op.execute("/* here */ SELECT 1")\n'
    )
    monkeypatch.setattr(migrate, "scripts", lambda: copy)
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "more"))
    return copy


def copies_in(directory: Path) -> list[Path]:
    """What backups there are."""
    return list(directory.glob("*.backup-*"))


async def test_a_migration_is_preceded_by_a_copy(
    opened: Opened, open_store: OpenStore, sql: Sql, tmp_path: Path, request: pytest.FixtureRequest
):
    """SQLite's file is copied whole, under a name with its revision; then the data is still there."""
    account = await opened.new_account()
    await opened.store.add_value(account, a_value())
    await opened.store.close()
    assert copies_in(tmp_path) == [], "a database that is made needs no copy"
    request.getfixturevalue("newer_scripts")
    before = schema.REVISIONS[-2]
    again = await open_store()
    assert await sql("SELECT count(*) FROM more") == [(0,)]
    assert again.image.state() == opened.image.state()
    copies = copies_in(tmp_path)
    if again.store._place.path is None:
        assert copies == []
        return
    (copy,) = copies
    assert re.fullmatch(rf"acmedns\.db\.backup-{before}-\d{{8}}T\d{{6}}Z", copy.name)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM txt").fetchone() == (1,)
    await again.store.close()
    await open_store()
    assert copies_in(tmp_path) == [copy]


async def test_a_migration_that_fails_changes_nothing(
    opened: Opened, open_store: OpenStore, sql: Sql, newer_scripts: Path, monkeypatch: pytest.MonkeyPatch
):
    """It is one transaction: the database is as before, for the program that could use it."""
    account = await opened.new_account()
    await opened.store.close()
    broken = newer_scripts / "versions" / "more.py"
    broken.write_text(broken.read_text().replace("/* here */ SELECT 1", "INSERT INTO nothing_like_it VALUES (1)"))
    with pytest.raises((StoreRefused, StoreUnavailable), match="nothing_like_it"):
        await open_store()
    monkeypatch.undo()
    again = await open_store()
    assert await again.loaded(account) == ()
    assert await sql("SELECT version_num FROM alembic_version") == [(schema.REVISIONS[-1],)]


def test_the_program_names_every_revision():
    """In the order in which Alembic goes through them."""
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == schema.REVISIONS


async def test_a_start_without_a_migration_does_without_alembic(opened: Opened):
    """It would stay in memory for as long as the server runs."""
    program = (
        "import asyncio, sys; from acmedns_py.store.engine import target; from acmedns_py.store.migrate import migrate;"
        "print(asyncio.run(migrate(target(sys.argv[1]))).migrated, 'alembic.command' in sys.modules)"
    )
    place = opened.store._place.url
    url = place.set(drivername=place.get_backend_name()).render_as_string(hide_password=False)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, url], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


async def test_the_migrations_make_the_tables_that_the_program_uses(opened: Opened):
    """Alembic finds no difference between the two on either engine."""
    database = connect(opened.store._place, Use.LOOK)
    async with database.connect() as connection:
        differences = await connection.run_sync(
            lambda plain: compare_metadata(
                MigrationContext.configure(plain, opts={"compare_type": True}), schema.metadata
            )
        )
    await database.dispose()
    assert differences == []


async def test_a_lock_waits_for_a_predecessor_that_ends(open_at: OpenStore, postgres: Postgres, postgres_url: str):
    """A backend that has not noticed its client's death yet does not stop the successor's start."""
    place = target(postgres_url)
    database = connect(place, Use.READ)
    async with database.connect() as connection:
        await connection.exec_driver_sql(f"SELECT pg_advisory_lock({lock.ADVISORY_KEY})")
        starting = asyncio.ensure_future(open_at(postgres_url))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        while (await connection.exec_driver_sql(waits)).scalar_one() == 0:
            assert not starting.done(), starting.exception()
        await connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock.ADVISORY_KEY})")
        await starting
    await database.dispose()


async def test_what_root_makes_is_the_directorys_owners(open_at: OpenStore, tmp_path: Path):
    """A command that root runs before the server's first start, or beside it, must not shut the server out."""
    if os.geteuid() != 0:
        peers.missing("only root can make files that another user can't use")
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    opened = await open_at(f"sqlite:///{tmp_path}/acmedns.db")
    await opened.new_account()
    found = {name: os.stat(tmp_path / name).st_uid for name in os.listdir(tmp_path)}
    assert found.keys() == {"acmedns.db", "acmedns.db-wal", "acmedns.db-shm", "acmedns.db.lock"}
    assert set(found.values()) == {nobody.pw_uid}
    assert migrate.back_up(tmp_path / "acmedns.db", "0001").stat().st_uid == nobody.pw_uid


async def test_a_lock_file_that_leads_elsewhere_is_refused(open_at: OpenStore, tmp_path: Path):
    """Root would write into what it leads to, and give it away."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "acmedns.db.lock").symlink_to("precious")
    with pytest.raises(StoreRefused, match=r"acmedns\.db\.lock can't be opened"):
        await open_at(f"sqlite:///{tmp_path}/acmedns.db")
    assert (tmp_path / "precious").read_text() == "mine"


async def test_a_link_that_leads_nowhere_makes_no_file(tmp_path: Path):
    """Who may write the server's folder must not have root make a file elsewhere."""
    (tmp_path / "acmedns.db").symlink_to(tmp_path / "planted")
    with pytest.raises(StoreRefused, match="can't be opened for writing"):
        await maintenance.upgrade(f"sqlite:///{tmp_path}/acmedns.db")
    assert not (tmp_path / "planted").exists()
