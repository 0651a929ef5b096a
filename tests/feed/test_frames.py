"""The codec of the feed: frames survive any cut of the stream, and nothing else is taken for one."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.policy import Policy
from acmedns_py.feed.changes import ChallengeChange, Commit, StaticChange, StaticData
from acmedns_py.feed.frames import (
    MAX_FRAME_OCTETS,
    MOST_NOTED,
    Adopt,
    Applied,
    Apply,
    Ask,
    Challenges,
    CookieSecrets,
    FeedError,
    Frame,
    FrameStream,
    Hello,
    Listener,
    Loaded,
    Noted,
    NotedQuery,
    NoteQueries,
    Questions,
    Release,
    Report,
    Serve,
    Setup,
    Static,
    Stop,
    control_decoder,
    encoded,
    worker_decoder,
)
from acmedns_py.feed.latency import NOTHING
from acmedns_py.feed.questions import AskedName, Asker
from acmedns_py.histogram import Seen

POLICY = Policy((b"secret" * 2,), b"identity", b"", 10.0, 500)
OWNER = b"\x04host\x04auth\x07example\x03org\0"
CONTROL: list[Frame] = [
    Setup(1, (Listener(0, 7, tcp=True, wildcard=False),), b"\x04auth\0", 1, POLICY, 1000, 100),
    Static(((OWNER, 6, StaticData(60, (b"rdata",))),)),
    Challenges((b"", b"\0\4host\1"), (0, 2**64 - 1), ((OWNER, (b"a", b"b")), (b"\x01x" + OWNER, ()))),
    Loaded(2**40),
    Serve(),
    CookieSecrets((b"1" * 16, b"2" * 16)),
    Apply(
        Commit(
            2**40 + 1,
            (ChallengeChange(OWNER, None, ()), ChallengeChange(OWNER, (b"a",), None)),
            (StaticChange(OWNER, 16, None, StaticData(1, (b"\x01a",))),),
        )
    ),
    NoteQueries("1/100"),
    Ask(),
    Adopt(3),
    Release(3),
    Stop(4.5),
]
NESTED = (5010).to_bytes(4, "big") + b"\x93" + encoded(Loaded(1))[5:] + b"\x91" * 5000 + b"\xc0"
"""A frame with one element too many, which is read over: arrays in arrays, 5,000 deep."""

LATEST = Report({"udp.NOERROR": 3}, (1, 2), 4, Seen((1, *(0,) * 9, 2), 0.5), NOTHING)
QUESTIONS = Questions((AskedName(OWNER, (Asker(b"\xc0\0\2", 2, 1.5, 2.5, resolver_wanted=True, valued=False),)),), 7)
QUERY = NotedQuery(1.75e9, bytes(16), True, OWNER + b"\0\x10\0\1", 3)
WORKER: list[Frame] = [
    Hello("a fence", fenced=True, udp="batch"),
    Applied(2**40),
    Noted((QUERY, QUERY)),
    QUESTIONS,
    LATEST,
]


@pytest.mark.parametrize(("frames", "decoder"), [(CONTROL, control_decoder), (WORKER, worker_decoder)])
def test_frames_come_back_from_one_piece_and_from_single_octets(frames, decoder):
    """Both ends read the same frames however the stream was cut."""
    octets = b"".join(encoded(frame) for frame in frames)
    assert FrameStream(decoder).receive(octets) == frames
    stream = FrameStream(decoder)
    assert [frame for octet in octets for frame in stream.receive(bytes([octet]))] == frames


@given(st.lists(st.integers(0, 3000), max_size=20))
def test_frames_come_back_from_any_cut(cuts):
    """Cuts in the middle of lengths and documents lose nothing."""
    octets = b"".join(encoded(frame) for frame in CONTROL)
    edges = sorted({0, len(octets), *(cut % len(octets) for cut in cuts)})
    stream = FrameStream(control_decoder)
    got = [frame for a, b in pairwise(edges) for frame in stream.receive(octets[a:b])]
    assert got == CONTROL


CURSORS = st.integers(0, 2**63 - 1)
OCTETS = st.binary(max_size=20)
VALUES = st.lists(OCTETS, max_size=3).map(tuple)
DATA = st.builds(StaticData, st.integers(0, 2**31 - 1), VALUES)
ANY_FRAME = st.one_of(
    st.builds(Static, st.lists(st.tuples(OCTETS, st.integers(0, 65535), DATA), max_size=3).map(tuple)),
    st.builds(
        Challenges,
        VALUES,
        st.lists(st.integers(0, 2**64 - 1)).map(tuple),
        st.lists(st.tuples(OCTETS, VALUES), max_size=3).map(tuple),
    ),
    st.builds(Loaded, CURSORS),
    st.just(Serve()),
    st.builds(
        Apply,
        st.builds(
            Commit,
            CURSORS,
            st.lists(st.builds(ChallengeChange, OCTETS, st.none() | VALUES, st.none() | VALUES), max_size=3).map(tuple),
            st.lists(
                st.builds(StaticChange, OCTETS, st.integers(0, 65535), st.none() | DATA, st.none() | DATA), max_size=3
            ).map(tuple),
        ),
    ),
)


@given(st.lists(ANY_FRAME, max_size=4), st.lists(st.integers(0, 3000), max_size=8))
def test_any_frames_come_back_from_any_cut(frames, cuts):
    """Whatever is in them; "registered, empty" and "not there" stay apart."""
    octets = b"".join(map(encoded, frames))
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    stream = FrameStream(control_decoder)
    assert [frame for a, b in pairwise(edges) for frame in stream.receive(octets[a:b])] == frames


ONE_PIECE = b"".join(encoded(frame) for frame in CONTROL)


@given(
    st.one_of(
        st.binary(max_size=60).map(lambda body: len(body).to_bytes(4, "big") + body),
        st.builds(
            lambda octets, place, more, over: octets[:place] + more + octets[place + over :],
            st.sampled_from([ONE_PIECE, *map(encoded, WORKER)]),
            st.integers(0, len(ONE_PIECE)),
            st.binary(max_size=4),
            st.integers(0, 4),
        ),
    ),
    st.sampled_from([control_decoder, worker_decoder]),
)
def test_any_octets_are_frames_or_tear_the_feed(octets, decoder):
    """Nothing else comes out of it: whoever reads has one thing to be ready for."""
    try:
        frames = FrameStream(decoder).receive(octets)
    except FeedError as error:
        assert str(error)
        return
    assert all(isinstance(frame, Frame) for frame in frames)


def test_a_frame_behind_a_whole_one_waits_for_its_rest():
    """Trailing octets stay in the stream."""
    stream = FrameStream(worker_decoder)
    octets = encoded(Applied(1)) + encoded(Applied(2))
    assert stream.receive(octets[:-1]) == [Applied(1)]
    assert stream.receive(octets[-1:]) == [Applied(2)]


@pytest.mark.parametrize(
    "octets",
    [
        (MAX_FRAME_OCTETS + 1).to_bytes(4, "big"),
        b"\0\0\0\1\xc1",
        b"\0\0\0\2\x91\xa0",
        b"\0\0\0\5\x91\xa3\xff\xfe\xfd",
        NESTED,
        encoded(Applied(1)),
    ],
)
def test_what_is_no_frame_of_the_other_side_tears_the_feed(octets):
    """A torn stream is an error at once, never a guess."""
    with pytest.raises(FeedError):
        FrameStream(control_decoder).receive(octets)


def test_a_report_with_a_histogram_of_other_bounds_is_no_frame():
    """Control adds histograms up, and a worker that was broken into may say anything."""
    octets = encoded(LATEST)
    body = octets[4:].replace(b"\x9b\x01" + bytes(9), b"\x9a\x01" + bytes(8))
    assert len(body) == len(octets) - 5
    with pytest.raises(FeedError, match="10 buckets"):
        FrameStream(worker_decoder).receive(len(body).to_bytes(4, "big") + body)


@pytest.mark.parametrize(
    "queries",
    [
        [QUERY] * (MOST_NOTED + 1),
        [(1.75e9, b"", False, b"", 0)],
        [(1.75e9, bytes(16), False, bytes(260), 0)],
        [(1e300, bytes(16), False, b"", 0)],
        [(float("nan"), bytes(16), False, b"", 0)],
        [(-1.0, bytes(16), False, b"", 0)],
        [(1.75e9, bytes(16), False, b"", 0x1000)],
    ],
)
def test_noted_queries_that_control_could_stumble_over_are_no_frame(queries):
    """It makes times, addresses and names of them."""
    body = msgspec.msgpack.encode(["Noted", queries])
    with pytest.raises(FeedError):
        FrameStream(worker_decoder).receive(len(body).to_bytes(4, "big") + body)
