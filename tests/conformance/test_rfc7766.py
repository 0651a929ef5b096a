"""RFC 7766: DNS over TCP, however the stream is cut, however many queries are in it, and how it ends."""

import socket
import struct
from contextlib import ExitStack

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.subject import SECONDS, Subject, end_of_queries, framed, received
from tests.dns.example import MANY, TWO, Z
from tests.dns.packets import TC, lines, opt, query, read


def test_twenty_queries_in_one_segment_get_twenty_answers(subject: Subject) -> None:
    """In any order, matched by their IDs (RFC 7766 6.2.1.1, 7; dns-correctness #52)."""
    with subject.connection() as sock:
        sock.sendall(b"".join(framed(query(Z, "SOA", ident=number)) for number in range(20)))
        found = {(received(sock) or b"")[:2] for _ in range(20)}
    assert found == {struct.pack("!H", number) for number in range(20)}


def test_queries_of_different_weight_are_all_answered(subject: Subject) -> None:
    """Errors and large answers keep no other query from its answer (dns-correctness #52)."""
    asked = [query(f"{MANY}.{Z}", ident=1), query("example.com", ident=2), query(f"nope.{Z}", ident=3)] * 5
    with subject.connection() as sock:
        sock.sendall(b"".join(map(framed, asked)))
        found = [(received(sock) or b"")[:2] for _ in asked]
    assert sorted(found) == sorted(octets[:2] for octets in asked)


def test_single_octets_make_a_query(subject: Subject) -> None:
    """A stream has no borders but the lengths in it (RFC 7766 8; dns-correctness #53)."""
    with subject.connection() as sock:
        for octet in framed(query(Z, "SOA")):
            sock.sendall(bytes([octet]))
        assert lines(read(received(sock) or b"").answer)


def test_half_closed_connection_still_gets_its_answers(subject: Subject) -> None:
    """A client may say that it has no more to ask, then the server closes too (dns-correctness #53)."""
    with subject.connection() as sock:
        sock.sendall(framed(query(f"{MANY}.{Z}")) * 20)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(20):
            assert received(sock) is not None
        assert received(sock) is None


def test_connection_is_kept_for_more_queries(subject: Subject) -> None:
    """One after the other over the same connection (RFC 7766 6.2.1; dns-correctness #52)."""
    with subject.connection() as sock:
        for number in range(5):
            sock.sendall(framed(query(Z, "SOA", ident=number)))
            assert (received(sock) or b"")[:2] == struct.pack("!H", number)


def test_length_and_message_come_together(subject: Subject) -> None:
    """The first octets that can be read are length and message, not the length alone (RFC 7766 8; dns-correctness #53)."""
    with subject.connection() as sock:
        sock.sendall(framed(query(Z, "SOA")))
        piece = sock.recv(4096)
        assert len(piece) == 2 + int.from_bytes(piece[:2], "big")


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\x0b" + b"x" * 11], ids=["length 0", "length 11"])
def test_length_that_can_be_no_query_gets_no_answer(subject: Subject, octets: bytes) -> None:
    """The connection ends, at the latest on the idle timer, and the server goes on (dns-correctness #54)."""
    with subject.connection() as sock:
        sock.sendall(octets)
        end_of_queries(sock)
        assert received(sock) is None
    assert lines(subject.answer(query(Z, "SOA"), Transport.TCP).answer)


def test_promise_that_is_not_kept_is_closed_on_the_idle_timer(subject: Subject) -> None:
    """Connections that bring no whole query hold no place for ever (RFC 7766 6.2.3; dns-correctness #54, #55)."""
    if subject.tcp_idle_seconds is None:
        pytest.skip("how long this server keeps an idle connection is not known")
    with ExitStack() as stack:
        waiting = []
        for octets in (b"", b"\0", b"\xff\xff", b"\0\x30" + b"x" * 20):
            waiting.append(sock := stack.enter_context(subject.connection()))
            sock.settimeout(subject.tcp_idle_seconds + SECONDS)
            sock.sendall(octets)
        for sock in waiting:
            assert received(sock) is None


def test_idle_connection_is_closed_behind_its_answers(subject: Subject) -> None:
    """Cleanly, with the answer delivered: end of stream and no reset (RFC 7766 6.2.3; dns-correctness #55)."""
    if subject.tcp_idle_seconds is None:
        pytest.skip("how long this server keeps an idle connection is not known")
    with subject.connection() as sock:
        sock.settimeout(subject.tcp_idle_seconds + SECONDS)
        sock.sendall(framed(query(Z, "SOA")))
        assert received(sock) is not None
        assert sock.recv(1) == b""


def test_size_of_an_opt_is_no_limit(subject: Subject) -> None:
    """All of a large set comes with a size of 512 and DO, and so does NODATA for DNSKEY (dns-correctness #51)."""
    response = subject.answer(query(f"{MANY}.{Z}", edns=opt(512, flags=0x8000)), Transport.TCP)
    assert not response.flags & TC
    assert len(response.answer[0]) == 100
    response = subject.answer(query(Z, "DNSKEY", edns=opt(512, flags=0x8000)), Transport.TCP)
    assert (response.rcode(), response.flags & TC, len(response.authority)) == (0, 0, 1)


def test_truncated_answer_is_whole_over_tcp(subject: Subject) -> None:
    """What TC promises is kept: the retry has the data that did not fit (RFC 7766 5; dns-correctness #46, #51)."""
    for qname in (f"{MANY}.{Z}", f"big.{Z}"):
        assert subject.answer(query(qname)).flags & TC
        whole = subject.answer(query(qname), Transport.TCP)
        assert not whole.flags & TC
        assert lines(whole.answer)


def test_answers_over_both_transports_say_the_same(subject: Subject) -> None:
    """What fits both is equal in rcode, flags and sections (dns-correctness #51, #85)."""
    for octets in (query(Z, "SOA"), query(f"{TWO}.{Z}", edns=opt()), query(f"nope.{Z}"), query("example.com", "A")):
        udp, tcp = (subject.answer(octets, transport) for transport in Transport)
        assert (udp.rcode(), udp.flags) == (tcp.rcode(), tcp.flags)
        for one, other in ((udp.answer, tcp.answer), (udp.authority, tcp.authority)):
            assert lines(one) == lines(other)
