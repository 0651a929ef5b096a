"""Accepted differences between this server, NSD 4.6.1 and Knot 3.2.6: which, where, and why the standards allow it.

A rule excuses the named servers from agreeing in the named facts, for the queries that `asked` picks and where the
server's own answer is what `says` tells. Servers without an excuse must agree.
"""

from collections.abc import Callable
from dataclasses import dataclass

from acmedns_py.dns.responder import Transport
from tests.conformance.oracle import Facts
from tests.conformance.oracle_queries import Asked
from tests.dns.example import Z
from tests.dns.packets import name

IN, CLASS_ANY = 1, 255
NSEC3, RRSIG, NSEC, IXFR, AXFR, ANY = 50, 46, 47, 251, 252, 255
SECTIONS = frozenset({"answer", "authority", "additional", "case of owners"})
RESPONSE = SECTIONS | {"rcode", "AA", "TC"}
FAT_SERVERS = 8
"""Name servers of the delegation whose glue does not fit in 512 octets."""

EDE, NSID, EXPIRE, COOKIE, KEEPALIVE = "option 15", "option 3", "option 9", "option 10", "option 11"


@dataclass(frozen=True)
class Rule:
    """One accepted difference."""

    name: str
    servers: frozenset[str]
    facts: frozenset[str]
    reason: str
    asked: Callable[[Asked], bool]
    says: Callable[[Facts], bool]


def rule(
    name: str,
    servers: str,
    facts: frozenset[str] | set[str],
    reason: str,
    asked: Callable[[Asked], bool],
    says: Callable[[Facts], bool] = lambda _: True,
) -> Rule:
    """Give a rule; `servers` are names between blanks."""
    return Rule(name, frozenset(servers.split()), frozenset(facts), reason, asked, says)


def outside(asked: Asked) -> bool:
    """Whether the query is about no name of the zone's class."""
    return asked.qclass != IN or not asked.qname.lower().endswith(name(Z))


