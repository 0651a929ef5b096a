"""`python -m benchmarks [dns] [api] [latency]`: run the measurements named, or all, and print what they gave."""

import sys
import tempfile
from pathlib import Path

from benchmarks import api, latency, machine, throughput

PARTS = {"dns": throughput.run, "api": api.run, "latency": latency.run}


def main() -> None:
    """Run the parts in order, each with a folder of its own."""
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        sys.exit(f"no such measurement: {', '.join(unknown)}; known are {', '.join(PARTS)}")
    print(machine.description())
    for part in wanted:
        with tempfile.TemporaryDirectory(prefix="acmedns-bench-") as folder:
            PARTS[part](Path(folder))


main()
