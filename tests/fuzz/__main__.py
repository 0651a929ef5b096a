"""`make fuzz`: look for inputs that break a target, for a share of the time each, and say what was reached.

Ends with 1 where something broke, and names the input and how to repeat it. What reaches something that no kept input
reaches is left in var/fuzz/TARGET until `tests.fuzz.keep` is told to keep it.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import CORPUS, DICTIONARIES, FOUND, ROOT, TARGETS

BEGUN = re.compile(r"^#\d+\s+INITED cov: (\d+)", re.MULTILINE)
LATEST = re.compile(r"^#(\d+)\s.*cov: (\d+) ft: \d+ corp: (\d+)/(\S+)", re.MULTILINE)
LOG_CHARACTERS = 4000
BROKEN = re.compile(r"Test unit written to (\S+)")


class Outcome(NamedTuple):
    """What one run came to; `broken` is the input that broke the target."""

    executions: int
    branches_before: int
    branches: int
    inputs: int
    octets: str
    broken: Path | None
    log: str


def run(target: str, found: Path, *options: str) -> Outcome:
    """Fuzz one target from its kept inputs on; `options` are libFuzzer's and bound the run.

    What reaches more is left in the folder `found`, and what breaks the target beside that folder.
    """
    found.mkdir(parents=True, exist_ok=True)
    words, kept = DICTIONARIES / f"{target}.dict", CORPUS / target
    command = [
        *(sys.executable, "-m", "tests.fuzz.fuzzing", target, f"-artifact_prefix={found.parent}/{target}-"),
        *([f"-dict={words}"] if words.exists() else []),
        *options,
        str(found),
        *([str(kept)] if kept.exists() else []),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    # What Python says of the exception goes to the one, the way to it to the other.
    log = done.stderr + done.stdout
    begun, latest, broken = BEGUN.search(log), LATEST.findall(log), BROKEN.search(log)
    if not latest or (done.returncode != 0 and broken is None):
        raise RuntimeError(f"{target} was not fuzzed (exit {done.returncode}):\n{log}")
    executions, branches, inputs, octets = latest[-1]
    return Outcome(
        executions=int(executions),
        branches_before=int(begun[1]) if begun else 0,
        branches=int(branches),
        inputs=int(inputs),
        octets=octets,
        broken=Path(broken[1]) if broken else None,
        log=log,
    )


def main(arguments: list[str]) -> bool:
    """Fuzz the targets that are named, or all; gives whether nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--found", type=Path, default=FOUND, help="where to leave what was found")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all, unless named: {', '.join(TARGETS)}")
    asked = parser.parse_args(arguments)
    targets = asked.targets or TARGETS
    share = max(1, asked.seconds // len(targets))
    print(f"{'target':<14}{'executions':>12}{'branches':>10}{'more':>6}{'inputs':>8}{'octets':>8}", flush=True)
    sound = True
    for target in targets:
        outcome = run(target, asked.found / target, f"-max_total_time={share}")
        more = outcome.branches - outcome.branches_before
        counts = f"{outcome.executions:>12}{outcome.branches:>10}{more:>6}{outcome.inputs:>8}{outcome.octets:>8}"
        print(f"{target:<14}{counts}", flush=True)
        if outcome.broken is not None:
            sound = False
            print(outcome.log[-LOG_CHARACTERS:])
            print(f"{target} is broken by {outcome.broken}; to repeat it:")
            print(f"  {sys.executable} -m tests.fuzz.replay {target} {outcome.broken}")
    return sound


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
