"""Runs `acmedns` in this process: what a command does without the second that a start of Python takes.

It reads the same configuration and speaks to the same server. That the program starts, and which exit code a shell
sees, is for `Server.acmedns`, which starts a process.
"""

import subprocess

from typer.testing import CliRunner

from acmedns_py.cli import app
from tests.server import Server


def command(server: Server, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with the server's configuration; what it raises is raised."""
    options = [*arguments, "-c", str(server.config)]
    done = CliRunner().invoke(app, options, input=typed, prog_name="acmedns", catch_exceptions=False)
    return subprocess.CompletedProcess(options, done.exit_code, done.stdout, done.stderr)
