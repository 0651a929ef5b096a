"""Commands of the program as an operator runs them, timed, on databases of either engine."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, zones
from tests.postgres import Postgres, find_postgres

_ACMEDNS = Path(sys.executable).with_name("acmedns")

_COUNTING = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""A small program that starts the one to be counted: to the kernel a program was as large as who started it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How long a command took, and how large the program has been at the most."""

    seconds: float
    peak_mib: float


def run(*arguments: str | Path) -> Ran:
    """Run once, with the last line printed that it told; the kernel says how large the program has been."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _COUNTING, _ACMEDNS, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    *told, peak_kib = done.stdout.splitlines()
    if done.returncode != 0:
        raise SystemExit(f"acmedns {arguments[0]} failed with exit code {done.returncode}")
    ran = Ran(seconds, int(peak_kib) / 1024)
    print(f"  {told[-1]}: {ran.seconds:.0f} s, {ran.peak_mib:.0f} MiB, load {machine.load()}", flush=True)
    return ran


def configure(path: Path, url: str) -> Path:
    """Write a configuration for a database; gives its path."""
    path.write_text(f'[zone]\nname = "{zones.ZONE}"\naddresses = ["192.0.2.1"]\n[database]\nurl = "{url}"\n')
    return path


@contextmanager
def postgresql() -> Iterator[Postgres | None]:
    """Run a server for the block; None where there is no PostgreSQL on this machine."""
    binaries = find_postgres()
    if binaries is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="acmedns-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(binaries, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
