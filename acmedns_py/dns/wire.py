"""The gate between octets and messages: strict octets into a query, a response into octets with truncation.

Both ways are our own code, as the codecs at hand let through what has to be stopped here (trailing octets, labels of
type 0x40, names over 255 octets), stop what has to pass (a label of 0xFF octets), or break on long chains of
compression pointers. Reading follows no pointer at all: the question may have none (it has nothing to point at), and
of the records behind it only the OPT is of interest, whose owner is the root. So the work is linear in the message.

Writing compresses owners, and the names in the data of RFC 1035's own types, against the question and all earlier
names, longest suffix first; other types' data are written as they are (RFC 3597 4).
"""

import struct

from acmedns_py.dns import cookie
from acmedns_py.dns.codes import Opcode, Rcode, RRClass, RRType
from acmedns_py.dns.edns import VERSION, Edns, ede_option, from_record, limit_octets, opt_record, with_options
from acmedns_py.dns.message import Query, Response, Transport
from acmedns_py.dns.name import MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT, folded
from acmedns_py.dns.rrset import RRset

HEADER_OCTETS = 12
MOST_RECORDS = 16
"""Records behind the question that are looked at: an OPT, a TSIG or an IXFR's SOA are one each. A stranger could make
reading 5,900 empty ones cost two thousand times a TXT query."""

MAX_MESSAGE_OCTETS = 65535
"""What the two length octets of DNS over TCP can say (RFC 1035 4.2.2)."""

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_QR = 0x8000
_AA = 0x0400
_TC = 0x0200
_RD = 0x0100
_POINTER = 0xC0
_POINTER_REACH = 0x4000

_COMPRESSIBLE: dict[int, tuple[int, int]] = {
    RRType.NS: (0, 1),
    RRType.CNAME: (0, 1),
    RRType.SOA: (0, 2),
    RRType.PTR: (0, 1),
    RRType.MX: (2, 1),
}
"""Octets before the names and number of names, for types that every resolver can decompress (RFC 3597 4).

Their data must have that layout: `presentation` takes no others. The obsolete types of RFC 1035 go uncompressed.
"""


class NotAQuery(Exception):
    """Octets that get silence: too short for a header, or a response (dns-correctness #4)."""


class BadQuery(Exception):
    """A query that gets an error response; `query` holds what could be read of it, `reason` is for people."""

    def __init__(self, query: Query, rcode: Rcode, reason: str = "") -> None:
        """Keep all for the response."""
        super().__init__(rcode.name)
        self.query = query
        self.rcode = rcode
        self.reason = reason


def parse(octets: bytes) -> Query:
    """Read a query; raises `NotAQuery` or `BadQuery` (dns-correctness #4 to #10, #12, #13, #40)."""
    if len(octets) < HEADER_OCTETS:
        raise NotAQuery
    ident, flags, qdcount, ancount, nscount, arcount = _HEADER.unpack_from(octets)
    if flags & _QR:
        raise NotAQuery
    opcode = flags >> 11 & 0xF
    if opcode != Opcode.QUERY:
        # What follows the header of another opcode has that opcode's own form, so that nothing of it is read.
        raise BadQuery(Query(ident, opcode), Rcode.NOTIMP)
    recursion_desired = bool(flags & _RD)
    end = {0: HEADER_OCTETS, 1: _question_end(octets)}.get(qdcount, 0)
    if not end:
        # More than one question is no query (RFC 9619).
        raise BadQuery(Query(ident, opcode, recursion_desired), Rcode.FORMERR)
    edns, whole = _records(octets, end, (ancount, nscount, arcount))
    asked = qdcount == 1
    query = Query(
        id=ident,
        opcode=opcode,
        recursion_desired=recursion_desired,
        question=octets[HEADER_OCTETS:end],
        qname=folded(octets[HEADER_OCTETS : end - 4]) if asked else b"",
        qtype=octets[end - 4] << 8 | octets[end - 3] if asked else 0,
        qclass=octets[end - 2] << 8 | octets[end - 1] if asked else 0,
        edns=edns,
    )
    if not whole:
        raise BadQuery(query, Rcode.FORMERR)
    if edns is not None and edns.version != VERSION:
        raise BadQuery(query, Rcode.BADVERS)
    sent_cookie = None if edns is None else edns.cookie
    if sent_cookie is not None and cookie.is_malformed(sent_cookie):
        raise BadQuery(query, Rcode.FORMERR, "COOKIE must have 8 or 16 to 40 octets")
    if not asked and sent_cookie is None:
        # No question asks for nothing, unless for a cookie (RFC 7873 5.4).
        raise BadQuery(query, Rcode.FORMERR)
    return query


