"""Single inputs through their target, without atheris: `python -m tests.fuzz.replay TARGET FILE...`."""

import sys
from pathlib import Path

from tests.fuzz.targets import check_of

if __name__ == "__main__":
    for file in sys.argv[2:]:
        check_of(sys.argv[1])(Path(file).read_bytes())
        print(f"{file}: passed")
