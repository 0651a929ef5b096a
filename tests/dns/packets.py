"""Queries as octets, made by hand so that they can be wrong, and responses read by dnspython."""

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
ID = 0xBEEF

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010


def name(text: str) -> bytes:
    """Give a name in wire form for plain labels between dots, letter case kept."""
    labels = [label.encode("latin-1") for label in text.rstrip(".").split(".")] if text.rstrip(".") else []
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def question(qname: str | bytes, qtype: str | int = "TXT", qclass: int = 1) -> bytes:
    """Give one entry of a question section."""
    number = qtype if isinstance(qtype, int) else int(dns.rdatatype.from_text(qtype))
    return (name(qname) if isinstance(qname, str) else qname) + struct.pack("!HH", number, qclass)


def record(owner: bytes, rrtype: int, rrclass: int = 1, ttl: int = 0, rdata: bytes = b"") -> bytes:
    """Give one record."""
    return owner + struct.pack("!HHIH", rrtype, rrclass, ttl, len(rdata)) + rdata


def opt(payload: int = 1232, *, version: int = 0, flags: int = 0, options: bytes = b"", owner: bytes = b"\0") -> bytes:
    """Give an OPT record."""
    return record(owner, 41, payload, version << 16 | flags, options)


def option(code: int, data: bytes = b"") -> bytes:
    """Give one EDNS option."""
    return struct.pack("!HH", code, len(data)) + data


def message(
    *sections: bytes, flags: int = 0, opcode: int = 0, counts: tuple[int, int, int, int] = (1, 0, 0, 0), ident: int = ID
) -> bytes:
    """Give a message of any content under any header."""
    return struct.pack("!6H", ident, flags | opcode << 11, *counts) + b"".join(sections)


def query(
    qname: str | bytes,
    qtype: str | int = "TXT",
    *,
    qclass: int = 1,
    flags: int = 0,
    edns: bytes | None = None,
    ident: int = ID,
) -> bytes:
    """Give an ordinary query; `edns` is an OPT record."""
    counts = (1, 0, 0, 0 if edns is None else 1)
    return message(question(qname, qtype, qclass), edns or b"", flags=flags, counts=counts, ident=ident)


def without_server_cookie(octets: bytes | None) -> bytes | None:
    """Give a response with zeros for the part of a COOKIE option that depends on time and address."""
    before, mark, behind = (octets or b"").partition(b"\0\x0a\0\x18")
    return before + mark + behind[:8] + bytes(16) + behind[24:] if mark else octets


def read(octets: bytes) -> dns.message.Message:
    """Parse a response strictly: no octet may be left over."""
    return dns.message.from_wire(octets, one_rr_per_rrset=False)


def lines(section: list[dns.rrset.RRset]) -> list[str]:
    """Give the records of a section as sorted zone-file lines `owner ttl TYPE rdata`."""
    return sorted(
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in section
        for rdata in rrset
    )


def ede(response: dns.message.Message) -> int | None:
    """Give the info code of a response's extended error."""
    codes = [int(found.code) for found in response.options if isinstance(found, dns.edns.EDEOption)]
    return codes[0] if codes else None
