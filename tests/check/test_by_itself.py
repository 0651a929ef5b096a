"""The check that the running server makes: what it logs and tells, whom it checks, and that nobody mistakes it for a CA."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.check.lab import ZONE, Account, Checked, Lab
from tests.check.resolvers import Kind
from tests.lab.laboratory import ACMEDNS
from tests.lab.namespace import until
from tests.server import value

ACCOUNTS = (
    Account("web", "www.example.org, *.www.example.org"),
    Account("planned", "planned.example.org"),
    Account("locked", "locked.example.org", disabled=True),
    Account("named", "the old mail server, 192.0.2.1"),
)
RECORDS = [f"_acme-challenge.www.example.org. 60 CNAME web.{ZONE}."]

CHECK = "/admin/v1/check"


def update(lab: Lab, subdomain: str, txt: str) -> None:
    """Set a value as a client does."""
    credential = lab.ask("POST", f"/admin/v1/accounts/{subdomain}/password", {})
    headers = {"X-Api-User": credential["username"], "X-Api-Key": credential["password"]}
    sent = ("--data", json.dumps({"subdomain": subdomain, "txt": txt}))
    options = [word for name, text in headers.items() for word in ("--header", f"{name}: {text}")]
    lab.namespace.run("curl", "--fail", "--cacert", lab.trust.bundle, *sent, *options, f"https://{ZONE}/update")


def events(lab: Lab, event: str) -> list[dict]:
    """The lines of the log with this event."""
    lines = (json.loads(line) for line in lab.server.text().splitlines() if line.startswith("{"))
    return [line for line in lines if line["event"] == event]


def last(lab: Lab, *arguments: str) -> Checked:
    """Run the command that shows the last report."""
    done = lab.namespace.run(ACMEDNS, "check", "last", "-c", lab.config, *arguments, check=False)
    return Checked(done.returncode, done.stdout)


def check(lab: Lab) -> Checked:
    """Have the server check, and give its report as the command shows it."""
    runs = len(events(lab, "check_done")) + len(events(lab, "check_failed"))
    assert lab.ask("POST", CHECK)["begun"]
    until(
        lambda: len(events(lab, "check_done")) + len(events(lab, "check_failed")) > runs,
        seconds=60,
        what=f"the check to end:\n{lab.server.tail()}",
    )
    done = last(lab, "--json")
    told = json.loads(done.printed)
    assert (told["running"], told["failure"], told["every_seconds"]) == (False, None, 0)
    return Checked(done.code, json.dumps(told["report"]))


@pytest.fixture(scope="module", autouse=True)
def _in_use(lab):
    update(lab, "web", value(1))
    update(lab, "named", value(1))


@contextmanager
def broken(lab: Lab) -> Iterator[None]:
    """Take away the record of www.example.org for the length of a block."""
    without = [line for line in lab.upper["first"].zones["example.org"] if "_acme-challenge.www" not in line]
    with lab.upper["first"].serving("example.org", without), lab.upper["second"].serving("example.org", without):
        yield


BOTH = [("host-no-alias", "www.example.org"), ("host-no-alias", "*.www.example.org")]


def test_what_is_new_and_what_is_gone_is_logged_once(lab):
    """A host's record breaks, stays broken, and is mended: one line each, and one for each run; what is seen once waits."""
    sound = check(lab)
    assert sound.findings("hosts") == []
    assert [one["verdict"] for section in sound.document["sections"] for one in section["findings"]].count("FAIL") == 0
    assert not any(section["not_tested"] for section in sound.document["sections"])
    before, gone_before = len(events(lab, "check_finding_new")), len(events(lab, "check_finding_gone"))
    with broken(lab):
        assert {one["id"] for one in check(lab).findings("hosts")} == {"host-no-alias"}
        assert events(lab, "check_finding_new")[before:] == []
        assert lab.ask("GET", CHECK)["unconfirmed"] == 2
        assert "2 failures were seen for the first time" in last(lab).printed
        for _ in range(2):
            assert {one["id"] for one in check(lab).findings("hosts")} == {"host-no-alias"}
    new = events(lab, "check_finding_new")[before:]
    assert {(one["finding"], one["severity"], one["level"]) for one in new} == {("host-no-alias", "fail", "error")}
    assert {one["subject"] for one in new} == {"www.example.org", "*.www.example.org"}
    assert len(new) == 2
    assert check(lab).findings("hosts") == []
    gone = events(lab, "check_finding_gone")[gone_before:]
    assert [(one["finding"], one["subject"]) for one in gone] == BOTH
    told = [(one["new"], one["gone"], one["unconfirmed"]) for one in events(lab, "check_done")]
    assert told[-4:] == [(0, 0, 2), (2, 0, 0), (0, 0, 0), (0, 2, 0)]


