"""Messages of the check: queries, and responses read into an `Answer`; dnspython writes and reads them."""

from typing import Final

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.wire

from acmedns_py.check.facts import Answer, Question
from acmedns_py.check.finding import told
from acmedns_py.dns import caa, name
from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.rrset import RRset, merged

_OPAQUE: Final = 65_400
"""A type for private use (RFC 6895 3.1), whose data dnspython does not look into."""


def record_lines(rrset: RRset) -> list[str]:
    """Give the lines of a zone file for a set, what is not ASCII escaped."""
    front = f"{name.to_text(rrset.owner)} {rrset.ttl} IN {type_to_text(rrset.rrtype)}"
    return [f"{front} {rdata_text(rrset, place)}" for place in range(len(rrset.rdatas))]


def rdata_text(rrset: RRset, place: int = 0) -> str:
    """Give the data of one record of a set in presentation form."""
    rdata, rrtype = rrset.rdatas[place], rrset.rrtype
    if rrtype == RRType.CAA and (read := caa.properties([rdata])[0]).tag:
        return told(read.text)
    # What is too short to have a tag is shown in hexadecimal digits (RFC 3597 5).
    kind = dns.rdatatype.RdataType.make(_OPAQUE if rrtype == RRType.CAA else rrtype)
    return told(dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text())


def query_for(question: Question) -> dns.message.QueryMessage:
    """Give the query, with an identifier of its own."""
    flags = dns.flags.Flag(0)
    if question.recursion_desired:
        flags |= dns.flags.RD
    if question.checking_disabled:
        flags |= dns.flags.CD
    query = dns.message.make_query(
        _name(question.qname),
        dns.rdatatype.RdataType.make(question.qtype),
        use_edns=False if question.payload is None else 0,
        payload=question.payload or 0,
        want_dnssec=question.dnssec_ok,
        flags=flags,
    )
    assert isinstance(query, dns.message.QueryMessage), "a question makes a query"
    return query


def _name(wire: bytes) -> dns.name.Name:
    return dns.name.Name((*name.labels(wire), b""))


def read_response(
    octets: bytes, query: dns.message.Message, question: Question, address: str, *, seconds: float
) -> Answer:
    """Read what came in response to the query for this question; raises whatever octets bring about in dnspython."""
    response = dns.message.from_wire(_with_caa_opaque(octets))
    if not query.is_response(response):
        raise ValueError("it is the response to something else")
    return Answer(
        question,
        address,
        rcode=int(response.rcode()),
        authoritative=bool(response.flags & dns.flags.AA),
        truncated=bool(response.flags & dns.flags.TC),
        recursion_available=bool(response.flags & dns.flags.RA),
        authentic=bool(response.flags & dns.flags.AD),
        payload=int(response.payload) if response.edns >= 0 else None,
        case_kept=_echoed(response) == question.qname,
        answer=_section(response.answer),
        authority=_section(response.authority),
        additional=_section(response.additional),
        extended_errors=tuple(told(_ede(option)) for option in response.extended_errors()),
        octets=len(octets),
        seconds=seconds,
    )


def _echoed(response: dns.message.Message) -> bytes | None:
    return response.question[0].name.to_wire() if response.question else None


def _ede(option: dns.edns.EDEOption) -> str:
    return f"{int(option.code)} ({option.text})" if option.text else str(int(option.code))


def _section(section: list[dns.rrset.RRset]) -> tuple[RRset, ...]:
    """Give the sets of class IN; names inside their data are kept in the case that they came in."""
    return tuple(
        merged(
            RRset(
                name.folded(rrset.name.to_wire() or b""),
                RRType.CAA if rrset.rdtype == _OPAQUE else int(rrset.rdtype),
                rrset.ttl,
                tuple(rdata.to_wire() or b"" for rdata in rrset),
            )
            for rrset in section
            if rrset.rdclass == dns.rdataclass.IN
        )
    )


def _with_caa_opaque(octets: bytes) -> bytes:
    """Give a message whose CAA records have another type: dnspython refuses all of a message that has a bad tag in one.

    They are read in `dns.caa`, so that such a record is told as such.
    """
    found = bytearray(octets)
    parser = dns.wire.Parser(octets)
    _, _, questions, *records = parser.get_struct("!HHHHHH")
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_struct("!HH")
    for _ in range(sum(records)):
        parser.get_name(decompress=True)
        start = parser.current
        rrtype, _, _, size = parser.get_struct("!HHIH")
        if rrtype == RRType.CAA:
            found[start : start + 2] = _OPAQUE.to_bytes(2)
        parser.get_bytes(size)
    return bytes(found)
