"""The OPT pseudo-record: what a query's OPT says, and the one that goes into its response (RFC 6891)."""

from dataclasses import dataclass

from acmedns_py.dns.codes import RRType

PAYLOAD_OCTETS = 1232
"""What we offer and the most we send over UDP: fits one unfragmented IPv6 packet (DNS flag day 2020)."""

MIN_PAYLOAD_OCTETS = 512
"""The limit without OPT (RFC 1035 4.2.1); a lower value in an OPT counts as this one (RFC 6891 6.2.3)."""

VERSION = 0
DNSSEC_OK = 0x8000

_OPTION_EDE = 15
"""RFC 8914 2."""


@dataclass(frozen=True, slots=True)
class Edns:
    """A query's OPT record, as far as the answer depends on it; options are checked for layout and ignored."""

    payload_octets: int
    version: int
    dnssec_ok: bool


def from_record(rrclass: int, ttl: int) -> Edns:
    """Read the fields that OPT keeps where other records have class and TTL (RFC 6891 6.1.3)."""
    return Edns(rrclass, ttl >> 16 & 0xFF, bool(ttl & DNSSEC_OK))


def options_are_whole(rdata: bytes) -> bool:
    """Say whether the options fill the RDATA exactly (dns-correctness #10)."""
    position = 0
    while position < len(rdata):
        position += 4 + int.from_bytes(rdata[position + 2 : position + 4], "big")
    return position == len(rdata)


def limit_octets(edns: Edns | None) -> int:
    """Give the largest response over UDP to a query with that OPT (dns-correctness #44, #46)."""
    if edns is None:
        return MIN_PAYLOAD_OCTETS
    return min(max(edns.payload_octets, MIN_PAYLOAD_OCTETS), PAYLOAD_OCTETS)


def opt_record(edns: Edns, rcode: int, ede: int | None) -> bytes:
    """Give the response's OPT: version 0, DO copied, no other flag, at most an extended error without text."""
    options = b"" if ede is None else b"".join(number.to_bytes(2, "big") for number in (_OPTION_EDE, 2, ede))
    return b"".join(
        (
            b"\0",
            RRType.OPT.to_bytes(2, "big"),
            PAYLOAD_OCTETS.to_bytes(2, "big"),
            bytes((rcode >> 4, VERSION)),
            (DNSSEC_OK if edns.dnssec_ok else 0).to_bytes(2, "big"),
            len(options).to_bytes(2, "big"),
            options,
        )
    )
