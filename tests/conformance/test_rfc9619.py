"""RFC 9619: a query has one question."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case, formerr
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.dns.example import Z
from tests.dns.packets import message, opt, query, question

SILENCE = (
    "FORMERR is what RFC 9619 4 asks for; a server that drops the message as one it can't read gives no wrong answer"
)

ROWS = [
    formerr("dns-correctness #6 no question", message(counts=(0, 0, 0, 0)), questions=0),
    formerr(
        "dns-correctness #6 no question but an OPT",
        message(opt(), counts=(0, 0, 0, 1)),
        questions=0,
        opt=True,
        choice="an OPT beside no question may be a cookie's query (RFC 7873 5.4), which has no error",
        either=({"opt": False}, {"rcode": "NOERROR", "flags": 0}),
    ),
    *(
        formerr(
            f"dns-correctness #7 {title}",
            octets,
            questions=0,
            choice=SILENCE,
            either=({"silent": True},),
        )
        for title, octets in (
            ("two questions", message(question(Z, "A"), question(Z, "AAAA"), counts=(2, 0, 0, 0))),
            ("the same question twice", message(question(Z, "A"), question(Z, "A"), counts=(2, 0, 0, 0))),
            ("two questions announced, one there", message(question(Z, "A"), counts=(2, 0, 0, 0))),
            ("65535 questions announced", query(Z, "A")[:4] + b"\xff\xff" + query(Z, "A")[6:]),
        )
    ),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """None and more than one are FORMERR (RFC 9619 4; dns-correctness #6, #7)."""
    subject.check(case, transport)
