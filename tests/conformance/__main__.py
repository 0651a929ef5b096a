"""The exam on the command line: `zone` writes the zone file, `exam` puts the questions and prints the counts.

python -m tests.conformance exam                  ours, NSD and Knot in turn, then the oracle
python -m tests.conformance exam 192.0.2.1:53     the server on that address, which must serve the zone
python -m tests.conformance zone                  that zone as a zone file
"""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.subject import LAST_QUERY
from tests.conformance.zone_file import zone_file

HERE = Path(__file__).parent
COLUMNS = ("passed", "failed", "known departures", "skipped")


class Counts:
    """A pytest plugin that counts outcomes by subject, and keeps what a person needs to repeat each failure."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = {}
        self.failures: list[str] = []
        self.oracle = ""
        self._subjects: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn which server each test is about."""
        for item in items:
            params = getattr(getattr(item, "callspec", None), "params", {})
            self._subjects[item.nodeid] = params.get("subject", "all together")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each test once: by its call, or by the step before it that ended it."""
        if report.when != "call" and report.passed:
            return
        outcome = "known departures" if hasattr(report, "wasxfail") else report.outcome
        self.outcomes.setdefault(self._subjects[report.nodeid], Counter())[outcome] += 1
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            repeat = "".join(text for title, text in report.sections if title == LAST_QUERY)
            self.failures.append(f"{report.nodeid}\n{crash.message if crash else report.longreprtext}\n{repeat}")
        if "test_oracle.py" in report.nodeid:
            self.oracle += "".join(text for title, text in report.sections if title == "Captured stdout call")

    def print(self) -> None:
        """Failures first, then the oracle's counts by rule, then the table."""
        for failure in self.failures:
            print(f"\nFAILED {failure}")
        print(self.oracle)
        print(f"{'':24}" + "".join(f"{column:>18}" for column in COLUMNS))
        for subject, counted in sorted(self.outcomes.items()):
            print(f"{subject:24}" + "".join(f"{counted[column]:18}" for column in COLUMNS))


def examine(subject: str | None) -> int:
    """Run the exam and print what came out; gives the exit code."""
    counts = Counts()
    words = [str(HERE), "-q", "--no-header", "--no-summary", "--tb=short", "-p", "no:randomly"]
    if subject:
        words += ["--subject", subject]
    code = pytest.main(words, plugins=[counts])
    counts.print()
    return int(code)


def main(words: list[str]) -> int:
    """Do what the words say."""
    if words == ["zone"]:
        # The zone has octets beyond ASCII in escaped form only.
        print(zone_file(), end="")
        return 0
    if words[:1] == ["exam"] and len(words) <= 2:
        return examine(words[1] if len(words) == 2 else None)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
