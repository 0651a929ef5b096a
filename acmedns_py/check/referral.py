"""What an answer says of a zone: whether its server speaks for it, and where that delegates to (RFC 1034 4.3.2)."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from acmedns_py.check.facts import Answer, targets
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.rrset import RRset

ADDRESS_TYPES: Final = (RRType.A, RRType.AAAA)


def speaks(answer: Answer, apex: bytes) -> bool:
    """Whether an answer is that of a server of the zone `apex`: it has authority, or refers to a zone below.

    What refers upwards or to itself knows nothing of the zone, and what answers without authority is a resolver or has
    lost the zone: resolvers pass such a lame server over.
    """
    if answer.problem is not None or answer.rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN}:
        return False
    return answer.authoritative or _refers_below(answer, apex)


def _refers_below(answer: Answer, apex: bytes) -> bool:
    referral = answer.referral(name.folded(answer.question.qname))
    return referral is not None and referral.owner != apex and name.is_subdomain(referral.owner, apex)


def delegation_in(answer: Answer, owner: bytes) -> RRset | None:
    """Give the NS set of `owner` as a server of the zone above tells it.

    Where that server serves the zone itself as well it answers with authority, and nothing else can be known of it.
    """
    # Without authority only a referral counts: an answer would be that of a resolver.
    if answer.problem is not None or answer.rcode != Rcode.NOERROR or (answer.answer and not answer.authoritative):
        return None
    sections = answer.answer or answer.authority
    return next((rrset for rrset in sections if (rrset.owner, rrset.rrtype) == (owner, RRType.NS)), None)


def glue_in(said: Iterable[Answer]) -> dict[bytes, tuple[str, ...]]:
    """Give the addresses that came with a delegation, by name."""
    glue: dict[bytes, dict[str, None]] = {}
    for answer in said:
        for rrset in answer.additional:
            if rrset.rrtype in ADDRESS_TYPES:
                glue.setdefault(rrset.owner, {}).update(dict.fromkeys(addresses_of(rrset)))
    return {owner: tuple(found) for owner, found in glue.items()}


def addresses_of(rrset: RRset | None) -> tuple[str, ...]:
    """Give the addresses of an A or AAAA set."""
    return () if rrset is None else tuple(str(ip_address(rdata)) for rdata in rrset.rdatas)


def all_targets(said: Iterable[Answer], owner: bytes) -> frozenset[bytes]:
    """Give the servers that any of the answers delegates `owner` to."""
    return frozenset().union(*(targets(delegation_in(answer, owner)) for answer in said))


def failure(answer: Answer) -> str:
    """Tell in few words why an answer does not speak for a zone."""
    if answer.problem is not None:
        return f"{answer.address}: {answer.problem}"
    if answer.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}:
        return f"{answer.address}: an answer without authority"
    return f"{answer.address}: {rcode_text(answer.rcode)}"


def rcode_text(rcode: int) -> str:
    """Give the name of a response code."""
    try:
        return Rcode(rcode).name
    except ValueError:
        return str(rcode)
