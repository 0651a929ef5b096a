"""The compiled batch module by itself: faults of the core stay where they are, nothing leaks, sanitizers find nothing."""

import gc
import os
import re
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from acmedns_py.dns.responder import Transport
from tests.dns.example import NOW
from tests.tools import peers
from tests.worker.draining import door, named, unchanged

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "acmedns_py/worker/_batch.c"

SO_TIMESTAMP = 29
"""Of socket(7); the socket module lacks the name."""

FAULTS = {
    "one header too many": ("recvmmsg(fd, messages, BATCH,", "recvmmsg(fd, messages, BATCH + 1,"),
    "one octet too many": ("{queries[i], sizeof queries[i]}", "{queries[i], sizeof queries[i] + 1}"),
    "an answer given up before it is sent": (
        "answers[count++] = answer;",
        "answers[count++] = answer; Py_DECREF(answer);",
    ),
}


@pytest.fixture
def unraisable(monkeypatch):
    """The exceptions that could be told to nobody."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: told.append(fault.exc_value))
    return told


def test_a_fault_of_the_core_costs_its_own_query_alone(unraisable):
    """An exception or a wrong type is told to the interpreter's hook and is silence; the others get their answers."""
    answers = {b"2": LookupError("on purpose"), b"4": "text", b"6": bytearray(b"6")}

    def respond(octets: bytes, *_: object) -> object:
        answer = answers.get(octets, octets)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with door("127.0.0.1", named("batch")) as (here, client):
        for number in range(8):
            client.send(b"%d" % number)
        assert here.drain(respond) == (5, False)
        assert [client.recv(100) for _ in range(5)] == [b"0", b"1", b"3", b"5", b"7"]
    assert [type(fault) for fault in unraisable] == [LookupError, TypeError, TypeError]


def test_a_fault_of_the_truncation_costs_its_own_query_alone(unraisable):
    """As one of the answer does; and a truncated form that is too long as well is not truncated again."""
    forms = iter([LookupError("on purpose"), None, 7, bytes(70_000), b"TC"])

    def truncated(_: bytes) -> object:
        form = next(forms)
        if isinstance(form, Exception):
            raise form
        return form

    with door("127.0.0.1", named("batch")) as (here, client):
        for _ in range(5):
            client.send(b"long")
            client.send(b"short")
        assert here.drain(lambda octets, *_: octets if octets == b"short" else bytes(70_000), truncated) == (6, False)
        assert [client.recv(100) for _ in range(6)] == [*[b"short"] * 4, b"TC", b"short"]
    assert [type(fault) for fault in unraisable] == [LookupError, TypeError]


def test_other_control_messages_are_not_sent_back():
    """The kernel tells more than the address where somebody asked it to; an answer carries nothing of that."""
    with door("127.0.0.1", named("batch")) as (here, client):
        here.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        client.send(b"x")
        assert here.drain(unchanged) == (1, False)
        assert client.recv(100) == b"x"


@pytest.mark.parametrize("arguments", [(), (1, 2, 3), ("no socket", unchanged, unchanged, Transport.UDP, NOW)])
def test_wrong_arguments_are_an_error_of_the_caller(arguments):
    """Told as Python tells it."""
    with pytest.raises(TypeError):
        named("batch")(*arguments)


def test_memory_and_references_stay_the_same_over_thousands_of_datagrams(unraisable):
    """On every way through: answered, silent, truncated, failed."""
    kept, long, form = bytes(range(200)), bytes(70_000), bytes(range(100))
    fails = LookupError("on purpose").with_traceback(None)

    def respond(octets: bytes, *_: object) -> object:
        match octets[:1]:
            case b"0":
                return kept
            case b"1":
                return octets + b"fresh"
            case b"2":
                return long
            case b"3":
                return 7
            case b"4":
                raise fails
        return None

    def truncated(_: bytes) -> bytes:
        return form

    with door("::1", named("batch"), wildcard=True) as (here, client):
        watched = (kept, long, form, respond, truncated, Transport.UDP, NOW, None)

        def drained(datagrams: int) -> tuple[int, list[int]]:
            for _ in range(datagrams // 60):
                for number in range(60):
                    client.send(b"%d query" % (number % 6))
                assert here.drain(respond, truncated) == (30, False)
                for _ in range(30):
                    client.recv(300)
                unraisable.clear()
                fails.__traceback__ = None
            gc.collect()
            # Of 3.12 on, None is immortal, and its count is a constant.
            return sys.getallocatedblocks(), [sys.getrefcount(thing) for thing in watched]

        drained(600)
        blocks, references = drained(600)
        blocks_later, references_later = drained(20_400)
    assert all(abs(now - then) < 20 for now, then in zip(references_later, references, strict=True))
    assert abs(blocks_later - blocks) < 50


@pytest.fixture
def exam(tmp_path):
    """Compiles a source with the sanitizers and puts it through `sanitized`; gives the finished process."""
    compiler = peers.need("gcc")
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").is_file():
        peers.missing(f"Python's headers are not installed: no {headers}/Python.h")

    def run(source: str) -> subprocess.CompletedProcess[str]:
        written, built = tmp_path / "_batch.c", tmp_path / "_batch.so"
        written.write_text(source)
        subprocess.run(
            [
                *(compiler, "-shared", "-fPIC", "-g", "-O1", "-Wall", "-Wextra", "-Werror"),
                *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
                *("-D", "Py_LIMITED_API=0x030B0000", "-I", headers, written, "-o", built),
            ],
            check=True,
        )
        runtime = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        return subprocess.run(
            [sys.executable, "-m", "tests.worker.sanitized", built],
            cwd=ROOT,
            # Octets of Python come from malloc, so that the sanitizer knows their ends. What the interpreter itself
            # never gives back at its end is no leak of ours; the test above looks for those.
            env={**os.environ, "LD_PRELOAD": runtime, "PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_sanitizers_find_nothing(exam):
    """Every query of the exam and of the fuzzers, every length, every kind of answer, on four kinds of socket."""
    done = exam(SOURCE.read_text())
    assert done.returncode == 0, done.stderr
    datagrams, answers, faults = map(int, re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert datagrams > 20_000
    assert answers > 4_000
    assert faults == 64


@pytest.mark.parametrize("fault", FAULTS)
def test_sanitizers_find_a_planted_fault(exam, fault):
    """The test above can turn red: an array or a buffer that is left by one, octets used after their end."""
    good, bad = FAULTS[fault]
    source = SOURCE.read_text()
    assert source.count(good) == 1
    done = exam(source.replace(good, bad))
    assert done.returncode != 0
    assert "ERROR: AddressSanitizer" in done.stderr
