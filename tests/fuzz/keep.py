"""Seeds and what was found into the corpus, and that cut down to what is needed: `python -m tests.fuzz.keep TARGET...`.

Of several inputs that reach the same, libFuzzer keeps the smallest. Inputs that reach nothing of their own go, also
kept ones: what has to stay as it is belongs into a test that says why.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import CORPUS, FOUND, ROOT, TARGETS

MEASURE = {"presentation": ("-use_counters=0",)}
"""Lines reach so many branches of dnspython that how often they do is left out of account."""


def keep(target: str) -> None:
    """Replace the corpus of a target by the smallest inputs that reach as much as it, its seeds and what was found."""
    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        seeds, merged = Path(folder, "seeds"), Path(folder, "merged")
        seeds.mkdir()
        merged.mkdir()
        for number, octets in enumerate(SEEDS[target]):
            (seeds / str(number)).write_bytes(octets)
        sources = [str(source) for source in (kept, seeds, FOUND / target) if source.exists()]
        subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.fuzz.fuzzing",
                target,
                "-merge=1",
                *MEASURE.get(target, ()),
                str(merged),
                *sources,
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        for file in kept.iterdir():
            file.unlink()
        for file in merged.iterdir():
            (kept / file.name).write_bytes(file.read_bytes())
    files = list(kept.iterdir())
    print(f"{target}: {len(files)} inputs, {sum(file.stat().st_size for file in files)} octets")


if __name__ == "__main__":
    for name in sys.argv[1:] or TARGETS:
        keep(name)
