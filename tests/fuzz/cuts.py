"""A stream and where it is cut, from one input: the first octet counts the cuts that follow it, two octets each."""

from itertools import pairwise


def pieces(octets: bytes) -> list[bytes]:
    """Give the stream behind the cuts in the pieces that they make of it; empty ones are pieces too."""
    count = octets[0] % 16 if octets else 0
    cuts, stream = octets[1 : 1 + 2 * count], octets[1 + 2 * count :]
    places = [int.from_bytes(cuts[start : start + 2], "big") % (len(stream) + 1) for start in range(0, len(cuts), 2)]
    return [stream[start:end] for start, end in pairwise([0, *sorted(places), len(stream)])]
