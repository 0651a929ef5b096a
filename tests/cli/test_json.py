"""`--json` of the commands that work on the database itself: one document each, that says what the lines say."""

import asyncio
import json
from pathlib import Path
from typing import Any

from acmedns_py.store.backup_file import examined
from acmedns_py.store.schema import REVISIONS
from tests.acme_dns import accounts, put
from tests.cli.test_token import acmedns, configured
from tests.store.conftest import execute
from tests.store.test_backup import EACH, filled


def told(*arguments: str, code: int = 0) -> Any:
    """The one document that a command prints."""
    done = acmedns(*arguments, "--json")
    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (code, "", 1), done.output
    return json.loads(done.stdout)


def config_for(folder: Path, url: str) -> str:
    """A configuration file in a folder of its own."""
    folder.mkdir()
    return configured(folder, url)


def test_of_the_database(tmp_path: Path):
    """Not there yet, made, looked at, made already."""
    config, name = configured(tmp_path, f"sqlite:///{tmp_path}/acmedns.db"), f"SQLite {tmp_path}/acmedns.db"
    (tmp_path / "acmedns.db").touch()
    nothing = {"database": name, "revision": None, "accounts": 0, "waiting": REVISIONS[-1], "damage": None}
    assert told("db", "check", "-c", config, code=1) == nothing | {"good": False}
    made = {"database": name, "revision": REVISIONS[-1], "copy": None}
    assert told("db", "upgrade", "-c", config) == made | {"upgraded": True}
    assert told("db", "upgrade", "-c", config) == made | {"upgraded": False}
    assert told("db", "check", "-c", config) == nothing | {"good": True, "revision": REVISIONS[-1], "waiting": None}


def test_of_backups(tmp_path: Path):
    """Written, exported, restored, merged; beside a file on standard output there is no room for it."""
    url = asyncio.run(filled(f"sqlite:///{tmp_path}/source/acmedns.db"))
    source = config_for(tmp_path / "a", url)
    file, plain = tmp_path / "backup", tmp_path / "plain"
    made = told("backup", str(file), "-c", source)
    rows = sum(examined(file).header.counts.values())
    facts = {"zone": "auth.example", "revision": REVISIONS[-1], "accounts": EACH, "rows": rows}
    assert made == facts | {"file": str(file), "octets": file.stat().st_size}
    exported = told("export", str(plain), "-c", source)
    assert exported == facts | {"file": str(plain), "octets": plain.stat().st_size}
    refused = acmedns("backup", "-", "--json", "-c", source)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--json tells of a file" in refused.stderr

    destination = config_for(tmp_path / "b", f"sqlite:///{tmp_path}/destination/acmedns.db")
    restored = told("restore", str(file), "-c", destination)
    assert restored.pop("serial") > 0
    none = {"count": 0, "first": []}
    again = {"tokens_revoked": none, "accounts_disabled": none, "accounts_deleted": none}
    name = f"SQLite {tmp_path}/destination/acmedns.db"
    facts = {"database": name, "file": str(file), "accounts": EACH, "rows": rows}
    assert restored == facts | {"kept": None, "good_again": again}
    asyncio.run(execute(f"sqlite:///{tmp_path}/destination/acmedns.db", "UPDATE token SET revoked_at = 1"))
    restored = told("restore", "--replace", str(file), "-c", destination)
    assert Path(restored["kept"]).exists()
    assert restored["good_again"] == again | {"tokens_revoked": {"count": 1, "first": ["name-0"]}}

    asyncio.run(
        execute(f"sqlite:///{tmp_path}/destination/acmedns.db", "UPDATE account SET title = '' WHERE id = 1001")
    )
    merged = told("import", "json", str(plain), "-c", destination)
    assert (merged["new"], merged["present"], merged["differing"], merged["unreadable"]) == (0, EACH - 1, 1, 0)
    assert (merged["from"], merged["into"], merged["dry_run"]) == (str(plain), name, False)
    assert merged["told"] == [
        {"kind": "differs", "who": "account username-1", "what": "in label; what is here was kept"}
    ]
    assert merged["others"]["token"] == {"new": 0, "present": EACH, "differing": 0}


def test_of_an_import_from_acme_dns(tmp_path: Path):
    """What it would do, and what it does."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    source, count = put("v2.0.2", theirs), len(accounts("v2.0.2"))
    config = config_for(tmp_path / "a", f"sqlite:///{tmp_path}/ours/acmedns.db")
    for dry_run in (("--dry-run",), ()):
        done = acmedns("import", "acme-dns", source, "--json", "-c", config, *dry_run)
        found = json.loads(done.stdout)
        assert (found["new"], found["present"], found["dry_run"]) == (count, 0, bool(dry_run))
        assert found["untold"] == {}
