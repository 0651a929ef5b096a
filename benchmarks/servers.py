"""The servers that are measured, ours and those of others, each a process tree on a loopback port of its own.

They stand beside each other for a whole measurement, so that the load can go from one to the next and back; one that
nobody asks takes no time. Where a core is given, all that a server consists of runs there.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import psutil

from benchmarks.builds import Build
from benchmarks.zones import ZONE
from tests.server import free_port
from tests.tools import peers

START_SECONDS = 300.0
STOP_SECONDS = 60.0
NSD, KNOT = "NSD", "Knot"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name in the tables, its DNS port, its first process, how long it took to be ready."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    start_seconds: float
    api_port: int = 0

    def tree(self) -> list[psutil.Process]:
        """Give all its processes."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Give how long its threads have run so far, by the scheduler: `stat` counts ticks, and misses most of them."""
        return sum(
            int(schedstat.read_text(encoding="ascii").split()[0]) / 1e9
            for process in self.tree()
            for schedstat in Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        )

    def memory_octets(self) -> int:
        """Give what all its processes hold: PSS, in which a page that is shared counts once."""
        total = 0
        for process in self.tree():
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        return total


@contextlib.contextmanager
def ours(
    folder: Path,
    database: str,
    build: Build,
    *,
    workers: int,
    core: str | None = None,
    rate_limit: int = 0,
    metrics_port: int = 0,
    pair: Path | None = None,
) -> Iterator[Server]:
    """Run `acmedns serve`; it is ready when it says so to its service manager.

    Its API speaks HTTPS with a `pair`, a file of key and certificate in PEM.
    """
    folder.mkdir()
    tls = f'tls = "cert"\ntls_certificate = "{pair}"\ntls_key = "{pair}"\n' if pair else ""
    port, api_port = free_port(), free_port()
    config = folder / "config.toml"
    config.write_text(
        f'[zone]\nname = "{ZONE}"\naddresses = ["127.0.0.1"]\n'
        f'[dns]\nlisten = ["127.0.0.1:{port}"]\nworkers = {workers}\nrate_limit = {rate_limit}\n'
        f'[api]\nlisten = ["127.0.0.1:{api_port}"]\n{tls}[database]\nurl = "{database}"\n[log]\nlevel = "warning"\n'
        '[check]\nevery = "off"\n' + (f'[metrics]\nlisten = ["127.0.0.1:{metrics_port}"]\n' if metrics_port else ""),
        encoding="utf-8",
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(folder / "notify"))
        notify.settimeout(0.2)

        def ready() -> bool:
            with contextlib.suppress(TimeoutError):
                return notify.recv(200) == b"READY=1"
            return False

        with _running(
            _on(core, [*build.command, "serve", "-c", str(config)]),
            folder / "log",
            ready,
            environ={"NOTIFY_SOCKET": str(folder / "notify")},
        ) as (process, seconds):
            yield Server(build.name, port, process, seconds, api_port)


@contextlib.contextmanager
def nsd(folder: Path, zone: Path, *, processes: int = 1, core: str | None = None) -> Iterator[Server]:
    """Run NSD, its answers without the NS records that ours does not add either."""
    folder.mkdir()
    port = free_port()
    (folder / "nsd.conf").write_text(
        f'server:\n ip-address: 127.0.0.1@{port}\n username: ""\n zonesdir: "{folder}"\n server-count: {processes}\n'
        f' pidfile: "{folder}/nsd.pid"\n xfrdfile: "{folder}/xfrd.state"\n zonelistfile: "{folder}/zone.list"\n'
        f' database: ""\n rrl-ratelimit: 0\n minimal-responses: yes\n answer-cookie: yes\n reuseport: yes\n'
        f" tcp-count: 1000\nremote-control:\n control-enable: no\n"
        f'zone:\n name: {ZONE}\n zonefile: "{zone}"\n',
        encoding="utf-8",
    )
    command = [str(program("nsd")), "-d", "-c", str(folder / "nsd.conf")]
    with _running(_on(core, command), folder / "log", lambda: _answers(port)) as (process, seconds):
        yield Server(NSD, port, process, seconds)


@contextlib.contextmanager
def knot(folder: Path, zone: Path, *, workers: int = 1, core: str | None = None) -> Iterator[Server]:
    """Run Knot, with the module that answers cookies."""
    folder.mkdir()
    port = free_port()
    (folder / "knot.conf").write_text(
        f'server:\n  rundir: "{folder}"\n  listen: 127.0.0.1@{port}\n  udp-workers: {workers}\n'
        f"  tcp-workers: {workers}\n  background-workers: 1\n  tcp-reuseport: on\n"
        f'database:\n  storage: "{folder}"\n'
        "mod-cookies:\n  - id: default\n"
        f'template:\n  - id: default\n    storage: "{folder}"\n    global-module: mod-cookies/default\n'
        f'    journal-content: none\n    zonefile-load: whole\nzone:\n  - domain: {ZONE}\n    file: "{zone}"\n',
        encoding="utf-8",
    )
    command = [str(program("knotd")), "-c", str(folder / "knot.conf")]
    with _running(_on(core, command), folder / "log", lambda: _answers(port)) as (process, seconds):
        yield Server(KNOT, port, process, seconds)


def program(called: str) -> Path:
    """Give the path of a program of the distribution; ends where it is missing."""
    found = peers.find(called)
    if found is None:
        raise SystemExit(f"{called} is not installed here; run tests/tools/install")
    return found


def _answers(port: int) -> bool:
    """Say whether the zone is served; a server may answer with SERVFAIL before it is loaded."""
    time.sleep(0.02)
    with contextlib.suppress(OSError, dns.exception.DNSException):
        response = dns.query.udp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", port=port, timeout=1)
        return bool(response.answer)
    return False


def _on(core: str | None, command: list[str]) -> list[str]:
    return command if core is None else [str(program("taskset")), "-c", core, *command]


@contextlib.contextmanager
def _running(
    command: list[str], log: Path, ready: Callable[[], bool], *, environ: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a program until the end of the block; gives its process and the seconds from exec to ready."""
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environ or {})}
        )
        try:
            while not ready():
                if process.poll() is not None or time.perf_counter() > began + START_SECONDS:
                    raise SystemExit(f"{' '.join(command)} does not get ready; it says:\n{log.read_text()}")
            yield process, time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
