"""`acmedns account trace` and its route, against questions from other networks: loopback has 65,536 of them."""

import json
import time

import dns.message
import dns.query
import pytest

from tests.ask import SECONDS, ask
from tests.command import command
from tests.server import value


def ask_from(server, account, *hosts, rd=False):
    """Ask for an account's TXT records from these addresses."""
    for host in hosts:
        query = dns.message.make_query(account["fulldomain"], "TXT")
        if not rd:
            query.flags &= ~dns.flags.RD
        dns.query.udp(query, server.dns[0], port=server.dns[1], timeout=SECONDS, source=host)


CA = [f"127.{number}.0.1" for number in range(1, 6)]


def trace(server, account, *arguments):
    done = command(server, "account", "trace", account["username"], *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def traced(server, account, questions):
    """What is told once so many questions have been: workers tell of them twice a second."""
    deadline = time.monotonic() + 60
    while True:
        found = json.loads(trace(server, account, "--json"))
        if sum(one["questions"] for one in found["rounds"]) >= questions:
            return found
        assert time.monotonic() < deadline, found


def test_a_renewal_is_told_step_by_step(server):
    """Registered, updated, looked at by the client, asked by a CA: each with its verdict."""
    account = server.register()
    found = traced(server, account, 0)
    assert (found["verdict"], found["rounds"], found["values"]) == ("never_updated", [], [])
    server.update(account, value(1))
    found = traced(server, account, 0)
    assert (found["verdict"], found["complete"], len(found["values"])) == ("waiting", True, 1)
    [one] = found["rounds"]
    assert (one["updated_from"], one["questions"], one["networks"], one["first"]) == ("127.0.0.1", 0, [], None)
    ask_from(server, account, "127.0.0.9")
    ask_from(server, account, "127.9.0.1", rd=True)
    found = traced(server, account, 2)
    assert found["verdict"] == "asked_by_itself"
    assert {(one["network"], one["own"]) for one in found["rounds"][0]["networks"]} == {
        ("127.0.0.0/24", True),
        ("127.9.0.0/24", True),
    }
    ask_from(server, account, CA[0])
    assert traced(server, account, 3)["verdict"] == "waiting"
    ask_from(server, account, *CA[1:])
    found = traced(server, account, 7)
    [one] = found["rounds"]
    assert (found["verdict"], one["questions"], len(one["networks"])) == ("asked_by_a_ca", 7, 7)
    assert one["updated"] <= one["first"] <= one["last"]
    assert all(network["valued"] for network in one["networks"])


def test_a_private_ca_asks_from_as_many_networks_as_is_said(make_server):
    """One, by the configuration."""
    server = make_server(config="[challenges]\nca_networks = 1\n").start()
    account = server.register()
    server.update(account, value(1))
    ask_from(server, account, CA[0])
    assert traced(server, account, 1)["verdict"] == "asked_by_a_ca"


def test_each_update_has_questions_of_its_own(server):
    """A repeat of a value is an update, too; the operator's hand is told from the client's."""
    account = server.register()
    server.update(account, value(1))
    ask_from(server, account, CA[0])
    traced(server, account, 1)
    server.update(account, value(1))
    ask_from(server, account, CA[1], CA[1])
    traced(server, account, 3)
    assert command(server, "account", "values", account["username"], "--set", value(2)).returncode == 0
    found = traced(server, account, 3)
    assert [(one["questions"], one["updated_from"]) for one in found["rounds"]] == [
        (0, "local socket"),
        (2, "127.0.0.1"),
        (1, "127.0.0.1"),
    ]


def test_an_order_without_an_update_is_told(server):
    """A client that can't log in: the CA asks, and there is no value."""
    account = server.register()
    ask_from(server, account, *CA)
    found = traced(server, account, 5)
    assert (found["verdict"], found["rounds"][0]["updated"]) == ("asked_without_update", None)
    assert not any(network["valued"] for network in found["rounds"][0]["networks"])


def test_people_read_it_as_tables(server):
    """The verdict in a sentence, then the updates, then who asked since the last one."""
    account = server.register()
    server.update(account, value(1))
    ask_from(server, account, *CA)
    traced(server, account, 5)
    shown = trace(server, account)
    assert "verdict:     asked from 5 networks: a CA has seen the value" in shown
    assert "127.5.0.0/24" in shown
    assert account["password"] not in shown
    assert value(1) not in shown


def test_questions_over_tcp_count_and_others_do_not(server):
    """Other types and other accounts' names are no sign of a CA at this name."""
    account, other = server.register(), server.register()
    ask(server.dns, account["fulldomain"], "A")
    ask(server.dns, other["fulldomain"])
    ask(server.dns, account["fulldomain"], tcp=True)
    found = traced(server, account, 1)
    # A worker that was asked before tells before: what is not there by now is not coming.
    traced(server, other, 1)
    assert sum(one["questions"] for one in traced(server, account, 1)["rounds"]) == 1
    assert found["verdict"] == "never_updated"


def test_the_memory_begins_with_the_server(make_server):
    """What was asked before is not known, and said not to be; without a server there is nothing to tell."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    ask_from(server, account, *CA)
    before = traced(server, account, 5)
    server.stop()
    done = command(server, "account", "trace", account["username"])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "start acmedns serve" in done.stderr
    server.start()
    found = traced(server, account, 0)
    assert (found["verdict"], found["rounds"]) == ("not_known", [])
    assert found["last_update_from"] == "127.0.0.1"
    assert found["known_since"] > before["rounds"][0]["last"]


@pytest.mark.parametrize("name", ["nobody", "nobody/trace"])
def test_there_is_none_of_an_account_that_is_not(server, name):
    done = command(server, "account", "trace", name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
