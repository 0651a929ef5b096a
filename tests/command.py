"""Runs `acmedns` in this process: what a command does without the second that a start of Python takes.

It reads the same configuration and speaks to the same server. That the program starts, what it does on signals and
with closed pipes, and which exit code a shell sees, is for tests that start a process.
"""

import subprocess
from contextlib import chdir
from pathlib import Path

from typer.testing import CliRunner

from acmedns_py.cli import app
from tests.server import Server


def acmedns(*arguments: str | Path, typed: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command line, in this folder; what it raises is raised."""
    options = [str(argument) for argument in arguments]
    with chdir(folder or Path.cwd()):
        done = CliRunner().invoke(app, options, input=typed, prog_name="acmedns", catch_exceptions=False)
    return subprocess.CompletedProcess(options, done.exit_code, done.stdout, done.stderr)


def command(server: Server, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with the server's configuration."""
    return acmedns(*arguments, "-c", server.config, typed=typed)
