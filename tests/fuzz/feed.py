"""Target: any octets as what control says to a worker, and as what a worker says to control."""

from acmedns_py.feed.frames import FeedError, Frame, FrameStream, control_decoder, encoded, worker_decoder
from tests.fuzz.cuts import pieces


def received(decoder: object, cut: list[bytes]) -> tuple[list[bytes], bool]:
    """Give the frames that came out, each as octets, since a number that is none equals nothing; and whether it tore."""
    stream = FrameStream(decoder)  # type: ignore[arg-type]
    frames: list[Frame] = []
    try:
        for piece in cut:
            frames += stream.receive(piece)
    except FeedError:
        return list(map(encoded, frames)), True
    return list(map(encoded, frames)), False


def check(octets: bytes) -> None:
    """Only `FeedError` comes out, any cut gives the same frames, and a frame survives being sent again."""
    cut = pieces(octets)
    stream = b"".join(cut)
    for decoder in (control_decoder, worker_decoder):
        single = received(decoder, [stream[place : place + 1] for place in range(len(stream))])
        in_pieces = received(decoder, cut)
        assert in_pieces[1] == single[1], "torn in one cut, whole in another"
        # A torn feed is closed at once; frames of the same piece before the tear may be lost with it.
        assert single[0][: len(in_pieces[0])] == in_pieces[0], "other frames than octet by octet"
        assert single[1] or in_pieces == single, "other frames than octet by octet"
        again = received(decoder, single[0])
        assert again == (single[0], False), "a frame does not survive being sent again"
