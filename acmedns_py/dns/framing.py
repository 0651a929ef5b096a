"""DNS messages on a stream: two octets of length in front of each (RFC 1035 4.2.2, RFC 7766 8)."""

from acmedns_py.dns.wire import HEADER_OCTETS, MAX_MESSAGE_OCTETS

LENGTH_OCTETS = 2


class FramingError(Exception):
    """A length that no message can have: the connection must be closed (dns-correctness #54).

    `messages` are those that were complete before it in the same octets; they may still be answered.
    """

    def __init__(self, length: int, messages: list[bytes]) -> None:
        """Keep the messages; `length` is what the peer announced."""
        super().__init__(f"a message of {length} octets was announced; a header alone has {HEADER_OCTETS}")
        self.messages = messages


class FrameReader:
    """Cuts what a peer sends into messages; holds at most one incomplete message between two calls."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """Take octets in pieces of any size and give the messages that they complete.

        Raises `FramingError` as soon as a length under 12 is seen; the reader is of no use after that.
        """
        self._buffer += octets
        messages: list[bytes] = []
        start = 0
        while len(self._buffer) - start >= LENGTH_OCTETS:
            length = int.from_bytes(self._buffer[start : start + LENGTH_OCTETS], "big")
            if length < HEADER_OCTETS:
                raise FramingError(length, messages)
            end = start + LENGTH_OCTETS + length
            if len(self._buffer) < end:
                break
            messages.append(bytes(self._buffer[start + LENGTH_OCTETS : end]))
            start = end
        del self._buffer[:start]
        return messages


def framed(message: bytes) -> bytes:
    """Give the message with its length in front, to be sent in one write (RFC 7766 8)."""
    assert len(message) <= MAX_MESSAGE_OCTETS, "a message longer than its length octets can say"
    return len(message).to_bytes(LENGTH_OCTETS, "big") + message
