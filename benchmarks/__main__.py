"""`python -m benchmarks [PART ...]`: measure the parts named, or all, and print what they gave.

Kinds of queries that are named together are measured in one run, beside plain TXT.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import api, backup, cost, hand, latency, machine, many, report, swap, takeover, throughput
from benchmarks.report import Row, Settings

PARTS: dict[str, Callable[[Settings], list[Row]]] = {
    "cores": throughput.cores,
    "rate-limit": throughput.rate_limit,
    "metrics": throughput.metrics,
    "many": many.speed,
    "size": many.size,
    "import": takeover.run,
    "hand": hand.run,
    "backup": backup.run,
    "latency": latency.run,
    "api": api.run,
    "swap": swap.run,
    "cost": cost.run,
}
QUICK_MANY = 100_000


def main() -> None:
    """Run the parts in order, each with a folder of its own, and end with the table of verdicts."""
    known = [*throughput.KINDS, *PARTS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, side by side with others.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(known)}; all without one")
    parser.add_argument("--rounds", type=int, default=5, help="of which medians are taken (default: 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run in a round (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one round of a second, a tenth of the accounts: a look")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="where the part cost draws what it saw")
    arguments = parser.parse_args()
    wanted = arguments.parts or known
    if unknown := [part for part in wanted if part not in known]:
        parser.error(f"no such part: {', '.join(unknown)}; known are {', '.join(known)}")
    # As after Ctrl+C, so that no server is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(machine.description())
    rows: list[Row] = []
    work: list[Callable[[Settings], list[Row]]] = []
    if kinds := [throughput.KINDS[part] for part in wanted if part in throughput.KINDS]:
        work.append(lambda settings: throughput.kinds(settings, kinds))
    work += [PARTS[part] for part in wanted if part in PARTS]
    for measure in work:
        with tempfile.TemporaryDirectory(prefix="acmedns-bench-") as folder:
            settings = Settings(
                folder=Path(folder),
                rounds=1 if arguments.quick else arguments.rounds,
                seconds=1.0 if arguments.quick else arguments.seconds,
                many=QUICK_MANY if arguments.quick else many.MANY,
                plot=arguments.plot,
            )
            rows += measure(settings)
    print(f"\n{report.verdicts(rows)}\n\nload      {machine.load()}, at the end")


main()
