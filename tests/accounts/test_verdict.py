"""The verdict as a table: who asked, when and for what, against the last update."""

import pytest

from acmedns_py.accounts.verdict import Facts, Word, own, verdict
from acmedns_py.feed.questions import Asker

START, UPDATED, WINDOW = 10_000.0, 20_000.0, 3600.0
LATER = 100_000.0
"""Than all that happens here."""
SELF = "192.0.2.55"


def asker(first_octets, at, last=None, *, rd=False, valued=True):
    """One network, named by its first two octets."""
    network = bytes([*first_octets, 1])
    return Asker(network, 1, UPDATED + at, UPDATED + (at if last is None else last), rd, valued)


def five(at, *, valued=True):
    return [asker((10, number), at + number, valued=valued) for number in range(5)]


CLIENT = Asker(b"\xc0\0\2", 3, UPDATED + 1, UPDATED + 5, resolver_wanted=False, valued=True)
THROUGH_RESOLVER = asker((8, 8), 2, rd=True)


@pytest.mark.parametrize(
    ("updated", "askers", "word", "says"),
    [
        (None, [], Word.NEVER_UPDATED, "never updated"),
        (None, [asker((10, 1), 5)], Word.NEVER_UPDATED, "never updated"),
        (None, five(5), Word.ASKED_WITHOUT_UPDATE, "asked from 5 networks, but never updated"),
        (UPDATED, [], Word.NEVER_ASKED, "updated, but never asked since"),
        (START - 1, [], Word.NOT_KNOWN, "not asked since the memory"),
        (UPDATED, [CLIENT], Word.ASKED_BY_ITSELF, "the client has not told the CA"),
        (UPDATED, [CLIENT, THROUGH_RESOLVER], Word.ASKED_BY_ITSELF, "the client has not told the CA"),
        (UPDATED, [CLIENT, asker((10, 1), 5)], Word.ASKED_BY_FEW, "asked from 1 network only"),
        (UPDATED, [asker((10, 1), 5), asker((10, 2), 6)], Word.ASKED_BY_FEW, "asked from 2 networks only"),
        (UPDATED, [asker((10, 1), 5, valued=False)], Word.ASKED_BY_FEW, "without a value"),
        # Five neighbours are one party.
        (
            UPDATED,
            [Asker(bytes([10, 1, n]), 1, UPDATED, UPDATED, False, True) for n in range(5)],
            Word.ASKED_BY_FEW,
            "1 network",
        ),
        # Five parties within an hour are resolvers of people.
        (UPDATED, [asker((10, n), 300 * n) for n in range(5)], Word.ASKED_BY_FEW, "5 networks"),
        (UPDATED, five(10)[:3], Word.ASKED_BY_FEW, "asked from 3 networks"),
        (UPDATED, five(10)[:4], Word.ASKED_BY_A_CA, "asked from 4 networks"),
        (UPDATED, [CLIENT, *five(10)], Word.ASKED_BY_A_CA, "asked from 5 networks: a CA has seen the value"),
        (START - 1, five(-10_000), Word.ASKED_BY_A_CA, "a CA has seen the value"),
        (UPDATED, five(10, valued=False), Word.ASKED_WITHOUT_UPDATE, "each time without a value"),
        (UPDATED, five(WINDOW + 1), Word.ASKED_WITHOUT_UPDATE, "but not updated for that"),
        # Seen by a CA then, and asked for today without an update.
        (
            UPDATED,
            [asker((10, n), n, 80_000 + n) for n in range(5)],
            Word.ASKED_WITHOUT_UPDATE,
            "but not updated for that",
        ),
    ],
)
def test_the_verdict(updated, askers, word, says):
    """A word for programs, and a sentence that says what was seen."""
    found = judged(updated, askers)
    assert (found.word, says in found.text) == (word, True), found


def judged(updated, askers, *, now=LATER, ca_networks=4, complete=True):
    source = None if updated is None else SELF
    return verdict(Facts(updated, source, START, tuple(askers), WINDOW, now, ca_networks, complete))


@pytest.mark.parametrize(
    ("askers", "after", "word"),
    [
        ([], 1, Word.WAITING),
        ([], 899, Word.WAITING),
        ([], 901, Word.NEVER_ASKED),
        ([CLIENT], 10, Word.ASKED_BY_ITSELF),
        ([asker((10, 1), 600)], 601, Word.WAITING),
        ([asker((10, 1), 600)], 899, Word.WAITING),
        ([asker((10, 1), 600)], 901, Word.ASKED_BY_FEW),
        ([asker((10, 1), 1)], 302, Word.ASKED_BY_FEW),
        (five(1), 10, Word.ASKED_BY_A_CA),
        (five(1, valued=False), 10, Word.ASKED_WITHOUT_UPDATE),
    ],
)
def test_nothing_is_called_broken_that_may_be_under_way(askers, after, word):
    """monitoring.md 3: 15 minutes from an update to a question, 5 from the first network to the rest."""
    assert judged(UPDATED, askers, now=UPDATED + after).word is word


@pytest.mark.parametrize(
    ("updated", "askers", "word"),
    [
        (UPDATED, [], Word.NOT_KNOWN),
        (UPDATED, [CLIENT], Word.NOT_KNOWN),
        (UPDATED, [asker((10, 1), 5)], Word.NOT_KNOWN),
        (UPDATED, five(5), Word.ASKED_BY_A_CA),
        (None, [], Word.NEVER_UPDATED),
    ],
)
def test_nothing_follows_from_questions_that_were_not_noted(updated, askers, word):
    """In a flood a CA's may be among those."""
    assert judged(updated, askers, complete=False).word is word


@pytest.mark.parametrize(("count", "ca_networks"), [(1, 1), (2, 2), (1, 2), (5, 6)])
def test_a_ca_may_ask_from_fewer_networks_or_more(count, ca_networks):
    """monitoring.md 3: a private CA often has one."""
    found = judged(UPDATED, five(5)[:count], ca_networks=ca_networks)
    assert found.word is (Word.ASKED_BY_A_CA if count >= ca_networks else Word.ASKED_BY_FEW)
    if count < ca_networks:
        assert f"a CA asks from {ca_networks} and more" in found.text


def test_a_disabled_account_is_that_before_all_else():
    assert verdict(Facts(UPDATED, SELF, START, tuple(five(1)), WINDOW, LATER, 4, disabled=True)).word is Word.DISABLED


@pytest.mark.parametrize("source", [None, "user:root", "local", "2001:db8::1"])
def test_where_the_updater_is_not_known_nobody_is_its_own(source):
    """An operator sets values through a socket."""
    assert not own(CLIENT, source)


def test_the_updaters_own_network_of_ipv6_is_its_48():
    """The client's other addresses are in there."""
    mine = Asker(b"\x20\1\x0d\xb8\0\1", 1, 0.0, 0.0, resolver_wanted=False, valued=True)
    assert own(mine, "2001:db8:1:ffff::9")
    assert not own(mine, "2001:db8:2::9")
