"""DNS questions of the tests, by dnspython: another's code reads what ours has written."""

from collections.abc import Iterable

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

Address = tuple[str, int]
SECONDS = 10


def ask(
    server: Address, qname: str, qtype: str = "TXT", *, tcp: bool = False, **options: object
) -> dns.message.Message:
    """Ask once, from a port of its own, and give the response as it came."""
    query = dns.message.make_query(qname, qtype, **options)
    query.flags &= ~dns.flags.RD
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, server[0], port=server[1], timeout=SECONDS)


def values(response: dns.message.Message) -> set[str]:
    """The TXT values in the answer section."""
    return {
        b"".join(rdata.strings).decode()
        for rrset in response.answer
        if rrset.rdtype == dns.rdatatype.TXT
        for rdata in rrset
    }


def rcode(response: dns.message.Message) -> str:
    """The response's rcode in words."""
    return dns.rcode.to_text(response.rcode())


def serials(responses: Iterable[dns.message.Message]) -> set[int]:
    """The serials of the SOA records in answer and authority."""
    return {
        rdata.serial
        for response in responses
        for rrset in [*response.answer, *response.authority]
        if rrset.rdtype == dns.rdatatype.SOA
        for rdata in rrset
    }


def from_every_worker(server: Address, qname: str, qtype: str = "TXT", *, times: int = 12) -> list[dns.message.Message]:
    """Ask over UDP and TCP from so many ports that the kernel has chosen every worker (of 2: all but 1 in 2,000 runs)."""
    return [ask(server, qname, qtype, tcp=tcp, use_edns=0, payload=1232) for tcp in (False, True) for _ in range(times)]
