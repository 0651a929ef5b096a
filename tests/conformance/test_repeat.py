"""The line that repeats a query repeats it: what arrives is the query, but for the ID that kdig chooses."""

import socket
import subprocess

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.exam import CASES
from tests.conformance.repeat import command
from tests.conformance.test_rfc7766 import framed, received
from tests.dns.example import TWO, Z
from tests.dns.packets import message, name, opt, option, query, question
from tests.tools import peers

SECONDS = 10

QUERIES = {
    "plain": query(f"{TWO}.{Z}"),
    "letter case": query(f"{TWO.upper()}.aUtH.eXaMpLe.OrG", "CAA"),
    "odd octets": query(b"\x04a\0.'\x01\xff" + name(Z), "A"),
    "root": query("", "NS"),
    "unknown type": query(Z, 65280),
    "class": query(Z, "SOA", qclass=4),
    "flags": query(Z, "SOA", flags=0x07F0),
    "size": query(Z, "SOA", edns=opt(512)),
    "DO": query(Z, "SOA", edns=opt(flags=0x8000)),
    "options": query(Z, "SOA", edns=opt(options=option(100, b"x") + option(10, bytes(8)))),
    "version": query(Z, "SOA", edns=opt(version=1)),
    "no question": message(counts=(0, 0, 0, 0)),
    "an octet too many": query(Z) + b"\n",
    "opcode": message(question(Z, "SOA"), opcode=5),
}


@pytest.mark.parametrize("octets", QUERIES.values(), ids=QUERIES.keys())
def test_line_sends_the_same_octets(octets):
    """Over UDP, whatever the query is."""
    peers.need("kdig")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(SECONDS)
        process = subprocess.Popen(
            ["bash", "-c", command(octets, *sock.getsockname(), Transport.UDP)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert sock.recv(65535)[2:] == octets[2:]
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("octets", [QUERIES["plain"], QUERIES["version"]], ids=["kdig", "bash"])
def test_line_sends_the_same_octets_over_tcp(octets):
    """Behind their length."""
    peers.need("kdig")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        process = subprocess.Popen(
            ["bash", "-c", command(octets, *listener.getsockname(), Transport.TCP)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with listener.accept()[0] as sock:
                sock.settimeout(SECONDS)
                arrived = received(sock)
                assert arrived is not None
                assert framed(arrived)[4:] == framed(octets)[4:]
        finally:
            process.kill()
            process.wait()


def test_most_rows_are_repeated_by_kdig():
    """Octets for bash are the way out for what kdig can't say."""
    by_kdig = [case for case in CASES if command(case.query, "127.0.0.1", 53, Transport.UDP).startswith("kdig")]
    assert len(by_kdig) > 0.8 * len(CASES)
