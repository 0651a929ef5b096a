"""`python -m tests.soak --seconds N`: soak, print the sums, exit 1 where anything was wrong."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.run import Soak, make_server

parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
parser.add_argument("--seconds", type=float, default=1800, help="how long (default 1800)")
arguments = parser.parse_args()

with tempfile.TemporaryDirectory(prefix="acmedns-soak-") as folder:
    server = make_server(Path(folder)).start()
    soak = Soak(server, arguments.seconds)
    try:
        asyncio.run(soak.run())
    finally:
        server.close()
        print(soak.text())
sys.exit(bool(soak.report.findings))
