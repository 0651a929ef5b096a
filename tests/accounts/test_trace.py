"""The memory of who asked for what: to which update a question belongs, and what is forgotten when there is too much."""

from acmedns_py.accounts import trace
from acmedns_py.accounts.trace import MOST_ASKERS, MOST_ROUNDS, Traces
from acmedns_py.feed.questions import AskedName, Asker

LABEL = "www"


class World:
    """Traces with a clock that stands still until it is set."""

    def __init__(self):
        self.now = 1000.0
        self.traces = Traces(lambda: self.now, window_seconds=3600, ca_networks=4)

    def update(self, at, source="192.0.2.1", label=LABEL):
        self.now = at
        self.traces.updated(label, source)

    def ask(self, at, *networks, label=LABEL, missed=0):
        askers = tuple(Asker(network, 1, at, at, resolver_wanted=False, valued=True) for network in networks)
        self.traces.heard([AskedName(bytes([len(label)]) + label.encode() + b"\1z\0", askers)], missed)

    def rounds(self, label=LABEL):
        return [(one.at, {*one.askers}) for one in self.traces.of(label).rounds]


def network(number):
    return number.to_bytes(3, "big")


def test_questions_belong_to_the_last_update_before_them():
    """However late they are told: a worker's news are half a second old."""
    world = World()
    world.ask(1001.0, network(1))
    world.update(1010.0)
    world.ask(1011.0, network(2))
    world.update(1020.0)
    world.ask(1019.9, network(3))
    world.ask(1020.1, network(4))
    world.ask(1009.9, network(5))
    assert world.rounds() == [
        (1020.0, {network(4)}),
        (1010.0, {network(2), network(3)}),
        (None, {network(1), network(5)}),
    ]


def test_a_name_is_the_same_in_any_letter_case():
    """Owners are folded, labels may not be."""
    world = World()
    world.update(1010.0, label="WWW")
    assert [at for at, _ in world.rounds("Www")] == [1010.0, None]


def test_a_network_that_asks_again_is_one():
    """With the sum of its questions."""
    world = World()
    world.ask(1001.0, network(1))
    world.ask(1005.0, network(1))
    [one] = world.traces.of(LABEL).rounds
    assert one.askers == {network(1): Asker(network(1), 2, 1001.0, 1005.0, resolver_wanted=False, valued=True)}


def test_the_last_rounds_are_kept():
    """An update in a loop, or a host that renews for years."""
    world = World()
    for number in range(MOST_ROUNDS + 3):
        world.update(1010.0 + number)
    assert [at for at, _ in world.rounds()] == [1010.0 + number for number in range(MOST_ROUNDS + 2, 2, -1)]


def test_the_networks_that_asked_last_are_kept():
    """And it is said that there were others."""
    world = World()
    for number in range(MOST_ASKERS):
        world.ask(1001.0 + number, network(number))
    assert not world.traces.of(LABEL).rounds[0].crowded
    world.ask(1100.0, network(999))
    [one] = world.traces.of(LABEL).rounds
    assert one.crowded
    assert {*one.askers} == {network(999), *(network(number) for number in range(1, MOST_ASKERS))}


def test_names_are_forgotten_in_the_order_in_which_they_were_heard_of(monkeypatch):
    """What is remembered of one that comes back begins at that moment, and says so."""
    monkeypatch.setattr(trace, "MOST_NAMES", 2)
    world = World()
    world.ask(1001.0, network(1), label="a")
    world.ask(1002.0, network(1), label="b")
    world.ask(1003.0, network(2), label="a")
    world.now = 1004.0
    world.ask(1004.0, network(1), label="c")
    assert (world.rounds("a"), world.rounds("b")) == ([(None, {network(1), network(2)})], [])
    assert [world.traces.of(label).since for label in "abc"] == [1000.0, 1004.0, 1000.0]
    world.ask(1005.0, network(1), label="d")
    assert [world.traces.of(label).since for label in "cd"] == [1000.0, 1004.0]


def test_networks_of_all_names_together_are_bounded(monkeypatch):
    """Each name may have few and all of them many; rounds that are dropped leave their room."""
    monkeypatch.setattr(trace, "MOST_ASKERS_IN_ALL", 8)
    world = World()
    for number in range(20):
        world.update(1010.0 + number, label="a")
        world.ask(1010.0 + number, network(1), label="a")
    world.ask(1040.0, network(1), network(2), label="b")
    assert len(world.rounds("a")) == MOST_ROUNDS
    world.ask(1041.0, network(1), network(2), label="c")
    assert world.rounds("a") == []
    assert world.rounds("b") == [(None, {network(1), network(2)})]


def test_what_the_workers_missed_makes_the_memory_incomplete():
    """For each name that was remembered then: whose questions they were nobody knows."""
    world = World()
    world.ask(1001.0, network(1))
    assert world.traces.of(LABEL).complete
    world.ask(1002.0, network(1), label="other", missed=5)
    assert not world.traces.of(LABEL).complete
