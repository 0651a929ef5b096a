"""The API's certificate exchanged again and again while clients ask at a fixed rate: what fails, what stays open."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from cryptography import x509

from acmedns_py.certificate.pem import Certificate, self_signed
from benchmarks import builds, servers, throughput, zones
from benchmarks.report import Row, Settings
from benchmarks.servers import Server
from benchmarks.visitors import STAYING, Seen, trusting_all

RATE = 1_000
AHEAD = 1.02
"""How much faster the clients want to be, for what a start and an end cost."""

PROCESSES = 2
EVERY_SECONDS = 0.25


def run(settings: Settings) -> list[Row]:
    """Let clients ask for the time of all rounds and exchange all the while; print what they saw."""
    build = builds.builds(settings.folder)[0]
    database = zones.database(settings.folder, throughput.RECIPE, called="swap")
    pair = settings.folder / "pair.pem"
    _put(_fresh(0), pair)
    seconds = settings.rounds * settings.seconds
    with servers.ours(settings.folder / "swap", database, build, workers=2, pair=pair) as ours:
        command = [sys.executable, "-m", "benchmarks.visitors", str(ours.api_port), f"{seconds:g}"]
        with ExitStack() as ends:
            clients = []
            for _ in range(PROCESSES):
                client = subprocess.Popen(
                    [*command, f"{RATE * AHEAD / PROCESSES:g}"], stdout=subprocess.PIPE, text=True
                )
                clients.append(ends.enter_context(client))
                ends.callback(client.kill)
            for client in clients:
                assert client.stdout is not None
                if client.stdout.readline() != "asking\n":
                    raise SystemExit("the clients of the API did not start")
            busy = ours.cpu_seconds()
            swaps = _exchange(ours, pair, time.perf_counter() + seconds)
            busy = ours.cpu_seconds() - busy
            seen = [Seen(**json.loads(client.communicate()[0])) for client in clients]
    answers, failed = sum(one.answers for one in seen), sum(one.failed for one in seen)
    kept, handshakes = sum(one.kept for one in seen), sum(one.handshakes for one in seen)
    took = sorted(took for one in seen for took in one.took)
    print(
        f"\nHTTPS at {RATE:,} requests/s from {PROCESSES} processes for {seconds:g} s, certificate exchanged all the"
        f" while; clients share the cores"
        f"\n  {answers / seconds:,.0f} requests/s answered 200, {failed} failed; {swaps} exchanges, each seen by a new"
        f" handshake\n  {kept} of {PROCESSES * STAYING} connections stayed open to the end, {handshakes} new handshakes"
        f"\n  the server took {busy / seconds:.0%} of a core, {busy / answers * 1000:.2f} ms for each answer"
        f"\n  answer from the moment it was due: median {took[len(took) // 2] * 1000:.1f} ms, 99th percentile"
        f" {took[len(took) * 99 // 100] * 1000:.1f} ms, longest {took[-1] * 1000:.0f} ms"
    )
    return [
        Row(f"HTTPS while its certificate is exchanged ({swaps} times)", answers / seconds, " requests/s", RATE, RATE),
        Row("requests that failed meanwhile", failed, "", 0, 0, at_most=True),
        Row("connections that broke meanwhile", PROCESSES * STAYING - kept, "", 0, 0, at_most=True),
    ]


def _exchange(server: Server, pair: Path, until: float) -> int:
    """Exchange until then; gives how often. Each is over when a new handshake shows it."""
    swaps = 0
    while time.perf_counter() < until:
        fresh = _fresh(swaps + 1)
        _put(fresh, pair)
        server.process.send_signal(signal.SIGHUP)
        while _shown(server) != fresh.serial:
            time.sleep(0.02)
        swaps += 1
        time.sleep(EVERY_SECONDS)
    return swaps


def _fresh(number: int) -> Certificate:
    return self_signed([f"n{number}.{zones.ZONE}"], "p256", time.time())


def _put(certificate: Certificate, pair: Path) -> None:
    beside = pair.with_suffix(".new")
    beside.write_bytes(certificate.pem)
    beside.replace(pair)


def _shown(server: Server) -> int:
    """Give the serial number of the certificate in a new handshake."""
    with (
        socket.create_connection(("127.0.0.1", server.api_port), 10) as plain,
        trusting_all().wrap_socket(plain) as secured,
    ):
        octets = secured.getpeercert(binary_form=True)
    assert octets is not None
    return x509.load_der_x509_certificate(octets).serial_number
