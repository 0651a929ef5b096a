"""What a command prints and where that can't be written: a full disk, a closed descriptor, an encoding of few letters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acmedns_py.accounts import tokens
from tests.cli.test_token import configured
from tests.command import acmedns

ACMEDNS = Path(sys.executable).with_name("acmedns")

TO_A_FULL_DISK, CLOSED = '"$@" > /dev/full', '"$@" >&-'


def shell(line: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `acmedns` with these arguments by a line of shell in which it is "$@"."""
    return subprocess.run(
        ["sh", "-c", line, "sh", ACMEDNS, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
    )


ONE_AFTER_THE_OTHER = """
import json, os, sys
from acmedns_py import cli

folder, commands = sys.argv[1], json.loads(sys.argv[2])
codes = []
for number, command in enumerate(commands):
    if os.fork() == 0:
        told = os.open(f"{folder}/{number}.stderr", os.O_WRONLY | os.O_CREAT)
        os.dup2(told, 2)
        os.close(told)
        sys.argv = ["acmedns", *command]
        cli.main()
        sys.exit()
    codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
with open(f"{folder}/codes", "w") as found:
    json.dump(codes, found)
"""


def each_in_shell(line: str, folder: Path, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """Run commands by a line of shell, as `shell` does but that all share one start of Python; exit codes and errors."""
    arguments = ["sh", "-c", line, "sh", sys.executable, "-c", ONE_AFTER_THE_OTHER, folder, json.dumps(commands)]
    subprocess.run(arguments, check=True)
    codes = json.loads((folder / "codes").read_text())
    return [(code, (folder / f"{number}.stderr").read_text()) for number, code in enumerate(codes)]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration file for a database with its tables."""
    path = configured(tmp_path, f"sqlite:///{tmp_path}/db/acmedns.db")
    assert acmedns("db", "upgrade", "-c", path).returncode == 0
    return path


def listed(config: str, *what: str) -> list[dict[str, object]]:
    """Rows of a list."""
    told = acmedns(*what, "list", "--json", "-c", config)
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.mark.parametrize(("line", "reason"), [(TO_A_FULL_DISK, "No space left on device"), (CLOSED, "it is closed")])
def test_no_secret_is_made_that_could_not_be_told(config: str, tmp_path: Path, line: str, reason: str):
    """The command ends with one line, and the password that an account has stays valid."""
    assert acmedns("account", "new", "--subdomain", "host", "-c", config).returncode == 0
    audited = acmedns("audit", "--json", "-c", config).stdout
    commands = (
        ("token", "new", "fleet"),
        ("token", "new", "fleet", "--json"),
        ("account", "new"),
        ("account", "new", "host.example.org", "--format", "acme.sh", "--url", "https://acme.example.org"),
        ("account", "rotate", "host"),
    )
    told = each_in_shell(line, tmp_path, *((*command, "-c", config) for command in commands))
    assert told == [(1, f"acmedns: standard output can't be written: {reason}; nothing was done\n")] * len(commands)
    assert acmedns("audit", "--json", "-c", config).stdout == audited


@pytest.mark.parametrize("line", [TO_A_FULL_DISK, CLOSED])
def test_an_answer_that_can_not_be_written_is_one_line(config: str, tmp_path: Path, line: str):
    """Of every command that prints: none ends as if it had gone well."""
    assert acmedns("account", "new", "-c", config).returncode == 0
    commands = (
        ("account", "list"),
        ("account", "list", "--json"),
        ("stats",),
        ("audit",),
        ("token", "list"),
        ("db", "check"),
        ("config", "check"),
        ("backup", "-"),
        ("export",),
    )
    told = each_in_shell(
        line, tmp_path, *((*command, "-c", config) for command in commands), ("--version",), ("--help",)
    )
    for code, text in told:
        assert (code, text.count("\n")) == (1, 1), text
        assert text.startswith("acmedns: standard output can't be written: ")
    assert len(told) == len(commands) + 2
    done = shell(line, "stats", "-c", config)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


def test_what_a_full_disk_swallowed_is_said(config: str, tmp_path: Path):
    """A file system without room takes a new, empty file: that nothing more goes in is found out before."""
    folder = tmp_path / "full"
    folder.mkdir()
    line = (
        f"mount -t tmpfs -o size=4k none {folder} && head -c 4096 /dev/zero > {folder}/ballast && "
        f'exec "$@" > {folder}/token'
    )
    done = subprocess.run(
        [
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            line,
            "sh",
            ACMEDNS,
            "token",
            "new",
            "fleet",
            "-c",
            config,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "acmedns: standard output can't be written: No space left on device; nothing was done\n",
    )
    assert listed(config, "token") == []


def test_a_secret_whose_reader_has_gone_is_not_lost_without_a_word(config: str):
    """A pipe that nobody reads shows that at the write only."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run(
            [ACMEDNS, "token", "new", "fleet", "-c", config],
            check=False,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "acmedns: standard output can't be written: Broken pipe; the token fleet is made and nobody has its text: "
        "revoke it, and make one of another name\n"
    )
    assert [one["name"] for one in listed(config, "token")] == ["fleet"]


def test_letters_that_the_output_has_not_are_escaped(config: str):
    """On standard output and standard error; JSON is UTF-8 always."""
    made = acmedns("account", "new", "--label", "\N{SNOWMAN}", "--subdomain", "host", "-c", config)
    assert made.returncode == 0
    for command in (("account", "list"), ("account", "show", "host")):
        done = shell('"$@"', *command, "-c", config, PYTHONIOENCODING="latin-1")
        assert (done.returncode, done.stderr) == (0, "")
        assert r" \u2603" in done.stdout
    assert "\N{SNOWMAN}" in shell('"$@"', "account", "list", "--json", "-c", config, PYTHONIOENCODING="latin-1").stdout
    refused = shell('"$@"', "account", "show", "\N{SNOWMAN}", "-c", config, PYTHONIOENCODING="latin-1")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert r"\u2603" in refused.stderr


def test_a_closed_standard_error_hinders_nothing(config: str):
    """What is told beside the answer is lost, the answer is not."""
    done = shell('"$@" 2>&-', "token", "new", "fleet", "-c", config)
    assert done.returncode == 0
    assert tokens.has_form(done.stdout.strip())
