"""`acmedns db upgrade` and `acmedns db check`, as an operator runs them."""

import asyncio
import grp
import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acmedns_py.store.schema import REVISIONS
from acmedns_py.store.store import SqlStore
from tests import acme_dns
from tests.command import acmedns
from tests.store.conftest import APEX
from tests.tools import peers


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> str:
    """A configuration file for the test's database."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "{database_url}"\n'
    )
    return str(path)


def test_upgrade_makes_the_tables_and_check_finds_them(config: str):
    """First it is empty (exit 1), then at its revision, whole, without accounts (exit 0); twice is no error."""
    assert acmedns("db", "check", "-c", config).returncode == 1
    made = acmedns("db", "upgrade", "-c", config)
    assert (made.returncode, made.stderr) == (0, "")
    assert f"brought to revision {REVISIONS[-1]}" in made.stdout
    assert "nothing to do" in acmedns("db", "upgrade", "-c", config).stdout
    checked = acmedns("db", "check", "-c", config)
    assert checked.returncode == 0
    lines = dict(line.split(": ", 1) for line in checked.stdout.splitlines())
    assert lines["engine"].startswith(("SQLite /", "PostgreSQL acmedns@127.0.0.1:"))
    assert (lines["revision"], lines["integrity"], lines["accounts"]) == (f"{REVISIONS[-1]} (up to date)", "ok", "0")


async def test_check_works_beside_a_server_and_upgrade_is_refused_by_name(config: str, database_url: str):
    """Looking needs no lock; writing does, and the holder is named in one line."""
    store = await SqlStore.open(
        database_url, apex=APEX, window_seconds=3600, max_values=100, on_commit=lambda _commit: None
    )
    try:
        await store.register(username="u", label="l", allow_from=[], verifier="v")
        checked = await asyncio.to_thread(acmedns, "db", "check", "-c", config)
        upgraded = await asyncio.to_thread(acmedns, "db", "upgrade", "-c", config)
    finally:
        await store.close()
    assert checked.returncode == 0
    assert "accounts: 1" in checked.stdout
    assert upgraded.returncode == 1
    assert upgraded.stderr.count("\n") == 1
    assert "is written by acmedns" in upgraded.stderr


def test_check_finds_damage(tmp_path: Path):
    """A page that is not what its table says is named, and the exit code says so."""
    path, config = tmp_path / "acmedns.db", tmp_path / "config.toml"
    config.write_text(
        f'[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "sqlite:///{path}"\n'
    )
    assert acmedns("db", "upgrade", "-c", str(config)).returncode == 0
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'credential_account'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(b"\xff" * 64)
    checked = acmedns("db", "check", "-c", str(config))
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr + checked.stdout
    assert "integrity" in checked.stdout or "damaged" in checked.stderr


@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_a_problem_is_one_line_and_exit_code_one(tmp_path: Path, command: str):
    """What is wrong with the database or with the configuration is said, without a traceback."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n\n'
        '[database]\nurl = "sqlite:////proc/acmedns/acmedns.db"\n'
    )
    told = acmedns("db", command, "-c", str(config))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.count("\n") == 1
    assert "/proc/acmedns" in told.stderr
    assert acmedns("db", command, "-c", str(tmp_path / "missing.toml")).returncode == 1


def test_what_root_makes_belongs_to_the_configured_user(tmp_path: Path):
    """Folders, file and lock, by each command that makes a database before the server's first start."""
    if os.geteuid() != 0:
        peers.missing("only root can make files that another user can't use")
    owner = (pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid)
    config, backup = tmp_path / "config.toml", tmp_path / "backup.gz"
    source = acme_dns.written(tmp_path / "acme-dns.db")

    def made(folder: Path, *arguments: str) -> None:
        config.write_text(
            '[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n'
            f'[database]\nurl = "sqlite:///{folder}/data/acmedns.db"\n'
            '[process]\nuser = "nobody"\ngroup = "daemon"\n'
        )
        done = acmedns(*arguments, "-c", str(config))
        assert done.returncode == 0, done.stderr
        places = [folder, *folder.rglob("*")]
        assert {path.name for path in places} == {folder.name, "data", "acmedns.db", "acmedns.db.lock"}
        assert {(path.stat().st_uid, path.stat().st_gid) for path in places} == {owner}
        assert os.stat(tmp_path).st_uid == 0

    made(tmp_path / "upgraded", "db", "upgrade")
    assert acmedns("backup", str(backup), "-c", str(config)).returncode == 0
    made(tmp_path / "restored", "restore", str(backup))
    made(tmp_path / "imported", "import", "acme-dns", source)
