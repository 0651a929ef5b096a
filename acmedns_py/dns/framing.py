"""DNS messages on a stream: two octets of length in front of each (RFC 1035 4.2.2, RFC 7766 8)."""

from acmedns_py.dns.wire import HEADER_OCTETS, MAX_MESSAGE_OCTETS

LENGTH_OCTETS = 2


class FramingError(Exception):
    """A length that no message can have: the connection must be closed (dns-correctness #54)."""

    def __init__(self, length: int) -> None:
        """`length` is what the peer announced."""
        super().__init__(f"a message of {length} octets was announced; a header alone has {HEADER_OCTETS}")


class FrameReader:
    """Cuts what a peer sends into messages, each when it is asked for: taking octets in costs next to nothing."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> None:
        """Take octets in pieces of any size."""
        self._buffer += octets

    @property
    def whole(self) -> bool:
        """Whether a message is there to be taken."""
        buffer = self._buffer
        if len(buffer) < LENGTH_OCTETS + HEADER_OCTETS:
            return False
        return len(buffer) >= LENGTH_OCTETS + int.from_bytes(buffer[:LENGTH_OCTETS], "big")

    def message(self) -> bytes | None:
        """Give the next message, None where more octets are needed for it.

        Raises `FramingError` where a length under 12 comes next; the reader is of no use after that.
        """
        buffer = self._buffer
        if len(buffer) < LENGTH_OCTETS:
            return None
        length = int.from_bytes(buffer[:LENGTH_OCTETS], "big")
        if length < HEADER_OCTETS:
            raise FramingError(length)
        end = LENGTH_OCTETS + length
        if len(buffer) < end:
            return None
        message = bytes(buffer[LENGTH_OCTETS:end])
        del buffer[:end]
        return message


def framed(message: bytes) -> bytes:
    """Give the message with its length in front, to be sent in one write (RFC 7766 8)."""
    assert len(message) <= MAX_MESSAGE_OCTETS, "a message longer than its length octets can say"
    return len(message).to_bytes(LENGTH_OCTETS, "big") + message
