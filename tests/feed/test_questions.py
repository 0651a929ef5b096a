"""Folding of notes: nothing is lost, whatever the order and wherever the cuts; nonsense is refused."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.asked import MOST_NOTES
from acmedns_py.dns.message import Now
from acmedns_py.dns.source import packed, site
from acmedns_py.feed.frames import FeedError, FrameStream, Questions, encoded, worker_decoder
from acmedns_py.feed.questions import AskedName, Asker, folded

OWNERS = (b"\1a\1z\0", b"\1b\1z\0")
SOURCES = (*(packed(bytes((192, 0, number, 7)), 53) for number in range(3)), packed(bytes(15) + b"\1", 53))
NOTES = st.lists(
    st.builds(
        lambda owner, source, rd, at, valued: (owner, source, rd, Now(0.0, float(at)), valued),
        st.sampled_from(OWNERS),
        st.sampled_from(SOURCES),
        st.booleans(),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=30,
)


def table(names):
    """The askers by name and network."""
    return {(one.owner, asker.network): asker for one in names for asker in one.askers}


@given(NOTES)
def test_what_is_folded_says_what_the_notes_say(notes):
    """Counts, first and last time by name and network, and whether all of them had RD set."""
    found = table(folded(notes))
    for (owner, network), asker in found.items():
        mine = [note for note in notes if (note[0], site(note[1])) == (owner, network)]
        times = [note[3].unix for note in mine]
        assert (asker.count, asker.first, asker.last) == (len(mine), min(times), max(times))
        assert asker.resolver_wanted == all(note[2] for note in mine)
        assert asker.valued in {note[4] for note in mine if note[3].unix == asker.last}
    assert sum(asker.count for asker in found.values()) == len(notes)


@given(NOTES, st.integers(0, 30))
def test_parts_add_up_to_the_whole(notes, cut):
    """Control adds up what workers send twice a second."""
    parts = [table(folded(notes[:cut])), table(folded(notes[cut:]))]
    added = dict(parts[0])
    for key, asker in parts[1].items():
        added[key] = added[key].plus(asker) if key in added else asker
    assert added == table(folded(notes))


@given(NOTES)
def test_what_is_folded_passes_the_feed(notes):
    """A worker's own words are never refused."""
    frame = Questions(folded(notes), 3)
    assert FrameStream(worker_decoder).receive(encoded(frame)) == [frame]


GOOD = {"network": b"\xc0\0\2", "count": 1, "first": 1.0, "last": 2.0, "resolver_wanted": False, "valued": True}


@pytest.mark.parametrize(
    "bad",
    [
        {"network": b"\xc0\0"},
        {"network": b"\xc0\0\2\1"},
        {"count": 0},
        {"first": 3.0},
        {"first": -1.0},
        {"last": math.inf},
        {"last": math.nan},
        {"last": 1e300},
    ],
)
def test_what_no_worker_says_tears_the_feed(bad):
    """A worker that was broken into may say anything; people are shown these times and networks."""
    with pytest.raises(ValueError, match="no network that asked"):
        Asker(**{**GOOD, **bad})
    good = Asker(**GOOD)
    frame = encoded(Questions((AskedName(OWNERS[0], (good,)),), 0))
    assert FrameStream(worker_decoder).receive(frame)
    said = msgspec.msgpack.encode(["Questions", [[OWNERS[0], [list({**GOOD, **bad}.values())]]], 0])
    with pytest.raises(FeedError, match="no network that asked"):
        FrameStream(worker_decoder).receive(len(said).to_bytes(4, "big") + said)


@pytest.mark.parametrize(
    ("askers", "count", "missed"),
    [(MOST_NOTES + 1, 1, 0), (1, MOST_NOTES + 1, 0), (2, 2**63, 0), (1, 1, -1), (1, 1, 2**32), (1, 1, 2**64 - 1)],
)
def test_more_than_a_worker_can_note_tears_the_feed(askers, count, missed):
    """Control's memory is bounded by what it takes at once, too; and no number in it grows beyond what was asked."""
    name = [OWNERS[0], [list({**GOOD, "count": count}.values())] * askers]
    said = msgspec.msgpack.encode(["Questions", [name], missed])
    with pytest.raises(FeedError, match=r"more (missed )?questions than"):
        FrameStream(worker_decoder).receive(len(said).to_bytes(4, "big") + said)
