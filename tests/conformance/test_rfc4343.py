"""RFC 4343: letters fold, ASCII ones alone, and the question comes back in the case it came (0x20)."""

from acmedns_py.dns.responder import Transport
from tests.conformance.case import MIXED, TWO_VALUES, Case, formerr, nxdomain, refused
from tests.conformance.rows import every
from tests.conformance.subject import Subject
from tests.conformance.test_rfc1035 import READ_OVER
from tests.dns.example import EMPTY, MANY, SERIAL, TWO, Z
from tests.dns.packets import AA, TC, name, opt, query

POINTERS = "owners may point at the question or be written out, in either case of letters (RFC 4343 4.1)"


def soa(apex: str, mname: str, rname: str) -> list[str]:
    return [f"{apex}. 60 SOA {mname}. {rname}. {SERIAL} 21600 3600 604800 60"]


def in_either_case(apex: str, mname: str) -> dict[str, object]:
    """The negative SOA as we write it, pointing into the question, or in the zone file's letters."""
    return {
        "authority": soa(apex, f"{mname}.{apex}", f"hostmaster.{apex}"),
        "choice": POINTERS,
        "either": tuple(
            {"authority": soa(owner, f"ns1.{data}", f"hostmaster.{data}")} for owner in (apex, Z) for data in (apex, Z)
        ),
    }


ROWS = [
    Case(
        "dns-correctness #36 a hit",
        query(f"{TWO.upper()}.{MIXED}"),
        answer=[line.replace(f"{TWO}.{Z}", f"{TWO.upper()}.{MIXED}") for line in TWO_VALUES],
        choice=POINTERS,
        either=({"answer": TWO_VALUES},),
    ),
    *(
        Case(
            f"dns-correctness #36 {title}",
            query(f"{label}{MIXED}", qtype),
            rcode=rcode,
            **in_either_case(MIXED, "NS1" if label == "NS1." else "ns1"),  # type: ignore[arg-type]
        )
        for title, label, qtype, rcode in (
            ("NXDOMAIN", "NoPe.", "TXT", "NXDOMAIN"),
            ("NODATA", f"{EMPTY.upper()}.", "TXT", "NOERROR"),
            ("NODATA at the apex", "", "TXT", "NOERROR"),
            ("NODATA at the name of MNAME", "NS1.", "AAAA", "NOERROR"),
        )
    ),
    refused("dns-correctness #36 REFUSED", query("ExAmPlE.cOm", "A")),
    Case("dns-correctness #36 BADVERS", query(MIXED, "A", edns=opt(version=1)), rcode="BADVERS", flags=0, opt=True),
    formerr(
        "dns-correctness #36 FORMERR",
        query(MIXED, "A") + b"x",
        choice=READ_OVER,
        either=(
            {"rcode": "NOERROR", "flags": AA, "answer": [f"{MIXED}. 300 A 192.0.2.1"]},
            {"rcode": "NOERROR", "flags": AA, "answer": [f"{Z}. 300 A 192.0.2.1"]},
        ),
    ),
    Case("dns-correctness #36 TC", query(f"{MANY.upper()}.{MIXED}"), flags=AA | TC, udp_only=True),
    refused("dns-correctness #38 only ASCII letters fold", query(b"\x04auth\x07\xc5xample\x03org\0", "A")),
    nxdomain("dns-correctness #38 [ is not {", query(f"[.{Z}", "A")),
    nxdomain("dns-correctness #38 0xE4 is not 0xC4", query(b"\x01\xc4" + name(Z), "A")),
]


@every(ROWS)
def test_row(subject: Subject, case: Case, transport: Transport) -> None:
    """Any letter case finds the data, and the question is echoed as it came (dns-correctness #36, #38)."""
    subject.check(case, transport)


def test_question_keeps_its_letters_in_every_kind_of_answer(subject: Subject) -> None:
    """Resolvers that mix the case of letters take no other answer (dns-correctness #36)."""
    for title, octets in {
        "data": query(f"Web.{MIXED}", "A"),
        "alias": query(f"wWw.{MIXED}", "A"),
        "wildcard": query(f"X.WiLd.{MIXED}"),
        "referral": query(f"HoSt.SuB.{MIXED}", "A"),
        "ENT": query(f"B.{MIXED}", "A"),
        "NXDOMAIN": query(f"NoPe.{MIXED}", "A", edns=opt()),
        "NODATA": query(f"{EMPTY.title()}.{MIXED}", "A", edns=opt()),
        "ANY": query(f"{TWO.title()}.{MIXED}", "ANY"),
        "class": query(MIXED, "SOA", qclass=4),
        "REFUSED": query("eXaMpLe.CoM", "A"),
        "BADVERS": query(MIXED, "SOA", edns=opt(version=9)),
        "TC": query(f"BiG.{MIXED}"),
    }.items():
        response = subject.answer(octets)
        assert [question.name.to_wire() for question in response.question] == [
            octets[12:-4].partition(b"\0")[0] + b"\0"
        ], title
