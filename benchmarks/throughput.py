"""Queries a second on one core: ours with one worker and NSD, alternating, TXT of 10,000 names over UDP."""

import re
import shutil
import subprocess
from pathlib import Path

from benchmarks import machine, servers

NAMES = 10_000
ROUNDS = 3
SECONDS = 5


def run(folder: Path) -> None:
    """Measure and print the medians and their ratio."""
    if shutil.which("dnsperf") is None or shutil.which("taskset") is None:
        raise SystemExit("dnsperf and taskset are needed: make peers")
    names = servers.labels(NAMES)
    queries = folder / "queries"
    queries.write_text("".join(f"{label}.{servers.ZONE} TXT\n" for label in names))
    database = servers.fill(folder, names)
    server_core, client_core = machine.cores()
    rates: dict[str, list[float]] = {"NSD": [], "acmedns": []}
    for _ in range(ROUNDS):
        with servers.nsd(folder, names, core=server_core):
            rates["NSD"].append(_queries_a_second(servers.NSD_PORT, queries, client_core))
        with servers.ours(folder, database, workers=1, core=server_core):
            rates["acmedns"].append(_queries_a_second(servers.DNS_PORT, queries, client_core))
    print(f"\nTXT over UDP, {NAMES} names, server on one core, dnsperf on the other, median of {ROUNDS} x {SECONDS} s")
    for who, figures in rates.items():
        print(f"  {who:8} {machine.median(figures):10,.0f} queries/s   ({', '.join(f'{f:,.0f}' for f in figures)})")
    print(f"  ratio    {machine.median(rates['acmedns']) / machine.median(rates['NSD']):10.2f} of NSD")


def _queries_a_second(port: int, queries: Path, core: str) -> float:
    command = [
        "dnsperf",
        "-s",
        "127.0.0.1",
        "-p",
        str(port),
        "-d",
        str(queries),
        "-l",
        str(SECONDS),
        "-c",
        "4",
        "-q",
        "200",
    ]
    output = subprocess.run(
        ["taskset", "-c", core, *command], capture_output=True, text=True, check=True, timeout=SECONDS + 60
    ).stdout
    lost = re.search(r"Queries lost:\s+(\d+)", output)
    codes = re.search(r"Response codes:\s+(.*)", output)
    assert codes is not None, output
    assert "NOERROR" in codes[1], codes[1]
    assert "," not in codes[1], f"answers other than NOERROR: {codes[1]}"
    assert lost is not None, output
    assert int(lost[1]) < 1000, output
    rate = re.search(r"Queries per second:\s+([\d.]+)", output)
    assert rate is not None, output
    return float(rate[1])
