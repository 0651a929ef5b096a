"""RFC 8914: extended errors come with an OPT only, and never at the price of data."""

from tests.conformance.subject import Subject
from tests.dns.example import EMPTY, MANY, Z
from tests.dns.packets import TC, ede, opt, query


def test_no_extended_error_without_opt(subject: Subject) -> None:
    """There is no place for one (RFC 8914 3; dns-correctness #45)."""
    for octets in (query("example.com", "A"), query(Z, qclass=4), query(Z, "IXFR")):
        assert subject.answer(octets).edns == -1


def test_extended_error_says_something_about_the_rcode(subject: Subject) -> None:
    """Where one comes with REFUSED for a foreign name it is 20, Not Authoritative (RFC 8914 4.21; dns-correctness #45)."""
    response = subject.answer(query("example.com", "A", edns=opt()))
    assert ede(response) in {None, 20}


def test_good_answers_have_no_extended_error(subject: Subject) -> None:
    """Neither data nor their absence nor truncation is an error (dns-correctness #45)."""
    for octets in (query(Z, "SOA", edns=opt()), query(f"{EMPTY}.{Z}", edns=opt()), query(f"nope.{Z}", edns=opt())):
        assert ede(subject.answer(octets)) is None
    truncated = subject.answer(query(f"{MANY}.{Z}", edns=opt()))
    assert truncated.flags & TC
    assert ede(truncated) is None


def test_texts_give_nothing_away(subject: Subject) -> None:
    """A text, where there is one, is short and names neither file nor line (dns-correctness #74)."""
    for octets in (query("example.com", edns=opt()), query(Z, "AXFR", edns=opt()), query(Z, qclass=4, edns=opt())):
        for option in subject.answer(octets).options:
            text = getattr(option, "text", None) or ""
            assert len(text) < 100
            assert not [word for word in ("/", "\\", "Traceback", "line ") if word in text]
