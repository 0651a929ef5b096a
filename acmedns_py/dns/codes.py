"""The numbers of DNS headers, records and extended errors, by the names that IANA gives them.

Types and classes travel as plain integers, so that unknown numbers are kept (RFC 3597); the enums name those that the
core or an operator's records speak of.
"""

from enum import IntEnum


class Rcode(IntEnum):
    """Response codes that this server sends; those from 16 on need the OPT record's upper bits (RFC 6891 6.1.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16
    BADCOOKIE = 23


class Opcode(IntEnum):
    """Operation codes (RFC 6895 2.2)."""

    QUERY = 0
    IQUERY = 1
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5
    DSO = 6


class RRClass(IntEnum):
    """Classes (RFC 6895 3.2); the zone is of class IN."""

    IN = 1
    CH = 3
    HS = 4
    NONE = 254
    ANY = 255


class EDE(IntEnum):
    """Info codes of extended DNS errors that this server sends (RFC 8914 4)."""

    OTHER = 0
    NOT_READY = 14
    PROHIBITED = 18
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22


class RRType(IntEnum):
    """Record types with a mnemonic (IANA "DNS Parameters")."""

    A = 1
    NS = 2
    MD = 3
    MF = 4
    CNAME = 5
    SOA = 6
    MB = 7
    MG = 8
    MR = 9
    NULL = 10
    WKS = 11
    PTR = 12
    HINFO = 13
    MINFO = 14
    MX = 15
    TXT = 16
    RP = 17
    AFSDB = 18
    X25 = 19
    ISDN = 20
    RT = 21
    NSAP = 22
    SIG = 24
    KEY = 25
    PX = 26
    AAAA = 28
    LOC = 29
    SRV = 33
    NAPTR = 35
    KX = 36
    CERT = 37
    DNAME = 39
    OPT = 41
    APL = 42
    DS = 43
    SSHFP = 44
    IPSECKEY = 45
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    DHCID = 49
    NSEC3 = 50
    NSEC3PARAM = 51
    TLSA = 52
    SMIMEA = 53
    HIP = 55
    CDS = 59
    CDNSKEY = 60
    OPENPGPKEY = 61
    CSYNC = 62
    ZONEMD = 63
    SVCB = 64
    HTTPS = 65
    SPF = 99
    NID = 104
    L32 = 105
    L64 = 106
    LP = 107
    EUI48 = 108
    EUI64 = 109
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255
    URI = 256
    CAA = 257


def type_to_text(rrtype: int) -> str:
    """Give the type's mnemonic, or `TYPEnnn` where it has none (RFC 3597 5)."""
    try:
        return RRType(rrtype).name
    except ValueError:
        return f"TYPE{rrtype}"
