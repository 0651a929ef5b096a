"""Runs a build of the batch module through all that strangers may send and the core may return; says how much it was.

Argument: the built module. It is meant to be compiled with sanitizers, which end the process at the first fault.
"""

import importlib.util
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from acmedns_py.worker.drain import BATCH, MAX_QUERY_OCTETS, Drain
from tests.conformance.exam import CASES
from tests.dns.example import responder
from tests.worker.draining import Door, door

ROOT = Path(__file__).resolve().parents[2]
LONGEST = {"127.0.0.1": 65_507, "::1": 65_488}
"""Octets that one datagram carries: the length field of IPv4, the MTU of loopback for IPv6."""


def built(path: str) -> Drain:
    """Load the module."""
    spec = importlib.util.spec_from_file_location("acmedns_py.worker._batch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drain: Drain = module.drain
    return drain


def corpus() -> Iterator[bytes]:
    """Give the queries of the exam, what the fuzzers have kept, and random octets of every length."""
    yield from (case.query for case in CASES)
    yield from (path.read_bytes()[:5000] for path in sorted((ROOT / "tests/fuzz/corpus").rglob("*")) if path.is_file())
    chance = random.Random(1)  # noqa: S311
    yield from (chance.randbytes(length) for length in range(5001))


def batches_with_a_long_end() -> Iterator[list[bytes]]:
    """Give full batches whose last place has a long datagram, and one datagram behind it."""
    for length in (MAX_QUERY_OCTETS - 1, MAX_QUERY_OCTETS, MAX_QUERY_OCTETS + 1, 5000):
        yield [*[CASES[0].query] * (BATCH - 1), b"\xff" * length, b"behind"]


def pieces(octets: list[bytes]) -> Iterator[list[bytes]]:
    """Cut the corpus so that the socket's buffer holds each piece: at most one more than a batch, few long ones."""
    piece: list[bytes] = []
    for item in octets:
        piece.append(item)
        if len(piece) > BATCH or sum(map(len, piece)) > 40_000:
            yield piece
            piece = []
    yield piece


def ask_the_core(here: Door, client: socket.socket) -> tuple[int, int]:
    """Send the corpus to the real core; what it said is what must come back."""
    core = responder()
    queries: list[bytes] = []
    answers: list[bytes] = []

    def respond(*call: object) -> bytes | None:
        answer = core.respond(*call)  # type: ignore[arg-type]
        queries.append(call[0])  # type: ignore[arg-type]
        if answer is not None:
            answers.append(answer)
        return answer

    asked = answered = 0
    for piece in (*batches_with_a_long_end(), *pieces(list(corpus()))):
        for octets in piece:
            client.send(octets)
        sent = 0
        while len(queries) < len(piece):
            sent += here.drain(respond, core.truncated)[0]
        assert queries == [octets[:MAX_QUERY_OCTETS] for octets in piece]
        assert sent == len(answers)
        assert [client.recv(65_536) for _ in answers] == answers
        asked, answered = asked + len(piece), answered + sent
        queries.clear()
        answers.clear()
    return asked, answered


def try_every_return(here: Door, client: socket.socket, longest: int) -> int:
    """Return everything that can be returned, good and bad; the next query is answered each time."""
    faults: list[object] = []
    sys.unraisablehook = lambda fault: faults.append(fault.exc_value)

    def fails(*_: object) -> bytes:
        raise LookupError("on purpose")

    lengths = [*range(600), *range(600, longest, 4099), longest]
    wrong = ["text", 7, bytearray(b"x"), memoryview(b"x"), [b"x"], object(), b"", SimpleNamespace()]
    for length in lengths:
        octets = b"\xa5" * length
        client.send(b"q")
        assert here.drain(lambda *_, answer=octets: answer) == (1, False)
        assert client.recv(65_536) == octets
    for item in wrong:
        client.send(b"q")
        assert here.drain(lambda *_, answer=item: answer)[0] == isinstance(item, bytes)
    assert client.recv(100) == b""
    assert here.drain(fails) == (0, False)  # nobody had asked
    client.send(b"q")
    assert here.drain(fails) == (0, False)
    assert len(faults) == len(wrong)  # all but b"", and the one that failed
    for too_long in (longest + 1, 65_508, 70_000, 1_000_000):
        for truncated, form in (
            (lambda octets: octets[:20], bytes(20)),
            (lambda octets: octets, None),
            (lambda _: None, None),
            (lambda _: 7, None),
            (fails, None),
        ):
            client.send(b"q")
            client.send(b"next")
            answers = iter((bytes(too_long), b"next"))
            assert here.drain(lambda *_, given=answers: next(given), truncated)[0] == 1 + (form is not None)
            if form is not None:
                assert client.recv(100) == form
            assert client.recv(100) == b"next"
    return len(faults)


def main() -> None:
    """Print the totals as the last line."""
    drain = built(sys.argv[1])
    totals = [0, 0, 0]
    for host, longest in LONGEST.items():
        for wildcard in (False, True):
            with door(host, drain, wildcard=wildcard) as (here, client):
                asked, answered = ask_the_core(here, client)
                faults = try_every_return(here, client, longest)
            totals = [total + more for total, more in zip(totals, (asked, answered, faults), strict=True)]
    print("{} datagrams, {} answers, {} faults".format(*totals))


main()