def test_a_failure_that_is_seen_once_is_forgotten(lab):
    """monitoring.md 1. A blink of the network is no alert."""
    check(lab)
    lines = len(events(lab, "check_finding_new")), len(events(lab, "check_finding_gone"))
    with broken(lab):
        assert len(check(lab).findings("hosts")) == 2
    assert check(lab).findings("hosts") == []
    assert (len(events(lab, "check_finding_new")), len(events(lab, "check_finding_gone"))) == lines


def test_what_was_not_looked_at_is_not_gone(lab):
    """The root does not answer any more, so that no host is looked at: what was broken before counts on."""
    check(lab)
    gone = len(events(lab, "check_finding_gone"))
    hints = lab.hints.read_text()
    with broken(lab):
        for _ in range(2):
            check(lab)
        try:
            lab.hints.write_text(". 3600 NS dead.\ndead. 3600 A 127.0.0.99\n")
            blind = check(lab)
        finally:
            lab.hints.write_text(hints)
    assert [one["not_tested"] is None for one in blind.document["sections"] if one["name"] == "hosts"] == [False]
    skipped = {one["finding"] for one in events(lab, "check_finding_new") if one["finding"].endswith("-skipped")}
    assert "hosts-skipped" in skipped
    assert events(lab, "check_finding_gone")[gone:] == []
    check(lab)
    after = [(one["finding"], one["subject"]) for one in events(lab, "check_finding_gone")[gone:]]
    assert set(BOTH) <= set(after)
    assert ("hosts-skipped", "hosts") in after


def test_what_is_ignored_is_no_alert(lab):
    """By its id, or about one host alone; it is shown as ignored."""
    check(lab)
    lines = len(events(lab, "check_finding_new"))
    text = lab.config.read_text()
    host = ("--host", "www.example.org")
    with broken(lab):
        lab.config.write_text(f'{text}ignore = ["host-no-alias:www.example.org"]\n')
        try:
            for _ in range(2):
                check(lab)
        finally:
            lab.config.write_text(text)
        shown = lab.check(*host, options={"ACMEDNS_CHECK__IGNORE": "host-no-alias"})
        assert (shown.code, "  IGNORED   host-no-alias: www.example.org: " in shown.printed) == (0, True)
        assert lab.check(*host).code == 2
    new = [(one["finding"], one["subject"]) for one in events(lab, "check_finding_new")[lines:]]
    assert new == [("host-no-alias", "*.www.example.org")]
    check(lab)


def test_one_that_is_wished_for_is_waited_for(lab):
    """A fault that was mended is over with one command; the exit code is the report's."""
    lines = len(events(lab, "check_done"))
    with broken(lab):
        done = lab.namespace.run(ACMEDNS, "check", "now", "-c", lab.config, check=False)
        assert (done.returncode, len(events(lab, "check_done"))) == (2, lines + 1)
        assert "host-no-alias: www.example.org" in done.stdout
    done = lab.namespace.run(ACMEDNS, "check", "now", "-c", lab.config, "--json", check=False)
    assert (done.returncode, len(events(lab, "check_done"))) == (0, lines + 2)
    assert json.loads(done.stdout) == lab.ask("GET", CHECK)


def test_hosts_are_those_that_labels_of_accounts_in_use_name(lab):
    """Neither one that was never updated or is disabled, nor what is no host name; by hand it is --labels."""
    good = {one["subject"] for one in check(lab).good("hosts")}
    assert good == {"www.example.org", "*.www.example.org"}
    by_hand = lab.check("--labels", "--json")
    assert {one["subject"] for one in by_hand.good("hosts")} == good


def test_the_last_report_reads_as_any_other(lab):
    """Line for line what the command prints of the same state, but for numbers."""
    check(lab)
    shown = last(lab).printed.splitlines()
    assert shown[0].startswith("begun ")
    by_hand = lab.check("--labels").printed.splitlines()
    assert [line.split(":")[0] for line in shown[1:]] == [line.split(":")[0] for line in by_hand]


def questions(lab: Lab, subdomain: str) -> int:
    """How many there were for the name of an account since its last update."""
    rounds = lab.ask("GET", f"/admin/v1/accounts/{subdomain}/trace")["rounds"]
    return sum(one["questions"] for one in rounds[:1])


def test_no_check_is_taken_for_a_ca_in_the_trace_of_an_account(lab):
    """monitoring.md 3. By itself or by hand, through the machine's resolver too; another resolver's question shows."""
    update(lab, "web", value(2))
    check(lab)
    both = ("--host", "www.example.org", "--host", "*.www.example.org")
    resolvers = {"ACMEDNS_CHECK__RESOLVERS": Kind.FILTERED.value}
    assert lab.check(*both, "--json", options=resolvers).findings("hosts", "resolvers") == []
    lab.namespace.dig(Kind.INTERNAL.value, "_acme-challenge.www.example.org", "TXT")
    # What a check had asked would be told by now: workers tell of all questions twice a second.
    until(lambda: questions(lab, "web") > 0, seconds=20, what="the question of a resolver")
    assert questions(lab, "web") == 1
