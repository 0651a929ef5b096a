"""NSD, Knot and ourselves on loopback, serving the exam's zone with all that the exam asks switched on."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from acmedns_py.dns.policy import Policy
from acmedns_py.dns.responder import Transport
from acmedns_py.service.workers import Limits
from tests.conformance.subject import Subject
from tests.conformance.zone_file import UNREADABLE, zone_file
from tests.dns.example import Z
from tests.dns.packets import query
from tests.server import free_port
from tests.tools import peers
from tests.worker.running import workers

OURS, NSD, KNOT = "ours", "NSD", "Knot"
NAMES = (OURS, NSD, KNOT)
PROGRAMS = {NSD: "nsd", KNOT: "knotd"}
HOST = "127.0.0.1"
SECONDS = 20
TCP_IDLE_SECONDS = 2
IDENTITY = b"exam"
SECRET = "000102030405060708090a0b0c0d0e0f"


@contextmanager
def running(name: str, folder: Path) -> Iterator[Subject]:
    """One of the three until the end of the block; its files are in the folder."""
    with ExitStack() as stack:
        port = free_port()
        if name == OURS:
            stack.enter_context(_ours(port))
        else:
            stack.enter_context(_reference(name, folder, port))
        yield Subject(name, HOST, port, IDENTITY, TCP_IDLE_SECONDS)


@contextmanager
def _ours(port: int) -> Iterator[None]:
    policy = Policy((bytes.fromhex(SECRET),), identity=IDENTITY, tcp_idle_seconds=TCP_IDLE_SECONDS)
    with workers(HOST, port=port, policy=policy, limits=Limits(1000, 1000), count=2):
        yield


@contextmanager
def _reference(name: str, folder: Path, port: int) -> Iterator[None]:
    (folder / "zone").write_text(zone_file(UNREADABLE[name]), encoding="latin-1")
    program = peers.need(PROGRAMS[name])
    log_file = folder / f"{name}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [program, *(_nsd(folder, port) if name == NSD else _knot(folder, port))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        assert _serves(Subject(name, HOST, port)), f"{name} does not serve:\n{log_file.read_text()}"
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def _nsd(folder: Path, port: int) -> list[str | Path]:
    """Write the configuration of an NSD that tells as little as we do, and limits no rate."""
    configuration = folder / "nsd.conf"
    configuration.write_text(f"""server:
  ip-address: {HOST}@{port}
  username: ""
  chroot: ""
  server-count: 1
  database: ""
  hide-version: yes
  hide-identity: yes
  nsid: "ascii_{IDENTITY.decode()}"
  minimal-responses: yes
  ipv4-edns-size: 1232
  rrl-ratelimit: 0
  tcp-timeout: {TCP_IDLE_SECONDS}
  answer-cookie: yes
  cookie-secret: "{SECRET}"
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
zone:
  name: "{Z}"
  zonefile: "zone"
""")
    return ["-d", "-c", configuration]


def _knot(folder: Path, port: int) -> list[str | Path]:
    """Write the configuration of a Knot; one UDP thread, so that answers come in the order of the queries."""
    configuration = folder / "knot.conf"
    configuration.write_text(f"""server:
  listen: {HOST}@{port}
  rundir: "{folder}"
  udp-workers: 1
  udp-max-payload: 1232
  nsid: "{IDENTITY.decode()}"
  identity: ""
  version: ""
  tcp-idle-timeout: {TCP_IDLE_SECONDS}
  tcp-io-timeout: {TCP_IDLE_SECONDS * 1000}
database:
  storage: "{folder}/knot"
mod-cookies:
  - id: exam
    secret: "0x{SECRET}"
    badcookie-slip: 1
template:
  - id: default
    global-module: mod-cookies/exam
zone:
  - domain: "{Z}"
    storage: "{folder}"
    file: "zone"
    zonefile-load: whole
    zonefile-sync: -1
""")
    return ["-c", configuration]


def _serves(subject: Subject) -> bool:
    """Ask over TCP until the zone's SOA comes back; a port that is not bound yet refuses at once, so look again."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            if subject.answer(query(Z, "SOA"), Transport.TCP).answer:
                return True
        time.sleep(0.05)
    return False
