"""The full path: the octets of a query and the zone into a Response, section by section.

Every response is made here; an error response has no data, no AA, and whatever of question and OPT could be read.
"""

from collections.abc import Mapping
from types import MappingProxyType

from acmedns_py.dns import wire
from acmedns_py.dns.codes import EDE, Rcode, RRClass, RRType
from acmedns_py.dns.message import Query, Response, Transport
from acmedns_py.dns.name import folded, is_subdomain
from acmedns_py.dns.rrset import RRset, txt_rdata
from acmedns_py.dns.zone import Alias, Hit, NxDomain, Referral, Unavailable, Zone

NO_TEXTS: Mapping[bytes, bytes] = MappingProxyType({})

MAX_ALIASES = 16
"""CNAMEs followed for one answer, as in BIND; resolvers go on from the last by themselves."""


def response_to(
    octets: bytes, zone: Zone, transport: Transport, *, loaded: bool, texts: Mapping[bytes, bytes] = NO_TEXTS
) -> Response | None:
    """Give the response to a message, None for silence; without `loaded` data, names in the zone get SERVFAIL.

    `texts` are what the server says of itself, by owner, in class CH.
    """
    try:
        query = wire.parse(octets)
    except wire.NotAQuery:
        return None
    except wire.BadQuery as bad:
        return Response(bad.query, bad.rcode, ede=EDE.OTHER if bad.reason else None, ede_text=bad.reason)
    if not query.question:
        return Response(query)
    if query.qclass == RRClass.CH:
        return _about_ourselves(query, texts)
    if query.qclass == RRClass.IN and query.qtype == RRType.AXFR and transport is Transport.UDP:
        # A transfer over UDP is not defined (RFC 5936 4.2).
        return error(query, Rcode.NOTIMP, EDE.NOT_SUPPORTED)
    if query.qclass == RRClass.IN and query.qtype in {RRType.AXFR, RRType.IXFR}:
        # Where no zone of ours begins there is nothing to refuse (RFC 5936 2.2.1).
        begins = query.qname == zone.apex
        return error(query, *((Rcode.REFUSED, EDE.PROHIBITED) if begins else (Rcode.NOTAUTH, EDE.NOT_AUTHORITATIVE)))
    if query.qclass != RRClass.IN or not is_subdomain(query.qname, zone.apex):
        return error(query, Rcode.REFUSED, EDE.NOT_AUTHORITATIVE)
    if not loaded:
        return error(query, Rcode.SERVFAIL, EDE.NOT_READY)
    return _answer(query, zone)


def _about_ourselves(query: Query, texts: Mapping[bytes, bytes]) -> Response:
    """Answer what tools ask of a server (RFC 4892 2); what is not told is refused (dns-correctness #14)."""
    text = texts.get(query.qname)
    if text is None or query.qtype not in {RRType.TXT, RRType.ANY}:
        return error(query, Rcode.REFUSED, EDE.NOT_AUTHORITATIVE)
    return Response(query, authoritative=True, answer=(RRset(query.qname, RRType.TXT, 0, (txt_rdata(text),)),))


def error(query: Query, rcode: Rcode, ede: EDE | None = None) -> Response:
    """Give the error response; `ede` is sent only where the query had an OPT (RFC 8914)."""
    return Response(query, rcode, ede=ede)


def _answer(query: Query, zone: Zone) -> Response:
    answer: list[RRset] = []
    seen = {query.qname}
    outcome = zone.lookup(query.qname, query.qtype)
    while isinstance(outcome, Alias):
        answer.append(outcome.rrset)
        target = outcome.target
        if target in seen or len(answer) >= MAX_ALIASES or not is_subdomain(target, zone.apex):
            return Response(query, authoritative=True, answer=tuple(answer))
        seen.add(target)
        outcome = zone.lookup(target, query.qtype)
    if isinstance(outcome, Unavailable):
        return error(query, Rcode.SERVFAIL, EDE.NO_REACHABLE_AUTHORITY)
    if isinstance(outcome, Hit):
        answer.append(outcome.rrset)
        return Response(query, authoritative=True, answer=tuple(answer), additional=_additional(outcome.rrset, zone))
    if isinstance(outcome, Referral):
        return Response(
            query,
            # AA speaks for the first owner of the answer section (RFC 1035 4.1.1).
            authoritative=bool(answer),
            answer=tuple(answer),
            authority=(outcome.ns,),
            glue=outcome.glue,
            additional=outcome.addresses,
        )
    return Response(
        query,
        # The rcode is that of the last name of a chain (RFC 6604 3).
        Rcode.NXDOMAIN if isinstance(outcome, NxDomain) else Rcode.NOERROR,
        authoritative=True,
        answer=tuple(answer),
        authority=(zone.negative_soa(),),
    )


def _additional(rrset: RRset, zone: Zone) -> tuple[RRset, ...]:
    """Give the addresses of name servers that lie in the zone (RFC 1035 3.3.11; dns-correctness #27)."""
    if rrset.rrtype != RRType.NS:
        return ()
    return tuple(address for rdata in rrset.rdatas for address in zone.addresses(folded(rdata)))
