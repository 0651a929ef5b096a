"""What counts after several reports: neither is a group mended that was not looked at, nor does one lost packet count."""

import msgspec
import pytest

from acmedns_py.service.check_standing import NOTHING, Report

LATE = "the time of this check has run out"


def finding(kind: str, verdict: str, subject: str, **more: bool) -> dict:
    """A finding as the document of a report has it."""
    return {"id": kind, "verdict": verdict, "subject": subject, "seen": "seen", **more}


def section(name: str, *findings: dict, not_tested: str | None = None) -> dict:
    """A section of such a document."""
    return {"name": name, "not_tested": not_tested, "findings": list(findings)}


def counted(*reports: list[dict]) -> list[set[tuple[str, str]]]:
    """Ids and subjects of what counts after each report."""
    found, standing = [], NOTHING
    for sections in reports:
        standing = standing.after(msgspec.convert({"exit_code": 0, "sections": sections}, Report))
        assert standing.problems.total() == len(standing.counted)
        found.append(set(standing.counted))
    return found


WWW = finding("host-no-alias", "FAIL", "www.example.org")
BROKEN = [section("hosts", WWW)]
SOUND = [section("hosts", finding("host-path", "OK", "www.example.org"))]
SKIPPED = [section("hosts", not_tested=LATE)]
KEY = ("host-no-alias", "www.example.org")


@pytest.mark.parametrize(
    ("reports", "last"),
    [
        ([BROKEN], set()),
        ([BROKEN, SOUND], set()),
        ([BROKEN, SOUND, BROKEN], set()),
        ([BROKEN, BROKEN], {KEY}),
        ([BROKEN, BROKEN, SOUND], set()),
        ([SKIPPED], {("hosts-skipped", "hosts")}),
        ([SKIPPED, SOUND], set()),
        ([BROKEN, BROKEN, SKIPPED, SKIPPED], {KEY, ("hosts-skipped", "hosts")}),
        ([BROKEN, SKIPPED], {("hosts-skipped", "hosts")}),
        ([BROKEN, SKIPPED, BROKEN], {KEY}),
        ([BROKEN, BROKEN, SKIPPED, SOUND], set()),
        # The host is named no more, or no host is.
        ([BROKEN, BROKEN, [section("hosts")]], set()),
        ([BROKEN, BROKEN, []], set()),
    ],
)
def test_a_failure_counts_when_it_was_seen_twice_and_until_it_was_looked_for(reports, last):
    """Whatever comes between."""
    assert counted(*reports)[-1] == last


@pytest.mark.parametrize(
    ("former", "missed", "stays"),
    [
        (WWW, finding("host-not-tested", "NOT TESTED", "www.example.org"), True),
        (WWW, finding("host-not-tested", "NOT TESTED", "mail.example.org"), False),
        (finding("resolver-stale", "WARN", "www.example.org at 9.9.9.9"), finding("r", "NOT TESTED", "9.9.9.9"), True),
        (finding("resolver-stale", "WARN", "www.example.org at 1.1.1.1"), finding("r", "NOT TESTED", "9.9.9.9"), False),
        (finding("ns-is-alias", "FAIL", "ns1"), finding("d", "NOT TESTED", "example.org", stops=True), True),
        (finding("ns-single", "NOTE", "example.org"), finding("above", "FAIL", "org", stops=True), True),
        (
            finding("above", "FAIL", "org", stops=True),
            finding("no-delegation", "FAIL", "example.org", stops=True),
            False,
        ),
    ],
)
def test_what_was_not_looked_at_within_a_group_stays_as_well(former, missed, stays):
    """By the subject, or all where the group could not go on."""
    before, missing = [section("hosts", former)], [section("hosts", missed)]
    assert ((former["id"], former["subject"]) in counted(before, before, missing)[-1]) is stays


def test_what_is_good_and_what_is_ignored_do_not_count():
    """A note does."""
    told = [
        finding("a", "OK", "x"),
        finding("b", "NOTE", "x"),
        finding("c", "WARN", "x", ignored=True),
        finding("d", "FAIL", "x", ignored=True),
    ]
    assert counted([section("hosts", *told)], [section("hosts", *told)])[-1] == {("b", "x")}
