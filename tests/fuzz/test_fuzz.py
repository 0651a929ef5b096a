"""The kept inputs through every target, and a short look for more; a target that a fault is put into finds it."""

import importlib.util
import shlex
import subprocess

import pytest

from tests.fuzz.__main__ import main, run
from tests.fuzz.targets import CORPUS, ROOT, TARGETS, check_of, corpus

HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
fuzzed = pytest.mark.skipif(not HAS_ATHERIS, reason="atheris has no wheel for this Python or machine")

BOUNDS = ("-runs=20000", "-max_total_time=10")
MOST_FILES = 500
MOST_OCTETS = 300_000


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_break_nothing(target):
    """What once reached something of its own is tried at every run of the suite."""
    check = check_of(target)
    files = corpus(target)
    assert files, "no input is kept"
    for file in files:
        check(file.read_bytes())


def test_corpus_stays_small():
    """What is kept is minimised: it is read by people's tools and by every clone."""
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    files = [file for target in TARGETS for file in corpus(target)]
    assert len(files) <= MOST_FILES
    assert sum(file.stat().st_size for file in files) <= MOST_OCTETS


@fuzzed
@pytest.mark.parametrize("target", TARGETS)
def test_a_short_look_for_more_breaks_nothing(target, tmp_path):
    """Inputs that nobody has seen yet, for as many runs or seconds as come first."""
    outcome = run(target, tmp_path / "found", *BOUNDS)
    assert outcome.broken is None, outcome.log
    assert outcome.executions > len(corpus(target))


@fuzzed
def test_a_planted_fault_is_found_and_can_be_repeated(tmp_path, capsys):
    """A bound that is wrong by one, found from nothing kept; the words of `make fuzz` repeat it without atheris."""
    assert not main(["--seconds", "120", "--found", str(tmp_path), "planted"])
    said = capsys.readouterr().out
    assert "AssertionError: an exception inside" in said
    again = subprocess.run(shlex.split(said.splitlines()[-1]), cwd=ROOT, capture_output=True, text=True, check=False)
    assert "AssertionError: an exception inside" in again.stderr
    assert again.returncode == 1
