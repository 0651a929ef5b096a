"""`acmedns top` and its route, against questions from several networks of loopback."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from tests.ask import ask
from tests.command import command
from tests.doors.test_query_log import with_rule
from tests.doors.test_trace import CA, ask_from
from tests.server import ACMEDNS, value


def top(server, *arguments):
    done = command(server, "top", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def told(server, *arguments, questions, by="networks"):
    """The document, once so many questions are known: workers tell of them twice a second."""
    deadline = time.monotonic() + 60
    while True:
        found = json.loads(top(server, "--json", *arguments))
        if sum(one["questions"] for one in found[by]) >= questions:
            return found
        assert time.monotonic() < deadline, found


def test_the_busiest_come_first(make_server):
    """Names, networks, answers and updates of one server from its start on."""
    server = make_server().start()
    quiet, busy = server.register(), server.register()
    server.update(quiet, value(1))
    server.update(busy, value(2))
    ask_from(server, quiet, CA[0])
    ask_from(server, busy, *CA, CA[0])
    ask(server.dns, f"nobody.{server.zone}")
    ask(server.dns, "www.example.net", tcp=True)
    found = told(server, questions=7)
    assert [(one["fulldomain"], one["questions"], one["at_least"]) for one in found["names"]] == [
        (busy["fulldomain"], 6, False),
        (quiet["fulldomain"], 1, False),
    ]
    assert [(one["network"], one["questions"]) for one in found["networks"]] == [
        ("127.1.0.0/24", 3),
        *((f"127.{number}.0.0/24", 1) for number in range(2, 6)),
    ]
    assert [(one["fulldomain"], one["updated_from"]) for one in found["updates"]] == [
        (busy["fulldomain"], "127.0.0.1"),
        (quiet["fulldomain"], "127.0.0.1"),
    ]
    answers = {(one["transport"], one["rcode"]): one["answers"] for one in found["answers"]}
    # The probe of the start is answered, too.
    assert answers.pop(("udp", "NOERROR")) > 7
    assert answers.pop(("tcp", "NOERROR")) > 0
    assert answers == {("udp", "NXDOMAIN"): 1, ("tcp", "REFUSED"): 1}
    assert found["since"] < found["updates"][1]["updated"] < found["at"]
    assert (found["missed"], found["missed_lately"]) == (0, 0)
    # No query is logged here.
    assert found["failed_names"] == found["failed_networks"] == []
    found = told(server, "--limit", "1", questions=3)
    assert [len(found[kind]) for kind in ("names", "networks", "updates")] == [1, 1, 1]


def test_queries_that_failed_are_named_where_the_log_has_them(make_server):
    """A sample of one in one: unknown names and who asks for them, and what is none of this zone."""
    server = with_rule(make_server, "1/1").start()
    for _ in range(3):
        ask(server.dns, f"Nobody.{server.zone}")
    ask(server.dns, "www.example.net")
    found = told(server, questions=4, by="failed_networks")
    assert [(one["name"], one["questions"]) for one in found["failed_names"]] == [
        (f"nobody.{server.zone}.", 3),
        ("www.example.net.", 1),
    ]
    assert [(one["network"], one["questions"]) for one in found["failed_networks"]] == [("127.0.0.0/24", 4)]
    assert found["names"] == []
    shown = top(server)
    assert f"nobody.{server.zone}." in shown
    assert "FAILED FROM" in shown


def test_people_read_it_as_tables(server):
    """Once, where standard output is no terminal; no value and no password."""
    account = server.register()
    server.update(account, value(1))
    ask_from(server, account, *CA, *CA)
    told(server, "--limit", "100", questions=10)
    for arguments in ((), ("--once",)):
        shown = top(server, "--limit", "100", *arguments)
        assert account["fulldomain"] in shown
        assert "127.5.0.0/24" in shown
        assert "PER SECOND" in shown
        assert value(1) not in shown
        assert account["password"] not in shown


LEFT = "\x1b[?1049l"
"""What gives a terminal back the screen that it had."""


class Terminal:
    """`acmedns top` on a terminal of its own."""

    def __init__(self, server):
        self.ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (40, 120))
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [ACMEDNS, "top", "-c", server.config],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**os.environ, "TERM": "xterm"},
        )

    def read_until(self, pattern):
        """What comes to the screen until something fits; it must within 20 seconds."""
        shown, deadline = b"", time.monotonic() + 60
        while not re.search(pattern.encode(), shown):
            assert select.select([self.ours], [], [], max(0.0, deadline - time.monotonic()))[0], shown
            octets = os.read(self.ours, 65_536)
            assert octets, shown
            shown += octets
        return shown.decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(server):
    found = Terminal(server)
    yield found
    found.close()


@pytest.mark.parametrize("way", ["q", "Q", "interrupt"])
def test_on_a_terminal_it_goes_on_until_it_is_ended(server, terminal, way):
    """With rates from the second look on; the terminal is left as it was."""
    account = server.register()
    server.update(account, value(1))
    terminal.read_until("q ends")
    terminal.read_until(account["fulldomain"])
    terminal.read_until(r"NOERROR +[0-9]+ +[0-9]+\.[0-9]")
    if way == "interrupt":
        terminal.process.send_signal(signal.SIGINT)
    else:
        os.write(terminal.ours, way.encode())
    terminal.read_until(re.escape(LEFT))
    assert terminal.process.wait(20) == 0
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_a_server_that_goes_is_told_in_one_line(make_server):
    """Behind the screen, which is given back before."""
    server = make_server().start()
    terminal = Terminal(server)
    try:
        terminal.read_until("q ends")
        server.stop()
        shown = terminal.read_until("start acmedns serve")
        assert shown.index(LEFT) < shown.index("acmedns: no server listens")
        assert terminal.process.wait(20) == 1
        assert termios.tcgetattr(terminal.theirs) == terminal.before
    finally:
        terminal.close()


def test_without_a_server_there_is_nothing_to_tell(make_server):
    """The database knows none of it."""
    done = command(make_server(), "top", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "start acmedns serve" in done.stderr


def test_usage_is_checked():
    """A limit that is none is wrong usage."""
    done = subprocess.run([ACMEDNS, "top", "--limit", "0"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
