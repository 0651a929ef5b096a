"""Messages on a stream, however the stream is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.framing import FrameReader, FramingError, framed


def taken(reader: FrameReader, octets: bytes) -> list[bytes]:
    """Feed a piece and take every message that it completes."""
    reader.feed(octets)
    messages = []
    while (message := reader.message()) is not None:
        messages.append(message)
    return messages


MESSAGES = st.lists(st.binary(min_size=12, max_size=300), max_size=5)


@given(MESSAGES)
def test_whole(messages):
    """All messages of one piece come out (dns-correctness #52)."""
    assert taken(FrameReader(), b"".join(map(framed, messages))) == messages


@given(MESSAGES)
def test_octet_by_octet(messages):
    """A message comes out with its last octet, not before and not after (dns-correctness #53)."""
    reader = FrameReader()
    for message in messages:
        octets = framed(message)
        for position in range(len(octets) - 1):
            assert taken(reader, octets[position : position + 1]) == []
        assert taken(reader, octets[-1:]) == [message]


@given(MESSAGES, st.binary(min_size=12, max_size=100), st.data())
def test_trailing_data_wait_for_the_rest(messages, last, data):
    """A message that has begun behind others is kept until it is whole."""
    octets = framed(last)
    cut = data.draw(st.integers(0, len(octets) - 1))
    reader = FrameReader()
    assert taken(reader, b"".join(map(framed, messages)) + octets[:cut]) == messages
    assert taken(reader, octets[cut:]) == [last]


def fed(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """Give the messages that come out, and whether the stream was found to be torn."""
    reader = FrameReader()
    messages: list[bytes] = []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (message := reader.message()) is not None:
                messages.append(message)
        except FramingError:
            return messages, True
    return messages, False


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=12, max_size=40).map(framed)), max_size=6).map(
        b"".join
    ),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_any_octets_come_out_alike_from_any_cut(octets, cuts):
    """What is no stream of messages too: the whole ones in front of the tear, then the error (dns-correctness #54)."""
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    assert fed([octets[start:end] for start, end in pairwise(edges)]) == fed([octets])


@pytest.mark.parametrize("length", range(12))
def test_length_without_room_for_a_header_is_an_error(length):
    """The error comes with the length, whatever follows, behind what was whole before it (dns-correctness #54)."""
    before = bytes(range(12))
    reader = FrameReader()
    reader.feed(framed(before) + length.to_bytes(2, "big"))
    assert reader.message() == before
    with pytest.raises(FramingError, match=f"{length} octets"):
        reader.message()


def test_longest_message_passes():
    """65,535 octets are a message."""
    message = bytes(65535)
    assert taken(FrameReader(), framed(message)) == [message]


def test_longer_message_is_not_framed():
    """What the length can't say is our own fault."""
    with pytest.raises(AssertionError, match="longer"):
        framed(bytes(65536))
