"""Promise 1, by thousands of questions at the very moment of an acknowledgement, and the proof that lies are found."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.faults import broken_acknowledgement
from tests.faults.asking import Fixed, totals
from tests.faults.checker import check
from tests.server import ZONE

WORKERS = 3
FIXED = (
    Fixed(f"www.{ZONE}", "A", "NOERROR", (frozenset({"192.0.2.1"}),)),
    Fixed(f"www.{ZONE}", "TXT", "NOERROR"),
    Fixed(f"nobody.{ZONE}", "TXT", "NXDOMAIN"),
)
ROUND = ("kill", "reload", "pause", "pause", "hang", "reload", "kill", "pause")


def checked(server, **options):
    """Run the checker and print what it counted."""
    report = asyncio.run(check(server, fixed=FIXED, **options))
    print(*totals(report.counts), sep="\n")
    return report


@pytest.mark.parametrize(
    ("database_url", "rounds", "fewest_answers"),
    [("sqlite", 3, 20_000), ("postgresql", 1, 2_000)],
    indirect=["database_url"],
)
def test_every_worker_answers_what_was_acknowledged(make_server, database_url, rounds, fewest_answers):
    """Over UDP and TCP, from the 200 on, whoever is killed, paused or reloaded: no value missing, none too many."""
    server = make_server(database_url=database_url, workers=WORKERS).start()
    report = checked(server, clients=12, plan=ROUND * rounds, fewest_answers=fewest_answers)
    assert report.findings == [], "\n".join(report.findings)
    assert all(report.counts[f"fault: {step}"] for step in ROUND)
    assert all(report.counts[word] for word in ("registered", "added", "repeated", "removed", "cleared"))


@pytest.mark.parametrize("lie", broken_acknowledgement.BROKEN)
def test_an_acknowledgement_that_lies_is_found(make_server, lie):
    """The same checker, against a server that says 200 too early: it sees an answer from before the change."""
    launcher = (sys.executable, str(Path(broken_acknowledgement.__file__)), lie)
    server = make_server(workers=WORKERS).start(before=launcher)
    report = checked(server, clients=12, plan=("pause", "pause", "hang") * 4)
    words = ("misses", "must not", "NXDOMAIN for a registered name")
    assert any(word in finding for finding in report.findings for word in words), "the checker saw nothing wrong"
