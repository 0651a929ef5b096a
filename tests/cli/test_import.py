"""`acmedns import acme-dns`, as an operator runs it: what it says, what it refuses, and that it only reads."""

import asyncio
import getpass
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from acmedns_py.store.store import SqlStore
from tests.acme_dns import DATA, NAMES, POSTGRESQL, TABLES, accounts, put, written
from tests.command import acmedns
from tests.postgres import PASSWORD
from tests.store.conftest import APEX, execute

COUNTS = "{} new, {} already there, {} differ, {} can't be read"
KEPT = ("account", "credential", "txt", "zone", "change", "imported")


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    """Our configuration, for the test's database."""
    return configured(tmp_path / "config.toml", database_url)


def configured(path: Path, database_url: str) -> Path:
    """Write a configuration of ours."""
    path.write_text(
        f'[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "{database_url}"\n'
    )
    return path


def last_line(config: Path, source: str, *options: str) -> str:
    """Import, without a word on standard error, and give the line of counts."""
    done = acmedns("import", "acme-dns", source, "-c", str(config), *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()[-1]


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, octet for octet."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tables(url: str) -> list[object]:
    """All rows of ours, but for the token of who wrote last."""
    rows: list[object] = []
    for table in KEPT:
        columns = "id, name, cursor" if table == "zone" else "*"
        rows.append(sorted(map(repr, asyncio.run(execute(url, f"SELECT {columns} FROM {table}")))))  # noqa: S608
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_all_accounts_come_once(config, database_url, name, theirs, postgres, foreign):
    """All at first; run again nothing changes and nothing differs; the source is as before."""
    source = put(name, theirs, postgres, foreign)
    before = contents(theirs), postgres.sql("SELECT * FROM pg_stat_database_conflicts", foreign)
    count = len(accounts(name))
    assert last_line(config, source) == COUNTS.format(count, 0, 0, 0)
    first = tables(database_url)
    assert last_line(config, source) == COUNTS.format(0, count, 0, 0)
    assert tables(database_url) == first
    entries = asyncio.run(execute(database_url, "SELECT actor, source, action, subject, result, details FROM audit"))
    assert [entry[:3] for entry in entries] == [(f"user:{getpass.getuser()}", "offline", "accounts_imported")] * 2
    assert all(PASSWORD not in entry[3] for entry in entries)
    assert [json.loads(entry[5])["new"] for entry in entries] == [count, 0]
    assert (contents(theirs), postgres.sql("SELECT * FROM pg_stat_database_conflicts", foreign)) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_the_same_and_makes_nothing(config, database_url, name, theirs, postgres, foreign, tmp_path):
    """Neither where there is no database yet, nor where there is one."""
    source = put(name, theirs, postgres, foreign)
    count = len(accounts(name))
    before = sorted(tmp_path.rglob("*"))
    assert last_line(config, source, "--dry-run") == "dry run, nothing was changed: " + COUNTS.format(count, 0, 0, 0)
    assert sorted(tmp_path.rglob("*")) == before
    last_line(config, source)
    kept = tables(database_url)
    assert last_line(config, source, "--dry-run") == "dry run, nothing was changed: " + COUNTS.format(0, count, 0, 0)
    assert tables(database_url) == kept


@pytest.mark.parametrize("engine", ["sqlite", "sqlite3"])
def test_a_configuration_of_acme_dns_names_its_database(config, theirs, engine):
    """As a file by both of its words, and with a warning where its zone is another."""
    url = put("v2.0.2", theirs).removeprefix("sqlite:///")
    file = theirs / "config.cfg"
    file.write_text(
        f'[general]\ndomain = "other.example.org"\n[database]\nengine = "{engine}"\nconnection = "{url}"\n'
        '[api]\ntls = "letsencrypt"\n'
    )
    done = acmedns("import", "acme-dns", str(file), "-c", str(config))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == COUNTS.format(20, 0, 0, 0)
    assert done.stderr.splitlines() == [
        "warning: acme-dns serves other.example.org, this configuration auth.example.org: CNAMEs lead to the former"
    ]


def test_a_connection_string_of_postgresql_in_a_configuration(config, theirs, postgres, foreign):
    """In the form of key and value."""
    put(POSTGRESQL, theirs, postgres, foreign)
    connection = f"host=127.0.0.1 port={postgres.port} user=acmedns password={PASSWORD} dbname={foreign}"
    file = theirs / "config.cfg"
    file.write_text(
        '[general]\ndomain = "auth.example.org"\n'
        f'[database]\nengine = "postgres"\nconnection = "{connection} sslmode=disable"\n'
    )
    assert last_line(config, str(file)) == COUNTS.format(20, 0, 0, 0)


def test_the_file_itself_may_be_named(config, theirs):
    """Whoever has the database only, needs no configuration."""
    put("v0.8", theirs)
    assert last_line(config, str(theirs / "acme-dns.db")) == COUNTS.format(20, 0, 0, 0)


def test_a_folder_that_can_not_be_written_is_enough(config, theirs):
    """Nothing is made beside the database."""
    put("v0.8", theirs)
    theirs.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert last_line(config, str(theirs / "acme-dns.db")) == COUNTS.format(20, 0, 0, 0)
    finally:
        theirs.chmod(0o700)


def with_write_ahead_log(path: Path, *, kept: tuple[str, ...]) -> None:
    """Give a database a write-ahead log with one more account, as a killed program leaves it, or as it is copied."""
    work = path.with_name("work.db")
    path.rename(work)
    with closing(sqlite3.connect(work, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "INSERT INTO records SELECT '00000000-0000-4000-8000-000000000001',"
            " '$2a$10$0000000000000000000000000000000000000000000000000000.', 'inthelog', '[]'"
        )
        for suffix in kept:
            shutil.copyfile(f"{work}{suffix}", f"{path}{suffix}")
    for left in path.parent.glob("work.db*"):
        left.unlink()


@pytest.mark.parametrize(
    ("kept", "new"),
    [(("", "-wal", "-shm"), 21), (("", "-wal"), 21), (("",), 20)],
    ids=["killed", "copied", "checked in"],
)
def test_a_write_ahead_log_is_read_and_no_file_made(config, theirs, kept, new):
    """What was committed to the log is there; beside the database there is afterwards what there was before."""
    put("v2.0.2", theirs)
    with_write_ahead_log(theirs / "acme-dns.db", kept=kept)
    before = contents(theirs)
    assert last_line(config, str(theirs / "acme-dns.db")) == COUNTS.format(new, 0, 0, 0)
    after = contents(theirs)
    # The index is SQLite's shared memory: a reader's marks are in it.
    before.pop("acme-dns.db-shm", None)
    assert ("acme-dns.db-shm" in after) == ("-shm" in kept)
    after.pop("acme-dns.db-shm", None)
    assert after == before


def left_in_a_write(path: Path) -> None:
    """Leave a database with the journal of a write that was not finished."""
    work = path.with_name("work.db")
    path.rename(work)
    with closing(sqlite3.connect(work, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE big (x)")
        connection.executemany("INSERT INTO big VALUES (?)", [("x" * 500,)] * 200)
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{work}{suffix}", f"{path}{suffix}")
    for left in path.parent.glob("work.db*"):
        left.unlink()


def damaged(path: Path) -> None:
    """Break an index in the middle of the file."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)


def cut_off(path: Path, octets: int) -> None:
    """Keep only the beginning."""
    path.write_bytes(path.read_bytes()[:octets])


BROKEN = {
    "missing": (Path.unlink, "there is no such file"),
    "empty": (lambda path: cut_off(path, 0), "it has no section [general]"),
    "text": (lambda path: path.write_text("precious notes" * 100), "this is not TOML"),
    "cut off in its header": (lambda path: cut_off(path, 60), "is damaged or cut off"),
    "cut off in the middle": (lambda path: cut_off(path, 9000), "is damaged or cut off"),
    "damaged": (damaged, "is damaged or cut off"),
    "a journal left": (left_in_a_write, "left in the middle of a write"),
    "other tables": (
        lambda path: (path.unlink(), written(path, "CREATE TABLE a (b)", form="none")),
        "holds no tables of acme-dns",
    ),
    "a later release": (
        lambda path: (path.unlink(), written(path, "UPDATE acmedns SET Value = '2'")),
        "has db_version '2', this program knows up to 1",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_source_that_can_not_be_read_is_one_line(tmp_path, theirs, what):
    """It says what is wrong; nothing is made, and the source is as it was."""
    breaks, told = BROKEN[what]
    put("v2.0.2", theirs)
    breaks(theirs / "acme-dns.db")
    refused(tmp_path, str(theirs / "acme-dns.db"), told, theirs)


def refused(tmp_path: Path, source: str, told: str, theirs: Path) -> None:
    """Import in vain, and compare what is there before and after."""
    config = configured(tmp_path / "config.toml", f"sqlite:///{tmp_path}/ours/acmedns.db")
    before = contents(theirs)
    done = acmedns("import", "acme-dns", source, "-c", str(config))
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    assert told in done.stderr
    assert contents(theirs) == before
    assert not (tmp_path / "ours" / "acmedns.db").exists() or not tables(f"sqlite:///{tmp_path}/ours/acmedns.db")[0]


def test_a_source_that_is_locked_is_named(tmp_path, theirs):
    """acme-dns in the middle of a write that does not end."""
    put("v2.0.2", theirs)
    path = theirs / "acme-dns.db"
    # In a process of its own: whoever closes any descriptor of a file gives up all locks on it (POSIX).
    holds = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE');"
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        refused(tmp_path, str(path), f"{path} is locked by another program; stop acme-dns first", theirs)
        holder.communicate()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("mysql://u:geheim@h/db", "postgresql://"),
        ("sqlite:///", "write a file"),
        ("postgres://u:geheim@[h/db", "this is no URL"),
        ("postgres://u:geheim@h:x/db", "the port after the host"),
        ("postgres://u:geheim@127.0.0.1:1/db?sslmode=disable", "can't be reached"),
        ("sqlite:////nowhere/acme-dns.db", "/nowhere/acme-dns.db does not exist"),
        ("/nowhere/config.cfg", "there is no such file"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(tmp_path, theirs, source, told):
    """Without the password that is in it."""
    refused(tmp_path, source, told, theirs)
    config = str(tmp_path / "config.toml")
    assert "geheim" not in acmedns("import", "acme-dns", source, "-c", config).stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[zone]\nname = "auth.example.org"\n', "it has no section [general]"),
        ('[general]\ndomain = "auth.example.org"\n', "database.engine"),
        ('[general]\n[database]\nengine = "mysql"\nconnection = "x"\n', "database.engine = 'mysql'"),
        ('[general]\n[database]\nengine = "sqlite"\n', "database.connection"),
        ('[general]\n[database]\nengine = "sqlite"\nconnection = 7\n', "database.connection"),
        ('[general]\n[database]\nengine = "postgres"\nconnection = "geheim"\n', "database.connection = ***"),
    ],
)
def test_a_configuration_without_a_database_is_one_line(tmp_path, theirs, text, told):
    """The key is named, and the file."""
    file = theirs / "config.cfg"
    file.write_text(text)
    refused(tmp_path, str(file), told, theirs)


def test_a_wrong_password_is_refused_unseen(tmp_path, theirs, postgres, foreign):
    """The login and what to correct."""
    url = postgres.url(foreign, password="geheim")
    refused(tmp_path, f"{url}?sslmode=disable", "refuses the login", theirs)


def test_an_empty_database_of_postgresql_is_none_of_acme_dns(tmp_path, theirs, postgres, foreign):
    """Somebody has named the wrong one."""
    refused(tmp_path, f"{postgres.url(foreign)}?sslmode=disable", "holds no tables of acme-dns", theirs)


def test_our_own_database_is_no_source(tmp_path):
    """Nor does it hold acme-dns's tables."""
    config = configured(tmp_path / "config.toml", f"sqlite:///{tmp_path}/acmedns.db")
    assert acmedns("db", "upgrade", "-c", str(config)).returncode == 0
    done = acmedns("import", "acme-dns", str(tmp_path / "acmedns.db"), "-c", str(config))
    assert done.returncode == 1
    assert "is this server's own database" in done.stderr


def test_a_running_server_is_named(config, database_url, theirs, postgres, foreign):
    """It has loaded its zone; a dry run may look meanwhile."""
    source = put("v2.0.2", theirs, postgres, foreign)

    async def held() -> tuple[str, str]:
        store = await SqlStore.open(
            database_url, apex=APEX, window_seconds=3600, max_values=100, on_commit=lambda _commit: None
        )
        try:
            importing = await asyncio.to_thread(acmedns, "import", "acme-dns", source, "-c", str(config))
            looking = await asyncio.to_thread(acmedns, "import", "acme-dns", source, "-c", str(config), "--dry-run")
        finally:
            await store.close()
        assert importing.returncode == 1
        assert importing.stderr.count("\n") == 1
        return importing.stderr, looking.stdout

    refusal, looked = asyncio.run(held())
    assert f"is written by acmedns {os.getpid()}" in refusal
    assert looked.splitlines()[-1] == "dry run, nothing was changed: " + COUNTS.format(20, 0, 0, 0)
    assert tables(database_url)[0] == []


def test_accounts_that_can_not_be_read_are_listed(config, theirs):
    """One line each, with the reason, before the counts; the exit code says that the rest came."""
    source = written(theirs / "acme-dns.db", "INSERT INTO records VALUES ('admin', 'x\ny', 'label', '[]')")
    done = acmedns("import", "acme-dns", source, "-c", str(config))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == [
        "can't be read: account admin: its username is no UUID in lower case, so no client can log in with it",
        COUNTS.format(0, 0, 0, 1),
    ]


def test_every_form_of_the_tables_is_known(config, theirs):
    """Those that acme-dns has made."""
    for form in TABLES:
        (theirs / "acme-dns.db").unlink(missing_ok=True)
        assert last_line(config, written(theirs / "acme-dns.db", form=form)) == COUNTS.format(0, 0, 0, 0)


def test_the_data_of_the_tests_are_all_there():
    """Each database has its accounts."""
    assert {path.name.removesuffix(".accounts.jsonl") for path in DATA.glob("*.jsonl")} == set(NAMES)
