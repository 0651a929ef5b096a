"""Target: what a client sends over TCP, cut in any way, into messages."""

from acmedns_py.dns.framing import FrameReader, FramingError, framed
from tests.fuzz.cuts import pieces


def expected(stream: bytes) -> tuple[list[bytes], bool, bytes]:
    """Read the whole stream the plain way: its messages, whether a length is none, and what is left over."""
    messages = []
    while len(stream) >= 2:
        length = int.from_bytes(stream[:2], "big")
        if length < 12:
            return messages, True, b""
        if len(stream) < 2 + length:
            break
        messages.append(stream[2 : 2 + length])
        stream = stream[2 + length :]
    return messages, False, stream


def check(octets: bytes) -> None:
    """However a stream is cut, the same messages come out, and no more is held than the one that is not whole yet."""
    cut = pieces(octets)
    stream = b"".join(cut)
    messages, torn, rest = expected(stream)
    reader = FrameReader()
    got: list[bytes] = []
    ended = False
    for piece in cut:
        reader.feed(piece)
        try:
            while (message := reader.message()) is not None:
                got.append(message)
        except FramingError:
            ended = True
            break
        assert len(reader._buffer) <= 2 + 65535, "more is held than one message"
    assert (got, ended) == (messages, torn), "other messages than in one piece"
    assert ended or bytes(reader._buffer) == rest, "what has begun is not what is held"
    assert b"".join(map(framed, messages)) + rest == stream or torn, "the messages are not the stream"
