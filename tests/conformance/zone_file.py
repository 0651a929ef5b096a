"""The exam's zone as a zone file, for servers that are not ours."""

from acmedns_py.dns.name import to_text
from tests.dns.example import CHALLENGES, SERIAL, STATIC_LINES, Z, rrsets

UNREADABLE = {
    "NSD": frozenset(["AMTRELAY", "BRID", "DSYNC", "GPOS", "HHIT", "HIP", "NINFO", "NSAP-PTR", "RESINFO", "WALLET"]),
    "Knot": frozenset(
        [
            "AMTRELAY",
            "AVC",
            "BRID",
            "DLV",
            "DSYNC",
            "GPOS",
            "HHIT",
            "HIP",
            "ISDN",
            "NINFO",
            "NSAP",
            "NSAP-PTR",
            "PX",
            "RESINFO",
            "WALLET",
            "WKS",
            "X25",
        ]
    ),
}
"""Types whose presentation form NSD 4.6.1 and Knot 3.2.6 can't read; the generic form stands in (RFC 3597 5)."""


def zone_file(unreadable: frozenset[str] = frozenset.union(*UNREADABLE.values())) -> str:
    """The whole zone, records of these types in generic form.

    A challenge name without values becomes an empty non-terminal, the same thing to a resolver.
    """
    text = [f"$ORIGIN {Z}.", "$TTL 300"]
    for line in STATIC_LINES:
        if unreadable.intersection(line.split()[1:3]):
            (rrset,) = rrsets([line])
            (rdata,) = rrset.rdatas
            text.append(f"{to_text(rrset.owner)} {rrset.ttl} TYPE{rrset.rrtype} \\# {len(rdata)} {rdata.hex()}")
        else:
            text.append(line.replace(" hostmaster 0 ", f" hostmaster {SERIAL} "))
    for owner, values in CHALLENGES.items():
        if not values:
            text.append(f'below.{to_text(owner)} 1 TXT "keeps the name above in the tree"')
        for value in values:
            strings = (value[start : start + 255] for start in range(0, len(value), 255))
            text.append(f"{to_text(owner)} 1 TXT {' '.join(map(_quoted, strings))}")
    return "\n".join([*text, ""])


def _quoted(string: bytes) -> str:
    """A character-string in presentation form, each octet by its decimal number behind a backslash."""
    return '"' + "".join(f"\\{octet:03d}" for octet in string) + '"'
