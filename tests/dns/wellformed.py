"""What every answer must be, whatever was asked: read by dnspython and by a walk over the query that is not ours."""

import struct

from acmedns_py.dns.message import Transport
from tests.dns.packets import AA, AD, CD, QR, RA, RD, TC, Z, read

HEADER = struct.Struct("!6H")
SENT_RCODES = {0, 1, 2, 3, 4, 5, 9, 16, 23}
"""NOERROR to REFUSED, NOTAUTH, BADVERS and BADCOOKIE."""

NSID, COOKIE, KEEPALIVE, EDE = 3, 10, 11, 15
MOST_RECORDS = 16
PAYLOAD_OCTETS = 1232


def _name_end(octets: bytes, start: int) -> int | None:
    """Give the position behind a name, None where it is none or leads forward."""
    position = start
    while position < len(octets) and octets[position] < 64 and position - start <= 254:
        if octets[position] == 0:
            return position + 1
        position += 1 + octets[position]
    if position + 1 >= len(octets) or octets[position] < 192 or position - start > 255:
        return None
    return position + 2 if (octets[position] & 63) * 256 + octets[position + 1] < start else None


def question_of(query: bytes) -> bytes | None:
    """Give the octets of the one question, empty where none is asked, None for more than one or one that can't be read."""
    questions = HEADER.unpack_from(query)[2]
    if questions != 1:
        return None if questions else b""
    position = 12
    while position < len(query) and 0 < query[position] < 64:
        position += 1 + query[position]
    end = position + 5
    if position >= len(query) or query[position] != 0 or position + 1 - 12 > 255 or end > len(query):
        return None
    return query[12:end]


def opt_of(query: bytes) -> tuple[int, int, bytes] | None:
    """Give (payload, TTL field, options) of the first OPT that can be read, None where there is none."""
    ancount, nscount, arcount = HEADER.unpack_from(query)[3:]
    asked = question_of(query)
    records = ancount + nscount + arcount
    if asked is None or records > MOST_RECORDS:
        return None
    position = 12 + len(asked)
    for number in range(records):
        owner_end = _name_end(query, position)
        if owner_end is None or owner_end + 10 > len(query):
            return None
        rrtype, payload, ttl, length = struct.unpack_from("!HHIH", query, owner_end)
        is_root = query[position] == 0
        position = owner_end + 10 + length
        if position > len(query):
            return None
        if rrtype != 41:
            continue
        options = query[position - length : position]
        in_place = is_root and number >= ancount + nscount
        return (payload, ttl, options) if in_place and (ttl >> 16 & 0xFF or _whole(options)) else None
    return None


def options_of(rdata: bytes) -> list[tuple[int, bytes]] | None:
    """Give the options as (code, data), None where they do not fill their place exactly."""
    options = []
    while len(rdata) >= 4:
        code, length = struct.unpack_from("!HH", rdata)
        if 4 + length > len(rdata):
            return None
        options.append((code, rdata[4 : 4 + length]))
        rdata = rdata[4 + length :]
    return None if rdata else options


def _whole(rdata: bytes) -> bool:
    return options_of(rdata) is not None


def check(query: bytes, response: bytes | None, transport: Transport) -> None:
    """Raise `AssertionError` where what came back on a query is no well-formed answer, and silence no right one."""
    if len(query) < 12 or query[2] & 0x80:
        assert response is None, "what is no query was answered"
        return
    assert response is not None, "a query got silence"
    ident, query_flags, *_ = HEADER.unpack_from(query)
    got_ident, flags, qdcount, ancount, nscount, arcount = HEADER.unpack_from(response)
    asked = question_of(query)
    opt = opt_of(query)
    opcode = query_flags >> 11 & 15

    assert got_ident == ident, "another ID"
    assert flags & QR, "no response"
    assert flags >> 11 & 15 == opcode, "another opcode"
    assert not flags & (RA | Z | AD | CD), "a flag that is never set"
    if opcode:
        # The form of other opcodes is not ours to know (RFC 6895 2.2): nothing of them comes back.
        assert (flags & 15, len(response)) == (4, 12), "another opcode was not just refused"
        return
    assert flags & RD == query_flags & RD, "RD is not copied"
    assert qdcount == bool(asked), "a question that can be read comes back, others don't"
    assert response[12 : 12 + len(asked or b"")] == (asked or b""), "another question"
    if asked is None:
        assert len(response) == 12, "something behind the header where no question could be read"

    message = read(response)
    assert int(message.rcode()) in SENT_RCODES, f"rcode {message.rcode()}"
    assert (message.edns >= 0) == (opt is not None), "an OPT where none was read, or none where one was"
    limit = 65535 if transport is Transport.TCP else min(max(512, opt[0]), PAYLOAD_OCTETS) if opt else 512
    assert len(response) <= limit, f"{len(response)} octets over {transport}, limit {limit}"
    if opt is not None:
        check_options(opt, [(int(found.otype), found.to_wire()) for found in message.options], transport)
    if flags & TC:
        assert transport is Transport.UDP, "TC over TCP"
        assert (ancount, nscount, arcount) == (0, 0, message.edns >= 0), "data beside TC"
    if int(message.rcode()) not in {0, 3}:
        assert not flags & AA, "AA on an error"
        assert (ancount, nscount, arcount) == (0, 0, message.edns >= 0), "data beside an error"
    if int(message.rcode()) == 3:
        assert flags & AA or flags & TC, "a denial without authority"
        assert nscount == 1 or flags & TC, "a denial without SOA"


def check_options(opt: tuple[int, int, bytes], sent: list[tuple[int, bytes]], transport: Transport) -> None:
    """Raise `AssertionError` where options go out that the query's OPT gives no reason for, or a cookie does not."""
    _, ttl, rdata = opt
    asked = dict(reversed(options_of(rdata) or [])) if not ttl >> 16 & 0xFF else {}
    codes = [code for code, _ in sent]
    assert len(codes) == len(set(codes)), "an option twice"
    allowed = {EDE, COOKIE if COOKIE in asked else EDE, NSID if NSID in asked else EDE}
    if KEEPALIVE in asked and transport is Transport.TCP:
        allowed.add(KEEPALIVE)
    assert set(codes) <= allowed, f"options {codes} to {list(asked)}"
    if len(asked.get(COOKIE, b"")) in {8, *range(16, 41)}:
        reply = dict(sent).get(COOKIE, b"")
        assert (len(reply), reply[:8]) == (24, asked[COOKIE][:8]), "a client's cookie got no server cookie"
    else:
        assert COOKIE not in codes, "a cookie to what is none"


def check_truncated(response: bytes, truncated: bytes) -> None:
    """Raise `AssertionError` where the short form of a response has lost more than its data."""
    whole, short = read(response), read(truncated)
    assert HEADER.unpack_from(truncated)[:3] == (
        whole.id,
        HEADER.unpack_from(response)[1] | TC,
        len(whole.question),
    ), "another header"
    assert HEADER.unpack_from(truncated)[3:] == (0, 0, whole.edns >= 0), "data beside TC"
    question_octets = len(question_of(response) or b"")
    assert truncated[12 : 12 + question_octets] == response[12 : 12 + question_octets], "another question"
    assert (short.edns, short.ednsflags, short.payload, short.options) == (
        whole.edns,
        whole.ednsflags,
        whole.payload,
        whole.options,
    ), "another OPT"
    assert len(truncated) <= 512, "too long for any path"