def _question_end(octets: bytes) -> int:
    """Give the position behind the first question, 0 where it is cut short or its name can't be one."""
    position = HEADER_OCTETS
    while position < len(octets):
        length = octets[position]
        if length > MAX_LABEL_OCTETS:
            return 0
        position += 1 + length
        if length == 0:
            end = position + 4
            return end if end <= len(octets) and position - HEADER_OCTETS <= MAX_NAME_OCTETS else 0
    return 0


def _records(octets: bytes, position: int, counts: tuple[int, int, int]) -> tuple[Edns | None, bool]:
    """Walk over the records behind the question: give the OPT where it could be read, and whether all was in order.

    A query has nothing to answer with; its authority section is read over, as IXFR puts a SOA there (RFC 1995 3).
    """
    edns: Edns | None = None
    ancount, nscount, arcount = counts
    if ancount + nscount + arcount > MOST_RECORDS:
        return None, False
    for index in range(ancount + nscount + arcount):
        owner = position
        position = _owner_end(octets, owner)
        if not position or position + _RECORD.size > len(octets):
            return edns, False
        rrtype, rrclass, ttl, rdlength = _RECORD.unpack_from(octets, position)
        rdata_start = position + _RECORD.size
        position = rdata_start + rdlength
        if position > len(octets):
            return edns, False
        if rrtype == RRType.OPT:
            if index < ancount + nscount or octets[owner] or edns is not None:
                return edns, False
            edns = from_record(rrclass, ttl)
            # Only version 0 says what the RDATA of an OPT look like.
            if edns.version == VERSION and (edns := with_options(edns, octets[rdata_start:position])) is None:
                return None, False
    return edns, not ancount and position == len(octets)


def _owner_end(octets: bytes, start: int) -> int:
    """Give the position behind an owner name, compressed or not; 0 where it is none."""
    position = start
    while position < len(octets):
        length = octets[position]
        if length >= _POINTER:
            target = octets[position : position + 2]
            whole = len(target) == 2 and int.from_bytes(target, "big") - (_POINTER << 8) < start
            return position + 2 if whole else 0
        if length > MAX_LABEL_OCTETS:
            return 0
        position += 1 + length
        if position - start > MAX_NAME_OCTETS:
            return 0
        if length == 0:
            return position
    return 0


