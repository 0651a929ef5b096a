"""Lasting values from /update and the command line into DNS, by every way in which a worker comes to know them."""

import json
import os
import signal

import dns.flags
import pytest

from acmedns_py.accounts.directory import shown_value
from tests.ask import ask, from_every_worker
from tests.command import command
from tests.doors.test_account import as_json, refusal, told
from tests.faults.test_workers import wait_for_workers
from tests.server import value

PERSIST = "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard"
LONG = "ca.example; accounturi=https://ca.example/" + "a" * 300 + '; note="quoted\\;'
ODD = "tab\t nul\0 ü \x7f" + "x" * 1_000


def octets(response):
    """Each TXT record of an answer as its strings."""
    return [rdata.strings for rrset in response.answer for rdata in rrset]


def holds(server, account, *texts):
    """Every worker answers these and no others, byte-exact once joined, by both transports (dns-correctness #32)."""
    for response in from_every_worker(server.dns, account["fulldomain"]):
        if response.flags & dns.flags.TC:
            assert not response.answer
            continue
        found = octets(response)
        assert sorted(b"".join(strings) for strings in found) == sorted(text.encode() for text in texts)
        for strings in found:
            assert all(len(string) == 255 for string in strings[:-1])


def test_lasting_values_are_served_by_every_way(server):
    """From the request, from a snapshot, and from the database; beside challenges, which come and go."""
    account = server.register()
    assert server.update(account, PERSIST).json == {"error": "bad_txt"}
    assert as_json(server, "txt-rule", account["username"], "any")["txt_rule"] == "any"
    for text in (LONG, PERSIST):
        assert server.update(account, text).json == {"txt": text}
    assert not ask(server.dns, account["fulldomain"], use_edns=0, payload=1232).flags & dns.flags.TC
    holds(server, account, LONG, PERSIST)
    for number in (1, 2):
        assert server.update(account, value(number)).status == 200
    assert server.update(account, ODD).json == {"txt": ODD}
    everything = (LONG, PERSIST, ODD, value(1), value(2))
    assert ask(server.dns, account["fulldomain"], use_edns=0, payload=1232).flags & dns.flags.TC
    holds(server, account, *everything)
    pids = server.worker_pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_for_workers(server, other_than=[pids[0]])
    holds(server, account, *everything)
    server.stop()
    server.start()
    holds(server, account, *everything)
    shown = json.loads(server.request("GET", "/account", headers=credential(account)).body)
    assert shown["txt_rule"] == "any"
    assert {one["txt"] for one in shown["values"]} == {shown_value(one.encode()) for one in everything}
    assert "holds 3 lasting values" in refusal(server, "txt-rule", account["username"], "acme")
    told(server, "values", account["username"], "--remove", LONG)
    holds(server, account, PERSIST, ODD, value(1), value(2))
    assert server.update(account, "").status == 200
    holds(server, account)
    assert as_json(server, "txt-rule", account["username"], "acme")["txt_rule"] == "acme"
    assert [one["result"] for one in entries(server, account, "txt_rule_set")] == ["done", PASSED_OVER, "done"]


PASSED_OVER = (
    "refused: the account holds 3 lasting values, which the rule acme does not know; take them away first: "
    "acmedns account values ACCOUNT --remove TXT, or acmedns account clear ACCOUNT"
)


def test_what_is_odd_about_a_value_is_said(server):
    """By the command and in the log; the value is served all the same, and stands in no log."""
    made = as_json(server, "new", "--txt-rule", "any")
    done = command(server, "account", "values", made["username"], "--set", "ca.example; accounturi=17\t;")
    assert done.returncode == 0
    assert done.stderr == (
        "acmedns: the value is served, but this is no record of dns-persist-01 (RFC 8659 4.2): "
        "parameter 2 is empty; a ; stands only between two parameters\n"
    )
    assert "ca.example; accounturi=17\\009;  " in done.stdout
    holds(server, made, "ca.example; accounturi=17\t;")
    assert server.update(made, "ca.example; policy=all").status == 200
    event = server.wait_for_log("lasting_value_odd", "no accounturi")
    assert event["account"] == made["username"]
    assert "accounturi=17" not in server.log.read_text()
    assert command(server, "account", "values", made["username"], "--set", PERSIST).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("txt-rule", "{}", "some"), "'some' is no rule of values; write acme or any"),
        (("new", "--txt-rule", "ANY"), "'ANY' is no rule of values; write acme or any"),
        (("values", "{}", "--set", "x" * 1_025), "a value of 1025 octets can't be used; write 1 to 1024"),
        (
            ("values", "{}", "--set", PERSIST),
            "or let the account hold other text: acmedns account txt-rule ACCOUNT any",
        ),
        (("values", "{}", "--set", "caf\udce9"), "--set is not UTF-8; write text"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(server, arguments, said):
    username = server.register()["username"]
    assert said in refusal(server, *(one.format(username) for one in arguments))


def credential(account):
    """The two headers."""
    return {"X-Api-User": account["username"], "X-Api-Key": account["password"]}


def entries(server, account, action):
    """The entries of the audit log about an account."""
    lines = command(server, "audit", "--json").stdout.splitlines()
    return [one for one in map(json.loads, lines) if (one["subject"], one["action"]) == (account["username"], action)]
