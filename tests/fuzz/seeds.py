"""What fuzzing begins with: the queries, lines and frames that the tests are written with."""

from acmedns_py.dns.framing import framed
from acmedns_py.feed.frames import encoded
from tests.conformance.exam import CASES
from tests.dns.example import STATIC_LINES
from tests.dns.test_presentation import RDATA
from tests.feed.test_frames import CONTROL, WORKER

QUERIES = [case.query for case in CASES]
IN_ONE_PIECE = b"\0"
CUT_TWICE = b"\2\0\x03\0\x20"

SEEDS: dict[str, list[bytes]] = {
    "gate": QUERIES,
    "presentation": [line.encode() for line in (*STATIC_LINES, *(f"@ {rrtype} {text}" for rrtype, text, _ in RDATA))],
    "framing": [
        start + b"".join(map(framed, messages))
        for start in (IN_ONE_PIECE, CUT_TWICE)
        for messages in ([bytes(12)], QUERIES[1:2], QUERIES[1:4])
    ],
    "cookie": [
        bytes((choice,)) + age.to_bytes(4, "big", signed=True) + b"12345678" + changes
        for choice in (0, 1, 2, 3, 13)
        for age in (0, -300, -301, 1800, 3600, 3601)
        for changes in (b"", b"\0" * 8 + b"\1", bytes(23) + b"\1", bytes(40))
    ],
    "feed": [
        start + octets
        for start in (IN_ONE_PIECE, CUT_TWICE)
        for octets in (*map(encoded, (*CONTROL, *WORKER)), b"".join(map(encoded, CONTROL)))
    ],
}
