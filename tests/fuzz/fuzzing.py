"""One run of libFuzzer on one target, through atheris: `python -m tests.fuzz.fuzzing TARGET [libFuzzer's arguments]`."""

import sys

import atheris

from tests.fuzz.targets import check_of, instrumented


def main() -> None:
    """Load the target with its branches counted, and fuzz; this process ends as libFuzzer ends it."""
    target, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=instrumented(target)):
        check = check_of(target)
    # libFuzzer starts itself anew for a merge, by a shell: its name has to be this whole command.
    atheris.Setup([f"{sys.executable} -m tests.fuzz.fuzzing {target}", *arguments], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
