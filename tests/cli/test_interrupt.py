"""Ctrl-C at the command line: quiet, however early it comes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ACMEDNS = Path(sys.executable).with_name("acmedns")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_modules_are_loaded_there_is_no_traceback(tmp_path: Path, number: signal.Signals):
    """The process ends by the signal, as the shell expects it."""
    # What the command line is made of, in its place: it comes when nothing else has begun.
    (tmp_path / "typer.py").write_text(f"import os, time\nos.kill(os.getpid(), {number:d})\ntime.sleep(20)\n")
    done = subprocess.run(
        [ACMEDNS, "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")


def test_while_a_server_is_waited_for_there_is_none_either(tmp_path: Path):
    """The command ends in its own order, so that what it has made by then is handed over."""
    path = tmp_path / "admin.sock"
    (tmp_path / "config.toml").write_text(
        f'[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n[admin]\nsocket = "{path}"\n'
        f'[database]\nurl = "sqlite:///{tmp_path}/acmedns.db"\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        command = subprocess.Popen(
            [ACMEDNS, "stats", "-c", tmp_path / "config.toml"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        accepted, _ = listening.accept()
        with accepted:
            accepted.recv(100)
            command.send_signal(signal.SIGINT)
            out, told = command.communicate()
    assert (command.returncode, out, told) == (130, "", "")
