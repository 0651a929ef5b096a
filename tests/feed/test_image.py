"""The image of the zone: a snapshot and the commits behind it give the same as the image itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.table import ChallengeTable, Parts
from acmedns_py.feed.changes import ChallengeChange, Commit, StaticChange, StaticData, ZoneState
from acmedns_py.feed.frames import Challenges, Loaded, Static, encoded
from acmedns_py.feed.image import CHUNK_OCTETS, ZoneImage

APEX = b"\1z\0"
owners = st.sampled_from([bytes([length]) + bytes([letter]) * length + APEX for letter in b"abc" for length in (1, 2)])
values = st.none() | st.lists(st.sampled_from([b"1" * 43, b"2" * 43, b"3"]), max_size=3, unique=True).map(tuple)
data = st.none() | st.builds(StaticData, st.integers(0, 9), st.just((b"x",)))


def commits(first: int):
    """Commits in cursor order."""
    one = st.tuples(
        st.lists(st.builds(ChallengeChange, owners, st.none(), values), max_size=3),
        st.lists(st.builds(StaticChange, owners, st.sampled_from([1, 16]), st.none(), data), max_size=2),
    )
    return st.lists(one, max_size=8).map(
        lambda many: [Commit(first + n, tuple(c), tuple(s)) for n, (c, s) in enumerate(many)]
    )


def content(frames):
    """What a worker holds after these frames."""
    parts, static, cursor = Parts([], [], {}), {}, None
    for frame in frames:
        match frame:
            case Static(rrsets):
                static.update({(owner, rrtype): rrset for owner, rrtype, rrset in rrsets})
            case Challenges(buckets, marks, names):
                parts.buckets.extend(buckets)
                parts.marks.extend(marks)
                parts.others.update(names)
            case Loaded(at):
                cursor = at
    return ZoneState(cursor, ChallengeTable.of_parts(APEX, parts), static)


@given(commits(11), commits(31))
def test_a_snapshot_is_whole_at_its_call_whatever_comes_after(before, after):
    """Commits applied while the snapshot is being sent are not in it; applied behind it they give the image."""
    image = ZoneImage(ZoneState(10, ChallengeTable(APEX), {}))
    for commit in before:
        image.apply(commit)
    frames = image.snapshot()
    for commit in after:
        image.apply(commit)
    sent = content(frames)
    assert sent.cursor == (before[-1].cursor if before else 10)
    replayed = ZoneImage(sent)
    for commit in after:
        replayed.apply(commit)
    assert content(replayed.snapshot()) == content(image.snapshot())


@pytest.mark.parametrize(("names", "values"), [(20_000, 0), (10_000, 2), (3_000, 100), (400, 1_000)])
def test_a_large_snapshot_goes_in_chunks(names, values):
    """No frame is much larger than the bound, however many names or values; the last says for which cursor they stand."""
    every = {b"\x08%08d" % n + APEX: tuple(b"%043d" % v for v in range(values)) for n in range(names)}
    frames = list(ZoneImage(ZoneState(7, ChallengeTable(APEX, every), {})).snapshot())
    assert max(len(encoded(frame)) for frame in frames) < CHUNK_OCTETS * 1.5
    assert content(frames) == (7, every, {})


def test_the_serial_is_the_low_half_of_the_cursor():
    """A cursor past 2^32 goes on as RFC 1982 wants it."""
    assert ZoneImage(ZoneState(2**32 + 5, ChallengeTable(APEX), {})).serial == 5


def test_an_image_holds_the_challenge_names_of_this_moment():
    """Registered ones, with values or without; no static name."""
    image = ZoneImage(ZoneState(10, ChallengeTable(APEX, {b"\1a\1z\0": ()}), {(b"\1s\1z\0", 16): StaticData(1, ())}))
    assert [image.holds(owner) for owner in (b"\1a\1z\0", b"\1b\1z\0", b"\1s\1z\0")] == [True, False, False]
    image.apply(Commit(11, (ChallengeChange(b"\1a\1z\0", (), None), ChallengeChange(b"\1b\1z\0", None, ()))))
    assert [image.holds(owner) for owner in (b"\1a\1z\0", b"\1b\1z\0")] == [False, True]
