"""`acmedns backup`, `acmedns restore` and `acmedns export`, as an operator runs them."""

import asyncio
import gzip
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from acmedns_py.store.backup_file import examined
from acmedns_py.store.engine import target
from tests.cli.test_import import configured
from tests.command import acmedns
from tests.store.conftest import execute
from tests.store.test_backup import contents, entries, filled

ACMEDNS = Path(sys.executable).with_name("acmedns")


def config_for(folder: Path, url: str, zone: str = "auth.example") -> str:
    """Write a configuration."""
    path = configured(folder / f"{len(list(folder.iterdir()))}.toml", url)
    path.write_text(path.read_text().replace("auth.example.org", zone))
    return str(path)


def test_out_and_in_again_by_file_and_by_pipe(database_url: str, tmp_path: Path):
    """Each command says in a line what it did; all three files hold the same; an SQLite file is made with its folder."""
    config = config_for(tmp_path, asyncio.run(filled(database_url)))
    file, plain = tmp_path / "backup.jsonl.gz", tmp_path / "plain.jsonl"
    told = acmedns("backup", str(file), "-c", config)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == (
        f"{file}: 3 accounts of auth.example, {sum(examined(file).header.counts.values())} rows in all; "
        f"{file.stat().st_size:,} octets, revision {examined(file).header.revision}\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    exported = acmedns("export", "--no-audit", "-c", config)
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    audits = [line for line in gzip.decompress(file.read_bytes()).splitlines() if json.loads(line)["type"] == "audit"]
    assert len(audits) == 3
    assert [line["type"] for line in lines if line["type"] == "audit"] == []
    plain.write_text(exported.stdout)
    assert "audit" not in examined(plain).header.counts
    destination = f"sqlite:///{tmp_path}/new/acmedns.db"
    told = acmedns("restore", str(file), "-c", config_for(tmp_path, destination))
    assert told.returncode == 0
    assert told.stdout.startswith(f"SQLite {tmp_path}/new/acmedns.db: 3 accounts of auth.example, ")
    assert asyncio.run(contents(destination)) == asyncio.run(contents(database_url))
    merged = acmedns("import", "json", str(plain), "-c", config)
    assert (merged.returncode, merged.stderr) == (0, "")
    assert merged.stdout.splitlines() == [
        f"from: {plain} (backup of revision {examined(file).header.revision})",
        f"into: {target(database_url).name}",
        "retired label: 0 new, 3 already there, 0 differ",
        "token: 0 new, 3 already there, 0 differ",
        "0 new, 3 already there, 0 differ, 0 can't be read",
    ]


def test_what_had_been_ended_and_is_good_again_is_named(tmp_path: Path):
    """By a restore that replaces; the audit log has the numbers."""
    url = asyncio.run(filled(f"sqlite:///{tmp_path}/db/acmedns.db"))
    config, file = config_for(tmp_path, url), tmp_path / "backup"
    assert acmedns("backup", str(file), "-c", config).returncode == 0
    asyncio.run(execute(url, "UPDATE token SET revoked_at = 1", "UPDATE account SET disabled = 1"))
    told = acmedns("restore", "--replace", str(file), "-c", config)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[1:3] == [
        "good again: 1 tokens that had been revoked: name-0",
        "good again: 1 accounts that had been disabled: username-1",
    ]
    ((*_, details),) = asyncio.run(entries(url))
    assert (details["tokens_revoked"], details["accounts_disabled"]) == (1, 1)


def test_what_fails_is_one_line(tmp_path: Path):
    """On standard error, with exit code 1; another zone and a file that is there are refused."""
    url = asyncio.run(filled(f"sqlite:///{tmp_path}/acmedns.db"))
    config, file = config_for(tmp_path, url), tmp_path / "backup"
    assert acmedns("backup", str(file), "-c", config).returncode == 0
    for arguments, words in (
        (("backup", str(file), "-c", config), "is there already"),
        (("restore", str(file), "-c", config), "is not empty (account: 3, "),
        (("restore", str(file), "-c", config_for(tmp_path, url, "other.example")), "is of the zone auth.example"),
        (("restore", str(tmp_path / "missing"), "-c", config), "can't be read: No such file or directory"),
    ):
        told = acmedns(*arguments)
        assert (told.returncode, told.stdout) == (1, "")
        assert words in told.stderr
        assert told.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell(tmp_path: Path):
    """A pipe that is closed at the other end; the command ends with 1 and says nothing."""
    config = config_for(tmp_path, asyncio.run(filled(f"sqlite:///{tmp_path}/acmedns.db")))
    for arguments in (("export",), ("backup", "-")):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as closed:
            done = subprocess.run(
                [ACMEDNS, *arguments, "-c", config], check=False, stdout=closed, stderr=subprocess.PIPE, text=True
            )
        assert (done.returncode, done.stderr) == (1, "")


async def test_a_full_disk_leaves_no_file_and_says_so(tmp_path: Path):
    """Neither under its name nor under another."""
    config = config_for(tmp_path, await filled(f"sqlite:///{tmp_path}/acmedns.db"))
    small = tmp_path / "small"
    small.mkdir()
    done = await asyncio.create_subprocess_exec(
        "unshare", "--map-root-user", "--mount", "sh", "-c",
        'mount -t tmpfs -o size=4k none "$1" && head -c 4096 /dev/zero > "$1/ballast" && '
        '"$2" backup "$1/backup" -c "$3"; echo $?; ls -A "$1"',
        "sh", str(small), str(ACMEDNS), config,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    output, errors = await done.communicate()
    assert output.decode().split() == ["1", "ballast"]
    assert "backup can't be written: No space left on device; make room" in errors.decode()
    assert errors.count(b"\n") == 1


IN_THE_MIDDLE = """
import sys
from acmedns_py.__main__ import main
from acmedns_py.store import rows

encoded = rows.encoded

def encoded_when_told(*rows):
    print("in the middle", flush=True)
    sys.stdin.read(1)
    return encoded(*rows)

rows.encoded = encoded_when_told
main()
"""


def test_a_backup_that_is_ended_takes_its_unfinished_file_away(tmp_path: Path):
    """By Ctrl-C or SIGTERM; the exit code is a shell's for that signal."""
    config = config_for(tmp_path, asyncio.run(filled(f"sqlite:///{tmp_path}/acmedns.db")))
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path / number.name
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", IN_THE_MIDDLE, "backup", folder / "backup", "-c", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"in the middle\n"
            assert len(os.listdir(folder)) == 1
            process.send_signal(number)
            _, errors = process.communicate(b"x" * 20)
        assert (process.returncode, errors) == (128 + number, b"")
        assert os.listdir(folder) == []