RULES = (
    # What we do otherwise than both.
    rule(
        "ANY gets a HINFO of no meaning, or the CNAME or HINFO that is there",
        "ours",
        {"answer", "TC", "additional", "case of owners"},
        "RFC 8482 4.2; they give one RRset (4.1), which may be large",
        lambda asked: asked.qtype == ANY and asked.qclass == IN,
        lambda said: "HINFO" in str(said["answer"]) or "CNAME" in str(said["answer"]),
    ),
    rule(
        "class ANY is refused",
        "ours",
        RESPONSE | {EDE, COOKIE},
        "RFC 1035 3.2.5 lets one ask for it, no RFC says what an authority of one class answers; genreport takes REFUSED",
        lambda asked: asked.qclass == CLASS_ANY,
        lambda said: said["rcode"] == "REFUSED",
    ),
    rule(
        "a truncated answer is empty",
        "ours",
        SECTIONS,
        "RFC 2181 9: what is there must be whole RRsets, and the asker throws it away; they keep aliases and NS sets",
        lambda asked: asked.transport is Transport.UDP,
        lambda said: bool(said["TC"]) and not said["answer"] and not said["authority"],
    ),
    rule(
        "the idle time of a TCP connection is told",
        "ours",
        {KEEPALIVE},
        "RFC 7828 3.3.2: to whoever asks for it; these versions of NSD and Knot do not have the option",
        lambda asked: "keepalive" in asked.options and asked.transport is Transport.TCP,
        lambda said: KEEPALIVE in said,
    ),
    # What NSD does otherwise.
    rule(
        "glue that does not fit is left out without TC",
        "NSD",
        {"TC", "authority", "additional", "case of owners"},
        "RFC 9471 3.1, which is younger than this version: TC MUST be set where not all glue fits",
        lambda asked: b"\x03fat" in asked.qname.lower() and asked.transport is Transport.UDP,
        lambda said: not said["TC"] and 0 < len(str(said["additional"]).split(" AAAA ")) - 1 < FAT_SERVERS,
    ),
    rule(
        "header flags come back with BADVERS",
        "NSD",
        {"AA", "TC", "RA", "Z", "CD"},
        "RFC 1035 4.1.1: they are the server's to set, and Z is zero; Knot and we clear them",
        lambda asked: bool(asked.version),
        lambda said: said["rcode"] == "BADVERS",
    ),
    rule(
        "DO does not come back with BADVERS",
        "NSD",
        {"EDNS flags"},
        "RFC 3225 3: the DO bit of the query MUST be copied",
        lambda asked: bool(asked.version),
        lambda said: said["EDNS flags"] == 0,
    ),
    rule(
        "no question in REFUSED for a class",
        "NSD",
        {"question"},
        "RFC 1035 4.1: a response repeats the question; resolvers that mix letter case drop it without",
        lambda asked: asked.qclass != IN,
        lambda said: said["question"] == "",
    ),
    rule(
        "class ANY is answered without AA and SOA",
        "NSD",
        {"AA", "authority", "case of owners", "additional"},
        "RFC 1035 6.2: an answer to class ANY can never be authoritative",
        lambda asked: asked.qclass == CLASS_ANY,
        lambda said: not said["AA"] and not said["authority"],
    ),
    rule(
        "NSEC3 at an alias is NODATA",
        "NSD",
        SECTIONS | {"rcode"},
        "RFC 5155 3: an NSEC3 has an owner name of its own, so that none can stand at a name that has data",
        lambda asked: asked.qtype == NSEC3,
        lambda said: not said["answer"],
    ),
    # What Knot does otherwise.
    rule(
        "a client's cookie alone gets BADCOOKIE",
        "Knot",
        RESPONSE | {EDE},
        "RFC 7873 5.2.3 leaves it to the server; NSD and we answer, and limit the rate instead",
        lambda asked: "COOKIE" in asked.options and asked.transport is Transport.UDP,
        lambda said: said["rcode"] == "BADCOOKIE",
    ),
    rule(
        "NSID is answered beside BADVERS",
        "Knot",
        {NSID},
        "RFC 6891 6.1.3: the query speaks a version whose options the server does not know",
        lambda asked: bool(asked.version),
        lambda said: NSID in said,
    ),
    rule(
        "EXPIRE is answered",
        "Knot",
        {EXPIRE},
        "RFC 7314 4: the option is for secondaries, which ask no server without transfers",
        lambda asked: "EXPIRE" in asked.options,
        lambda said: EXPIRE in said,
    ),
    rule(
        "five aliases are followed, no more",
        "Knot",
        {"answer", "AA", "authority", "case of owners"},
        "RFC 1034 4.3.2 names no limit; a resolver goes on from the last",
        lambda asked: asked.shape == "alias that ends badly",
        lambda said: str(said["answer"]).count(" CNAME ") == 5,
    ),
    rule(
        "type 0 gets NOTIMP",
        "Knot",
        RESPONSE,
        "RFC 6895 3.1: reserved; RFC 8906 3.1.2 has NODATA for a type that nobody knows",
        lambda asked: asked.qtype == 0,
        lambda said: said["rcode"] == "NOTIMP",
    ),
    rule(
        "a transfer without the right to it gets NOTAUTH",
        "Knot",
        {"rcode"},
        "RFC 5936 2.2.1 has REFUSED for policy; Knot tells who may not transfer a zone that it has none",
        lambda asked: asked.qtype in {AXFR, IXFR},
        lambda said: said["rcode"] == "NOTAUTH",
    ),
    rule(
        "RRSIG and NSEC at an alias are NODATA",
        "Knot",
        SECTIONS | {"rcode"},
        "RFC 4035 2.5: they may stand beside a CNAME, so that it need not be followed; in an unsigned zone they never do",
        lambda asked: asked.qtype in {RRSIG, NSEC},
        lambda said: not said["answer"],
    ),
    rule(
        "no extended error with REFUSED",
        "Knot NSD",
        {EDE},
        "RFC 8914 1: they are extra information",
        lambda asked: outside(asked) or asked.qtype in {AXFR, IXFR},
        lambda said: EDE not in said,
    ),
    rule(
        "another RRset for ANY than NSD's",
        "Knot",
        {"answer", "additional", "TC", "case of owners"},
        "RFC 8482 4.1: which of the RRsets is the server's choice",
        lambda asked: asked.qtype == ANY,
    ),
    rule(
        "additional owners beside the question's in the zone file's letters",
        "Knot",
        {"case of owners"},
        "RFC 4343 4.1: either case will do; it compresses some owners against the zone, we and NSD against the question",
        lambda asked: asked.qname != asked.qname.lower(),
    ),
)
