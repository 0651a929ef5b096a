"""The OPT pseudo-record: what a query's OPT says, and the one that goes into its response (RFC 6891)."""

from dataclasses import dataclass, replace

from acmedns_py.dns.codes import EDE, RRType

PAYLOAD_OCTETS = 1232
"""What we offer and the most we send over UDP: fits one unfragmented IPv6 packet (DNS flag day 2020)."""

MIN_PAYLOAD_OCTETS = 512
"""The limit without OPT (RFC 1035 4.2.1); a lower value in an OPT counts as this one (RFC 6891 6.2.3)."""

OPT_OCTETS = 11
"""An OPT record without options."""

VERSION = 0
DNSSEC_OK = 0x8000

NSID = 3
COOKIE = 10
KEEPALIVE = 11
_EDE = 15
"""Option codes (RFC 5001 2.3, 7873 4, 7828 3.1, 8914 2)."""


@dataclass(frozen=True, slots=True)
class Edns:
    """A query's OPT record, as far as the response depends on it; other options are checked for layout and ignored.

    `cookie` is the data of the first COOKIE option, however long; None where there is none.
    """

    payload_octets: int
    version: int
    dnssec_ok: bool
    cookie: bytes | None = None
    nsid_asked: bool = False
    keepalive_asked: bool = False


def from_record(rrclass: int, ttl: int) -> Edns:
    """Read the fields that OPT keeps where other records have class and TTL (RFC 6891 6.1.3)."""
    return Edns(rrclass, ttl >> 16 & 0xFF, bool(ttl & DNSSEC_OK))


def with_options(edns: Edns, rdata: bytes) -> Edns | None:
    """Add what the options in the RDATA say; None where they do not fill it exactly (dns-correctness #10)."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(rdata):
        start = position + 4
        position = start + int.from_bytes(rdata[position + 2 : start], "big")
        # Of several COOKIE options only the first counts (RFC 7873 5.2).
        found.setdefault(int.from_bytes(rdata[start - 4 : start - 2], "big"), rdata[start:position])
    if position != len(rdata):
        return None
    return replace(edns, cookie=found.get(COOKIE), nsid_asked=NSID in found, keepalive_asked=KEEPALIVE in found)


def limit_octets(edns: Edns | None) -> int:
    """Give the largest response over UDP to a query with that OPT (dns-correctness #44, #46)."""
    if edns is None:
        return MIN_PAYLOAD_OCTETS
    return min(max(edns.payload_octets, MIN_PAYLOAD_OCTETS), PAYLOAD_OCTETS)


def option(code: int, data: bytes) -> bytes:
    """Give one option (RFC 6891 6.1.2)."""
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def ede_option(ede: EDE, text: str) -> bytes:
    """Give an extended error with its text for people, perhaps empty (RFC 8914 2)."""
    return option(_EDE, ede.to_bytes(2, "big") + text.encode())


def opt_record(edns: Edns, rcode: int, options: bytes = b"") -> bytes:
    """Give the response's OPT: version 0, DO copied, no other flag, and these options."""
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
