"""Run the lab for people: every flow in every layout, step by step, with the names in each certificate.

python -m tests.lab [--layout one-name|separate-names] [--keep FOLDER] [FLOW ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.lab.flows import FLOWS
from tests.lab.laboratory import laboratory
from tests.lab.layouts import LAYOUTS
from tests.lab.namespace import LabError


def main() -> int:
    """Run what was asked for and give the number of flows that failed, 1 at most."""
    flows = {flow.__name__: flow for flow in FLOWS}
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Real certificates through our server.")
    parser.add_argument("--layout", choices=LAYOUTS, action="append", help="only this layout (may be repeated)")
    parser.add_argument("--keep", type=Path, help="keep all files and logs in this folder, which must not exist")
    parser.add_argument("flows", nargs="*", metavar="FLOW", help=f"only these: {', '.join(flows)}")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.flows if name not in flows]:
        parser.error(f"no such flow: {', '.join(unknown)}")
    failed = []
    with ExitStack() as ends:
        if arguments.keep:
            top = arguments.keep.absolute()
            top.mkdir(parents=True)
        else:
            top = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="acmedns-lab-")))
        for title in arguments.layout or LAYOUTS:
            folder = top / title
            folder.mkdir()
            failed += _run_layout(folder, title, arguments.flows or list(flows))
    print(f"\n{len(failed)} failed: {', '.join(failed)}" if failed else "\nall certificates issued as they should be")
    return int(bool(failed))


def _run_layout(folder: Path, title: str, chosen: list[str]) -> list[str]:
    failed = []
    print(f"\n== layout {title}", flush=True)
    try:
        with laboratory(folder, LAYOUTS[title], say=_say) as lab:
            for flow in (flow for flow in FLOWS if flow.__name__ in chosen):
                print(f"\n-- {(flow.__doc__ or '').splitlines()[0]}", flush=True)
                start = time.monotonic()
                try:
                    flow(lab)
                except LabError as error:
                    print(f"   FAILED: {error}\n   the server's log ends with:\n{lab.server.tail()}", flush=True)
                    failed.append(f"{title}/{flow.__name__}")
                print(f"   ({time.monotonic() - start:.1f} s)", flush=True)
    except LabError as error:
        print(f"   the lab did not start: {error}", flush=True)
        failed.append(title)
    return failed


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
