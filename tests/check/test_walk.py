"""The walk by itself: how much a zone can have it do."""

import itertools

from acmedns_py.check.facts import Answer, Problem, Question
from acmedns_py.check.walk import MOST_UNGLUED, SERVERS_TRIED, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.rrset import RRset

SERVER = "192.0.2.1"
SERVERS_OF_EACH = 26


class Maze:
    """Name servers in the place of all: each zone below `evil` is served by many names without glue, in fresh zones."""

    def __init__(self) -> None:
        self.questions = 0
        self._numbers = itertools.count()

    async def ask_whole(self, question: Question, address: str) -> Answer:
        """Answer as an `Asker` does."""
        self.questions += 1
        labels = list(name.labels(question.qname))
        if question.qtype != RRType.NS or labels[0] in {b"ns", b"n"}:
            return Answer(question, address, authoritative=True, rcode=Rcode.NXDOMAIN)
        if labels == [b"evil"]:
            servers = [name.from_text("ns.evil.")]
            glue = (RRset(servers[0], RRType.A, 1, (bytes((192, 0, 2, 1)),)),)
        else:
            servers = [name.from_text(f"n.z{next(self._numbers)}.evil.") for _ in range(SERVERS_OF_EACH)]
            glue = ()
        return Answer(
            question, address, authority=(RRset(question.qname, RRType.NS, 1, tuple(servers)),), additional=glue
        )


async def test_servers_that_lead_to_ever_more_servers_are_not_followed_without_end():
    """Each name needs another zone, whose names need others: as in the attack that is called NXNS."""
    maze = Maze()
    cut = await Walk(maze, {"root.": (SERVER,)}).cut(name.from_text("www.victim.evil."))
    assert cut.broken == "no server of victim.evil. has an address"
    assert maze.questions <= 3 * MOST_UNGLUED


async def test_a_host_with_addresses_of_one_family_asks_the_servers_that_it_can_reach():
    """Addresses without a way there are passed over, however many come first."""
    hints = {f"{number}.root.": (f"192.0.2.{number}", f"2001:db8::{number}") for number in range(1, SERVERS_TRIED + 2)}

    class Ipv6Alone:
        async def ask_whole(self, question: Question, address: str) -> Answer:
            if ":" not in address:
                return Answer(question, address, Problem.UNREACHABLE)
            return Answer(question, address, authoritative=True, rcode=Rcode.NXDOMAIN)

    found = await Walk(Ipv6Alone(), hints).lookup(name.from_text("example."), RRType.TXT)
    assert found.broken == ""
    assert found.steps[-1].address == "2001:db8::1"


async def test_a_referral_in_place_of_an_answer_is_no_absence():
    """Of a server that fails for NS alone, so that the zone which it refers to was not seen."""
    zone = name.from_text("example.")

    class Refers:
        async def ask_whole(self, question: Question, address: str) -> Answer:
            below = question.qname != zone
            if below and question.qtype == RRType.NS:
                return Answer(question, address, rcode=Rcode.REFUSED)
            owner = question.qname if below else zone
            glue = RRset(owner, RRType.A, 1, (bytes((192, 0, 2, 1)),))
            return Answer(question, address, authority=(RRset(owner, RRType.NS, 1, (owner,)),), additional=(glue,))

    found = await Walk(Refers(), {"root.": (SERVER,)}).lookup(name.from_text("www.example."), RRType.CAA)
    assert found.rrset is None
    assert found.broken == f"{SERVER}: an answer without authority"
