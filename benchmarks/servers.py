"""The servers that are measured, ours and NSD, with the same names, each on its own loopback port."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from acmedns_py.dns import name
from acmedns_py.store.store import SqlStore

ZONE = "auth.example.org"
VALUE = "x" * 43
DNS_PORT, API_PORT, NSD_PORT = 15353, 15380, 15354
START_SECONDS = 60.0

_VERIFIER = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def labels(count: int) -> list[str]:
    """Give challenge labels of the usual form, the same in each run."""
    return [str(uuid.UUID(int=number, version=4)) for number in range(count)]


async def _fill(database: str, names: list[str]) -> None:
    store = await SqlStore.open(
        database, apex=name.from_text(ZONE), window_seconds=3600, max_values=100, on_commit=lambda _commit: None
    )
    try:
        for start in range(0, len(names), 500):
            await asyncio.gather(*(_add(store, label) for label in names[start : start + 500]))
    finally:
        await store.close()


async def _add(store: SqlStore, label: str) -> None:
    username = str(uuid.uuid4())
    await store.register(username=username, label=label, allow_from=[], verifier=_VERIFIER)
    account = await store.account(username)
    assert account is not None
    await store.add_value(account, VALUE)


def fill(folder: Path, names: list[str]) -> str:
    """Make a SQLite database with these names, each with one live value, and give its URL."""
    url = f"sqlite:///{folder}/acmedns.db"
    asyncio.run(_fill(url, names))
    return url


@contextlib.contextmanager
def ours(folder: Path, database: str, *, workers: int, core: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run `acmedns serve` until the end of the block."""
    config = folder / "config.toml"
    config.write_text(
        f'[zone]\nname = "{ZONE}"\naddresses = ["127.0.0.1"]\n'
        f'[dns]\nlisten = ["127.0.0.1:{DNS_PORT}"]\nworkers = {workers}\n'
        f'[api]\nlisten = ["127.0.0.1:{API_PORT}"]\n[database]\nurl = "{database}"\n[log]\nlevel = "warning"\n'
    )
    command = [str(Path(sys.executable).with_name("acmedns")), "serve", "-c", str(config)]
    with _running(_on(core, command), folder / "acmedns.log", ("127.0.0.1", API_PORT)) as process:
        yield process


@contextlib.contextmanager
def nsd(folder: Path, names: list[str], *, core: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run NSD with one server process over the same zone until the end of the block."""
    program = shutil.which("nsd") or "/usr/sbin/nsd"
    records = "".join(f'{label} 1 IN TXT "{VALUE}"\n' for label in names)
    (folder / "zone").write_text(
        f"$ORIGIN {ZONE}.\n@ 3600 IN SOA {ZONE}. hostmaster.{ZONE}. 1 14400 3600 604800 60\n"
        f"@ 3600 IN NS {ZONE}.\n@ 3600 IN A 127.0.0.1\n{records}"
    )
    (folder / "nsd.conf").write_text(
        f'server:\n ip-address: 127.0.0.1@{NSD_PORT}\n username: ""\n zonesdir: "{folder}"\n server-count: 1\n'
        f' pidfile: "{folder}/nsd.pid"\n xfrdfile: "{folder}/xfrd.state"\n zonelistfile: "{folder}/zone.list"\n'
        f' database: ""\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n'
        f"zone:\n name: {ZONE}\n zonefile: zone\n"
    )
    command = [program, "-d", "-c", str(folder / "nsd.conf")]
    with _running(_on(core, command), folder / "nsd.log", ("127.0.0.1", NSD_PORT)) as process:
        yield process


def _on(core: str | None, command: list[str]) -> list[str]:
    return command if core is None else ["taskset", "-c", core, *command]


@contextlib.contextmanager
def _running(command: list[str], log: Path, address: tuple[str, int]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection(address, 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[-3]} does not start:\n{log.read_text()}")
                time.sleep(0.05)
            time.sleep(1)  # NSD accepts before its zone is loaded; ours is ready when it accepts
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
