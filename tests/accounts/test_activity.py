"""What goes on: of late and ever, by name and network; with a clock that stands still until it is set."""

from acmedns_py.accounts import activity
from acmedns_py.accounts.activity import SPAN_SECONDS, SPANS, Activity, Updated
from acmedns_py.accounts.ranking import Busy
from acmedns_py.dns.codes import Rcode
from acmedns_py.dns.source import packed
from acmedns_py.feed.frames import NotedQuery
from acmedns_py.feed.questions import AskedName, Asker

START = 1000.0


class World:
    """An activity and its clock."""

    def __init__(self):
        self.now = START
        self.activity = Activity(lambda: self.now)

    def ask(self, label, *networks, times=1, missed=0):
        askers = tuple(Asker(one, times, self.now, self.now, resolver_wanted=False, valued=True) for one in networks)
        self.activity.heard([AskedName(bytes([len(label)]) + label.encode() + b"\1z\0", askers)], missed)

    def names(self):
        return [(one.name, one.lately, one.ever) for one in self.activity.seen(9).names]


V4, V6 = b"\xc0\x00\x02", b"\x20\x01\x0d\xb8\x00\x01"


def test_names_and_networks_are_counted():
    """One question counts once for its name, and once for its network."""
    world = World()
    world.ask("a", V4, V6, times=2)
    world.ask("b", V4)
    seen = world.activity.seen(9)
    whole = {"at_least": False}
    assert seen.names == [Busy("a", 4, 4, **whole), Busy("b", 1, 1, **whole)]
    assert seen.networks == [Busy(V4, 3, 3, **whole), Busy(V6, 2, 2, **whole)]
    assert world.activity.seen(1).names == seen.names[:1]


def test_lately_ends():
    """After the spans that are kept; what was ever stays."""
    world = World()
    world.ask("a", V4)
    world.now += SPAN_SECONDS * (SPANS - 1)
    world.ask("b", V4)
    assert world.names() == [("a", 1, 1), ("b", 1, 1)]
    world.now += SPAN_SECONDS
    assert world.names() == [("b", 1, 1), ("a", 0, 1)]
    world.now += 3600
    assert world.names() == [("a", 0, 1), ("b", 0, 1)]


def test_how_long_lately_is():
    """Not longer than the server counts; the present span is as old as it is."""
    world = World()
    world.now += 1.5
    assert (world.activity.seen(9).since, world.activity.seen(9).lately_seconds) == (START, 1.5)
    world.now += 100
    assert world.activity.seen(9).lately_seconds == SPAN_SECONDS * (SPANS - 1) + 1.5


def test_a_clock_that_is_set_back_leaves_nothing_of_the_future():
    """And counting goes on."""
    world = World()
    world.ask("a", V4)
    world.now -= 500
    assert world.names() == [("a", 0, 1)]
    assert world.activity.seen(9).lately_seconds == 0
    world.ask("b", V4)
    assert world.names() == [("b", 1, 1), ("a", 0, 1)]


def test_what_was_missed_is_told():
    """Of late and ever."""
    world = World()
    world.ask("a", V4, missed=5)
    world.now += 3600
    world.ask("a", V4, missed=2)
    seen = world.activity.seen(9)
    assert (seen.missed, seen.missed_lately) == (7, 2)


def test_logged_queries_that_failed_are_counted():
    """By name in any letter case and by network; what is no name has come from somewhere all the same."""
    world = World()
    answered, question = (b"\1A\1z\0" + bytes((0, 16, 0, 1)), b"\1b\1Z\0" + bytes((0, 1, 0, 1)))
    source = packed(V4 + b"\7", 53)
    world.activity.noted(
        [
            NotedQuery(START, source, tcp=False, question=answered, rcode=Rcode.NOERROR),
            NotedQuery(START, source, tcp=False, question=question, rcode=Rcode.NXDOMAIN),
            NotedQuery(START, source, tcp=True, question=question.lower(), rcode=Rcode.REFUSED),
            NotedQuery(START, source, tcp=False, question=b"\5b", rcode=Rcode.FORMERR),
        ]
    )
    seen = world.activity.seen(9)
    assert seen.failed_names == [Busy(b"\1b\1z\0", 2, 2, at_least=False)]
    assert seen.failed_networks == [Busy(V4, 3, 3, at_least=False)]
    assert (seen.names, seen.networks) == ([], [])
    world.now += 3600
    assert [(one.lately, one.ever) for one in world.activity.seen(9).failed_networks] == [(0, 3)]


def test_the_last_updates_come_first(monkeypatch):
    """So many as are asked for, of those that are kept."""
    monkeypatch.setattr(activity, "MOST_UPDATES", 3)
    world = World()
    for number in range(5):
        world.now += 1
        world.activity.updated(f"n{number}", None if number % 2 else "192.0.2.1")
    last = [Updated("n4", 1005.0, "192.0.2.1"), Updated("n3", 1004.0, None), Updated("n2", 1003.0, "192.0.2.1")]
    assert world.activity.seen(9).updates == last
    assert world.activity.seen(2).updates == last[:2]
