"""Reports: the order of sections and findings, the cause, the exit code, and what becomes of text from outside."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.check.finding import MOST_CHARACTERS, Finding, Kind, Verdict, told
from acmedns_py.check.report import Report, report_of


def kind(verdict: Verdict, *, stops: bool = False) -> Kind:
    """Make a kind that is called by its verdict."""
    return Kind(f"x-{verdict.lower()}", verdict, "a title", "a consequence", "a cure", stops)


def report(*sections: list[Verdict], skipped: bool = False) -> Report:
    """Make a report with a section for each list of verdicts."""
    made = Report("auth.example.org")
    for number, verdicts in enumerate(sections):
        made.add(f"s{number}", f"Section {number}", [Finding(kind(one), "subject", "seen") for one in verdicts])
    if skipped:
        made.skip("last", "Last", "no reason")
    return made


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report([], []), 0),
        (report([Verdict.NOTE], []), 0),
        (report([Verdict.WARN], [Verdict.NOTE]), 1),
        (report([Verdict.WARN], [Verdict.FAIL]), 2),
        (report([Verdict.NOTE], skipped=True), 3),
        (report([Verdict.OK, Verdict.NOT_TESTED]), 3),
        (report([Verdict.WARN], skipped=True), 1),
        (report([Verdict.FAIL], skipped=True), 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst(made, code):
    """0 good, 1 a warning, 2 a failure, 3 nothing worse than something untested."""
    assert made.exit_code == code


@pytest.mark.parametrize(
    ("ignored", "code", "cause"),
    [
        ([], 2, "x-fail"),
        (["x-fail"], 1, None),
        (["x-fail:subject", "x-warn:subject"], 0, None),
        (["x-fail:subject"], 1, None),
        (["x-fail:other", "subject"], 2, "x-fail"),
    ],
)
def test_what_is_ignored_is_shown_and_does_not_count(ignored, code, cause):
    """Read again as well."""
    made = report([Verdict.FAIL, Verdict.WARN])
    made.ignore(ignored)
    for one in (made, report_of(made.document)):
        assert (one.exit_code, one.cause and one.cause.kind.id) == (code, cause)
        assert sum("IGNORED " in line for line in one.lines()) == sum(
            finding["ignored"] for finding in one.document["sections"][0]["findings"]
        )
        assert len(one.sections[0].findings) == 2
    assert any("IGNORED " in line for line in made.lines()) is (code < 2)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.OK),
        ([Verdict.OK, Verdict.NOTE], Verdict.NOTE),
        ([Verdict.OK, Verdict.NOT_TESTED, Verdict.NOTE], Verdict.NOT_TESTED),
        ([Verdict.NOT_TESTED, Verdict.WARN], Verdict.WARN),
    ],
)
def test_a_section_is_as_bad_as_the_worst_in_it(verdicts, expected):
    """What was not looked at is not good."""
    assert report(verdicts).sections[0].verdict is expected


def test_the_first_failure_on_the_way_is_the_cause():
    """Sections are in the order of a CA's query; a warning before it is no cause."""
    made = report([Verdict.WARN], [Verdict.NOTE, Verdict.FAIL], [Verdict.FAIL])
    cause = made.cause
    assert cause is not None
    assert cause is made.sections[1].findings[0], "the worst of a section comes first"
    assert list(made.lines())[-1].startswith("Begin with x-fail at subject")


def test_what_depends_on_a_failure_that_stops_is_told_why_it_is_not_tested():
    """A failure that does not stop leaves the rest to be tested."""
    made = report([Verdict.FAIL])
    assert made.stopped == ""
    made.add("walk", "Delegation", [Finding(kind(Verdict.FAIL, stops=True), "subject", "seen")])
    assert made.stopped == "it depends on Delegation, see x-fail"


def test_the_document_holds_what_the_text_holds():
    """It is JSON, and has every part of a finding."""
    made = Report("auth.example.org")
    made.add(
        "s", "S", [Finding(kind(Verdict.FAIL), "ns1.", "it", paste=("a. NS b.",), repeat="dig a. NS")], seen="1 server"
    )
    made.skip("t", "T", "a reason")
    document = json.loads(msgspec.json.encode(made.document))
    assert document["cause"] == {"id": "x-fail", "subject": "ns1."}
    assert document["exit_code"] == 2
    assert document["sections"][0]["findings"][0]["paste"] == ["a. NS b."]
    assert document["sections"][1] == {
        "name": "t",
        "title": "T",
        "verdict": "NOT TESTED",
        "seen": "",
        "not_tested": "a reason",
        "findings": [],
    }


def test_a_report_is_read_back_from_its_document():
    """As text it says the same."""
    made = report([Verdict.WARN], [Verdict.OK, Verdict.NOTE, Verdict.FAIL], skipped=True)
    made.add("s", "S", [Finding(kind(Verdict.FAIL), "a", "b", "c", "d", ("a. NS b.",), "dig a. NS")], seen="1 server")
    read = report_of(json.loads(msgspec.json.encode(made.document)))
    assert list(read.lines()) == list(made.lines())
    assert read.document == made.document


@given(st.text(max_size=3000))
def test_text_from_outside_is_one_line_of_bounded_length(text):
    """Whatever a server says: no control octet gets through, and no page of HTML."""
    line = told(text)
    assert line.isprintable()
    assert len(line) <= MOST_CHARACTERS + 3
