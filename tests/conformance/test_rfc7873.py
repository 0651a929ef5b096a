"""RFC 7873: cookies, by which a client and a server know each other again."""

import dns.message
import dns.rcode
import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import TWO_VALUES, Case, formerr
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import MANY, TWO, Z
from tests.dns.packets import AA, message, opt, option, query

COOKIE = 10
CLIENT = bytes(range(8))
BADCOOKIE = 23


COOKIE_FIRST = "a server that enforces cookies asks for a retry with its own (RFC 7873 5.2.3)"

ROWS = [
    Case(
        "dns-correctness #6 no question but a cookie",
        message(opt(options=option(COOKIE, CLIENT)), counts=(0, 0, 0, 1)),
        flags=0,
        questions=0,
        opt=True,
        options=(COOKIE,),
    ),
    *(
        Case(
            f"dns-correctness #{number} {title}",
            query(f"{TWO}.{Z}", edns=opt(options=option(COOKIE, CLIENT + server))),
            answer=TWO_VALUES,
            opt=True,
            options=(COOKIE,),
            choice=COOKIE_FIRST,
            either=({"rcode": "BADCOOKIE", "answer": []}, {"rcode": "BADCOOKIE", "answer": [], "flags": AA}),
        )
        for number, title, server in (
            (56, "a client's cookie", b""),
            (57, "a wrong server cookie", b"\1\0\0\0" + bytes(12)),
        )
    ),
    *(
        formerr(
            f"dns-correctness #57 a cookie of {octets} octets",
            query(f"{TWO}.{Z}", edns=opt(options=option(COOKIE, bytes(octets)))),
            opt=True,
            ede=0,
            choice="the OPT could be read or not",
            either=({"opt": False},),
        )
        for octets in (0, 1, 7, 9, 15, 41, 100)
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """A cookie is answered by an answer, a malformed one by FORMERR (RFC 7873 5.2.2; dns-correctness #6, #56, #57)."""
    subject.check(case, transport)


def with_cookie(cookie: bytes, qname: str = f"{TWO}.{Z}") -> bytes:
    """A query with a COOKIE option of these octets."""
    return query(qname, edns=opt(options=option(COOKIE, cookie)))


def cookies(response: dns.message.Message) -> list[bytes]:
    """The COOKIE options of a response."""
    return [found.to_wire() for found in response.options if int(found.otype) == COOKIE]


def server_cookie(subject: Subject) -> bytes:
    """The server's answer to a client that has none yet; skips where a foreign server has no cookies at all."""
    found = cookies(subject.answer(with_cookie(CLIENT)))
    if not found and subject.identity is None:
        pytest.skip("this server has no cookies")
    (cookie,) = found
    return cookie[len(CLIENT) :]


@pytest.mark.parametrize("transport", Transport)
def test_client_cookie_gets_a_server_cookie_beside_it(subject: Subject, transport: Transport) -> None:
    """The client's part unchanged, 16 octets behind it; the answer, or BADCOOKIE over UDP (RFC 7873 5.2.3; dns-correctness #56)."""
    server_cookie(subject)
    response = subject.answer(with_cookie(CLIENT), transport)
    (cookie,) = cookies(response)
    assert cookie[:8] == CLIENT
    assert len(cookie) == 24
    assert response.rcode() in ({0, BADCOOKIE} if transport is Transport.UDP else {0})


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("qname", [f"{TWO}.{Z}", f"nope.{Z}", Z])
def test_valid_cookie_gets_the_answer(subject: Subject, transport: Transport, qname: str) -> None:
    """And a server cookie that is valid in its turn (RFC 7873 5.2.5; dns-correctness #57)."""
    cookie = CLIENT + server_cookie(subject)
    response = subject.answer(with_cookie(cookie, qname), transport)
    assert dns.rcode.to_text(response.rcode()) == ("NXDOMAIN" if qname.startswith("nope") else "NOERROR")
    (renewed,) = cookies(response)
    again = subject.answer(with_cookie(renewed), transport)
    assert (renewed[:8], again.rcode(), len(again.answer[0])) == (CLIENT, 0, 2)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("server", [bytes(16), b"\1\0\0\0" + b"\xff" * 12, bytes(8), bytes(32)], ids=len)
def test_wrong_server_cookie_gets_a_fresh_one(subject: Subject, transport: Transport, server: bytes) -> None:
    """As if there were none: an answer or BADCOOKIE over UDP, an answer over TCP (RFC 7873 5.2.4; dns-correctness #57)."""
    server_cookie(subject)
    response = subject.answer(with_cookie(CLIENT + server), transport)
    (cookie,) = cookies(response)
    assert (cookie[:8], len(cookie)) == (CLIENT, 24)
    assert cookie[8:] != server
    assert response.rcode() in ({0, BADCOOKIE} if transport is Transport.UDP else {0})


def test_cookie_of_another_client_is_wrong(subject: Subject) -> None:
    """The server's part is bound to the client's (RFC 7873 4.2; dns-correctness #57)."""
    server = server_cookie(subject)
    (cookie,) = cookies(subject.answer(with_cookie(b"another!" + server)))
    assert cookie[:8] == b"another!"
    assert cookie[8:] != server


def test_no_cookie_comes_back_unasked(subject: Subject) -> None:
    """Neither to a plain OPT nor without one (RFC 7873 5.2.1; dns-correctness #57)."""
    for edns in (None, opt(), opt(options=option(100))):
        assert cookies(subject.answer(query(f"{TWO}.{Z}", edns=edns))) == []


def test_query_for_a_cookie_alone_gets_one(subject: Subject) -> None:
    """No question, an OPT with a cookie: NOERROR and no data (RFC 7873 5.4; dns-correctness #6, #56)."""
    server_cookie(subject)
    response = subject.answer(message(opt(options=option(COOKIE, CLIENT)), counts=(0, 0, 0, 1)))
    (cookie,) = cookies(response)
    assert (response.rcode(), response.question, response.answer, len(cookie)) == (0, [], [], 24)


def test_errors_have_a_cookie_too(subject: Subject) -> None:
    """A response of whatever rcode to a query with a client's cookie carries it (RFC 7873 5.2.3; dns-correctness #56)."""
    cookie = CLIENT + server_cookie(subject)
    response = subject.answer(with_cookie(cookie, "example.com"))
    assert dns.rcode.to_text(response.rcode()) == "REFUSED"
    assert [found[:8] for found in cookies(response)] == [CLIENT]


def test_truncated_answer_has_a_cookie(subject: Subject) -> None:
    """Truncation takes data, not the OPT (dns-correctness #46, #56)."""
    cookie = CLIENT + server_cookie(subject)
    response = subject.answer(with_cookie(cookie, f"{MANY}.{Z}"))
    assert not response.answer
    assert [found[:8] for found in cookies(response)] == [CLIENT]