class _Writer:
    """The records of a message in the making, and where each name in it begins."""

    def __init__(self, query: Query) -> None:
        self.octets = bytearray(HEADER_OCTETS)
        self._offsets: dict[bytes, int] = {}
        self.octets += query.question
        self._rrclass = query.qclass if query.qclass == RRClass.CH else RRClass.IN
        position = 0
        while query.qname[position:] not in {b"", ROOT}:
            self._offsets[query.qname[position:]] = HEADER_OCTETS + position
            position += query.qname[position] + 1

    def _write_name(self, name: bytes) -> None:
        position = 0
        key = folded(name)
        while length := name[position]:
            suffix = key[position:]
            offset = self._offsets.get(suffix)
            if offset is not None:
                self.octets += (_POINTER << 8 | offset).to_bytes(2, "big")
                return
            if len(self.octets) < _POINTER_REACH:
                self._offsets[suffix] = len(self.octets)
            self.octets += name[position : position + 1 + length]
            position += 1 + length
        self.octets += ROOT

    def write(self, rrset: RRset) -> int:
        """Write all records of the set; gives their number."""
        for rdata in rrset.rdatas:
            self._write_name(rrset.owner)
            self.octets += _RECORD.pack(rrset.rrtype, self._rrclass, rrset.ttl, len(rdata))
            compressible = _COMPRESSIBLE.get(rrset.rrtype)
            if compressible is None:
                self.octets += rdata
            else:
                start = len(self.octets)
                self._write_rdata(rdata, *compressible)
                self.octets[start - 2 : start] = (len(self.octets) - start).to_bytes(2, "big")
        return len(rrset.rdatas)

    def _write_rdata(self, rdata: bytes, position: int, names: int) -> None:
        self.octets += rdata[:position]
        for _ in range(names):
            start = position
            while rdata[position]:
                position += 1 + rdata[position]
            position += 1
            self._write_name(rdata[start:position])
        self.octets += rdata[position:]


def render(response: Response, transport: Transport, options: bytes = b"") -> bytes:
    """Give the octets of a response, within the limit of its transport and its query's OPT.

    What must be there and does not fit leaves the answer, authority and additional sections empty under TC (RFC 2181
    9); optional additional data are left out silently, and so is an extended error (RFC 8914 3). The OPT comes last,
    where the query had one, and holds `options`.
    """
    query = response.query
    limit = MAX_MESSAGE_OCTETS if transport is Transport.TCP else limit_octets(query.edns)
    ede = b"" if response.ede is None else ede_option(response.ede, response.ede_text)
    opt = b"" if query.edns is None else opt_record(query.edns, response.rcode, options + ede)
    writer = _Writer(query)
    question_end = len(writer.octets)
    ancount = sum(map(writer.write, response.answer))
    nscount = sum(map(writer.write, response.authority))
    arcount = sum(map(writer.write, response.glue))
    truncated = False
    if query.edns is not None and len(writer.octets) + len(opt) > limit:
        opt = opt_record(query.edns, response.rcode, options)
    if len(writer.octets) + len(opt) > limit:
        del writer.octets[question_end:]
        ancount = nscount = arcount = 0
        truncated = True
    else:
        for rrset in response.additional:
            size = len(writer.octets)
            count = writer.write(rrset)
            if len(writer.octets) + len(opt) > limit:
                # Nothing with a name is written after this, so that no pointer can lead into what is gone.
                del writer.octets[size:]
                break
            arcount += count
    flags = (
        _QR
        | query.opcode << 11
        | (_AA if response.authoritative else 0)
        | (_TC if truncated else 0)
        | (_RD if query.recursion_desired else 0)
        | response.rcode & 0xF
    )
    _HEADER.pack_into(
        writer.octets, 0, query.id, flags, bool(query.question), ancount, nscount, arcount + (query.edns is not None)
    )
    return bytes(writer.octets + opt)


def truncated(octets: bytes, *, bare: bool = False) -> bytes:
    """Give one of our responses with TC, its question and its OPT alone, for a path that takes no more (RFC 2181 9).

    With `bare` the OPT loses its options.
    """
    ident, flags, qdcount, ancount, nscount, arcount = _HEADER.unpack_from(octets)
    end = position = _question_end(octets) if qdcount else HEADER_OCTETS
    opt = b""
    for _ in range(ancount + nscount + arcount):
        start = position
        position = _owner_end(octets, start)
        rrtype, _rrclass, _ttl, rdlength = _RECORD.unpack_from(octets, position)
        position += _RECORD.size + rdlength
        if rrtype == RRType.OPT:
            opt = octets[start : position - rdlength - 2] + b"\0\0" if bare else octets[start:position]
    return _HEADER.pack(ident, flags | _TC, qdcount, 0, 0, bool(opt)) + octets[HEADER_OCTETS:end] + opt
