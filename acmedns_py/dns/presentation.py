r"""Zone-file text of one record into its RRset (RFC 1035 5, RFC 3597 5), for the records that an operator writes.

A line is `owner [ttl] [class] type rdata`, with TTL and class in either order. Types in `_FIELDS` are read field by
field; any other type takes the generic form `\# length hex`. Data given in the generic form for a type of the table
must have that type's layout, as later steps rely on it.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from acmedns_py.dns import name as names
from acmedns_py.dns.codes import RRType, type_from_text, type_to_text
from acmedns_py.dns.rrset import MAX_STRING_OCTETS, RRset
from acmedns_py.dns.svcparams import BadParameter, parameters_from_text, parameters_problem

MAX_TTL_SECONDS = 2**31 - 1
"""RFC 2181 8."""

MAX_RDATA_OCTETS = 65535


class BadRecord(ValueError):
    """A line that can't be served as a record; the message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the line: escapes are still in `text`, quotes are not; `plain` where no part of it was quoted."""

    text: str
    plain: bool


_FIELDS: dict[int, tuple[str, ...]] = {
    RRType.A: ("address4",),
    RRType.NS: ("name",),
    RRType.MD: ("name",),
    RRType.MF: ("name",),
    RRType.CNAME: ("name",),
    RRType.SOA: ("name", "name", "number32", "period", "period", "period", "period"),
    RRType.MB: ("name",),
    RRType.MG: ("name",),
    RRType.MR: ("name",),
    RRType.PTR: ("name",),
    RRType.HINFO: ("string", "string"),
    RRType.MINFO: ("name", "name"),
    RRType.MX: ("number16", "name"),
    RRType.TXT: ("strings",),
    RRType.RP: ("name", "name"),
    RRType.AFSDB: ("number16", "name"),
    RRType.RT: ("number16", "name"),
    RRType.AAAA: ("address6",),
    RRType.SRV: ("number16", "number16", "number16", "name"),
    RRType.NAPTR: ("number16", "number16", "string", "string", "string", "name"),
    RRType.KX: ("number16", "name"),
    RRType.DS: ("number16", "number8", "number8", "hex"),
    RRType.SSHFP: ("number8", "number8", "hex"),
    RRType.DNSKEY: ("number16", "number8", "number8", "base64"),
    RRType.TLSA: ("number8", "number8", "number8", "hex"),
    RRType.SMIMEA: ("number8", "number8", "number8", "hex"),
    RRType.CDS: ("number16", "number8", "number8", "hex"),
    RRType.CDNSKEY: ("number16", "number8", "number8", "base64"),
    RRType.OPENPGPKEY: ("base64",),
    RRType.SVCB: ("number16", "name", "parameters"),
    RRType.HTTPS: ("number16", "name", "parameters"),
    RRType.SPF: ("strings",),
    RRType.URI: ("number16", "number16", "text"),
    RRType.CAA: ("number8", "tag", "text"),
}
"""The kinds of the fields of each type, in order; the last may take all that is left of the line."""

_REFUSED = {
    RRType.OPT: "OPT belongs to single messages (RFC 6891)",
    RRType.DNAME: "this server makes no answers from DNAME; write CNAME records",
    RRType.SIG: "signatures are made by signing, not written",
    RRType.RRSIG: "signatures are made by signing, not written",
    RRType.NSEC: "denials are made by signing, not written",
    RRType.NSEC3: "denials are made by signing, not written",
    RRType.NSEC3PARAM: "denials are made by signing, not written",
}

_TTL = re.compile(r"(?:\d{1,10}[smhdw]?)+", re.ASCII | re.IGNORECASE)
_TTL_PART = re.compile(r"(\d+)([smhdw]?)", re.ASCII | re.IGNORECASE)
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLASSES = frozenset(("IN", "CLASS1"))
_OTHER_CLASSES = frozenset(("CH", "CHAOS", "CS", "HS", "HESIOD", "NONE"))
_TAG = re.compile(rb"[A-Za-z0-9]{1,255}")


def parse_record(line: str, *, origin: bytes, default_ttl: int) -> RRset:
    """Give the RRset of the one record in `line`.

    Names without a final dot are completed by `origin` (folded wire form); `default_ttl` in seconds is for a line
    without one. The owner is folded; names inside the data keep their letter case. Raises `BadRecord`.
    """
    try:
        tokens = _tokens(line)
        if not tokens:
            raise BadRecord("the line is empty")
        if line[0].isspace():
            raise BadRecord("the line begins with a blank: every record needs its owner in front")
        owner = names.folded(names.absolute(tokens[0].text, origin))
        ttl, rrtype, rest = _ttl_and_type(tokens[1:], default_ttl)
        return RRset(owner, rrtype, ttl, (_rdata(rrtype, rest, origin),))
    except (names.InvalidName, BadParameter) as error:
        raise BadRecord(str(error)) from None


def _tokens(line: str) -> list[_Token]:
    """Cut the line into words; parentheses outside quotes only group, `;` outside quotes begins a comment."""
    tokens: list[_Token] = []
    word: list[str] = []
    quoted = started_quoted = False
    depth = position = 0
    while position < len(line):
        character = line[position]
        position += 1
        if character == "\\":
            word.append(line[position - 1 : position + 1])
            position += 1
        elif character == '"':
            quoted = not quoted
            started_quoted = True
        elif quoted:
            word.append(character)
        elif character in " \t\r\n();":
            if word or started_quoted:
                tokens.append(_Token("".join(word), not started_quoted))
                word.clear()
                started_quoted = False
            depth += (character == "(") - (character == ")")
            if depth < 0:
                break
            if character == ";":
                newline = line.find("\n", position)
                position = len(line) if newline < 0 else newline
            elif character in "\r\n" and not depth and tokens and line[position:].strip():
                raise BadRecord("more than one line; write one record an entry")
        else:
            word.append(character)
    if quoted:
        raise BadRecord('a quote (") is not closed')
    if depth:
        raise BadRecord("a parenthesis has no partner")
    if word or started_quoted:
        tokens.append(_Token("".join(word), not started_quoted))
    return tokens


def _ttl_and_type(tokens: list[_Token], default_ttl: int) -> tuple[int, int, list[_Token]]:
    ttl: int | None = None
    class_seen = False
    for index, token in enumerate(tokens):
        upper = token.text.upper()
        if upper in _CLASSES and not class_seen:
            class_seen = True
        elif upper in _OTHER_CLASSES:
            raise BadRecord(f"class {token.text}: only class IN is served")
        elif ttl is None and _TTL.fullmatch(token.text):
            ttl = _seconds(token.text)
        else:
            rrtype = type_from_text(token.text)
            if rrtype is None:
                raise BadRecord(f"{token.text!r} is no record type")
            reason = _REFUSED.get(RRType(rrtype)) if rrtype in _REFUSED else None
            if reason is None and (rrtype == 0 or 128 <= rrtype <= 255):
                reason = "it is for questions only (RFC 6895 3.1)"
            if reason is not None:
                raise BadRecord(f"type {type_to_text(rrtype)} can't be a static record: {reason}")
            return default_ttl if ttl is None else ttl, rrtype, tokens[index + 1 :]
    raise BadRecord("the record type is missing")


def _seconds(text: str) -> int:
    seconds = sum(int(number) * _UNIT_SECONDS[unit.lower()] for number, unit in _TTL_PART.findall(text))
    if seconds > MAX_TTL_SECONDS:
        raise BadRecord(f"{text}: more than {MAX_TTL_SECONDS} seconds")
    return seconds


def _rdata(rrtype: int, tokens: list[_Token], origin: bytes) -> bytes:
    if tokens and tokens[0].plain and tokens[0].text == "\\#":
        rdata = _generic(tokens[1:])
        problem = layout_problem(rrtype, rdata)
        if problem is not None:
            raise BadRecord(f"these octets are no {type_to_text(rrtype)} data: {problem}")
        return rdata
    kinds = _FIELDS.get(rrtype)
    if kinds is None:
        raise BadRecord(f"type {type_to_text(rrtype)} is known in the generic form only: \\# LENGTH HEX (RFC 3597 5)")
    pieces: list[bytes] = []
    for index, kind in enumerate(kinds):
        if kind in _REST:
            pieces.append(_REST[kind](tokens[index:]))
            tokens = tokens[:index]
            break
        if index >= len(tokens):
            raise BadRecord(f"{type_to_text(rrtype)} data needs {len(kinds)} fields, but there are {len(tokens)}")
        pieces.append(_FIELD[kind](tokens[index].text, origin))
    if len(tokens) > len(kinds):
        raise BadRecord(f"{tokens[len(kinds)].text!r} is more than {type_to_text(rrtype)} data has fields for")
    rdata = b"".join(pieces)
    if len(rdata) > MAX_RDATA_OCTETS:
        raise BadRecord(f"{len(rdata)} octets of data; a record has room for {MAX_RDATA_OCTETS}")
    return rdata


def _generic(tokens: list[_Token]) -> bytes:
    if not tokens or not tokens[0].text.isdecimal():
        raise BadRecord("the generic form \\# needs the number of octets")
    rdata = _hex_octets("".join(token.text for token in tokens[1:]))
    if not tokens[0].text.isascii() or len(rdata) != int(tokens[0].text[:6]):
        raise BadRecord(f"the generic form says {tokens[0].text} octets, but {len(rdata)} follow")
    return rdata


def _hex_octets(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise BadRecord(f"{text!r} is not hexadecimal") from None


def _number(bits: int) -> Callable[[str, bytes], bytes]:
    def octets(text: str, _origin: bytes) -> bytes:
        if not (text.isascii() and text.isdecimal()) or len(text) > 10 or int(text) >= 1 << bits:
            raise BadRecord(f"{text!r} is no number from 0 to {(1 << bits) - 1}")
        return int(text).to_bytes(bits // 8, "big")

    return octets


def _period(text: str, _origin: bytes) -> bytes:
    if not _TTL.fullmatch(text):
        raise BadRecord(f"{text!r} is no number of seconds")
    return _seconds(text).to_bytes(4, "big")


def _address4(text: str, _origin: bytes) -> bytes:
    try:
        return ipaddress.IPv4Address(text).packed
    except ValueError:
        raise BadRecord(f"{text!r} is no IPv4 address") from None


def _address6(text: str, _origin: bytes) -> bytes:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise BadRecord(f"{text!r} is no IPv6 address") from None
    if address.scope_id is not None:
        raise BadRecord(f"{text!r}: an address in the DNS has no zone (%...)")
    return address.packed


def text_octets(text: str) -> bytes:
    r"""Give the octets of a character string: `\DDD` and `\X` resolved, other characters as UTF-8."""
    octets = bytearray()
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            octet, position = names.unescaped(text, position)
            octets.append(octet)
        else:
            octets += character.encode("utf-8", "surrogateescape")
    return bytes(octets)


def _string(text: str, _origin: bytes) -> bytes:
    octets = text_octets(text)
    if len(octets) > MAX_STRING_OCTETS:
        raise BadRecord(f"a string of {len(octets)} octets; cut it into quoted strings of at most {MAX_STRING_OCTETS}")
    return bytes((len(octets),)) + octets


def _tag(text: str, _origin: bytes) -> bytes:
    octets = text_octets(text)
    if not _TAG.fullmatch(octets):
        raise BadRecord(f"{text!r} is no CAA tag: letters and digits only (RFC 8659 4.1)")
    return bytes((len(octets),)) + octets


def _strings(tokens: list[_Token]) -> bytes:
    if not tokens:
        raise BadRecord('a text is missing; an empty one is ""')
    return b"".join(_string(token.text, names.ROOT) for token in tokens)


def _text(tokens: list[_Token]) -> bytes:
    if len(tokens) != 1:
        raise BadRecord(f"one value must stand at the end, but there are {len(tokens)}; quote a value with blanks")
    return text_octets(tokens[0].text)


def _hex(tokens: list[_Token]) -> bytes:
    if not tokens:
        raise BadRecord("hexadecimal data are missing")
    return _hex_octets("".join(token.text for token in tokens))


def _base64(tokens: list[_Token]) -> bytes:
    text = "".join(token.text for token in tokens)
    try:
        octets = base64.b64decode(text, validate=True)
    except ValueError:
        raise BadRecord(f"{text!r} is not base64") from None
    if not octets:
        raise BadRecord("base64 data are missing")
    return octets


def _parameters(tokens: list[_Token]) -> bytes:
    return parameters_from_text([token.text for token in tokens], text_octets)


_FIELD: dict[str, Callable[[str, bytes], bytes]] = {
    "name": names.absolute,
    "number8": _number(8),
    "number16": _number(16),
    "number32": _number(32),
    "period": _period,
    "address4": _address4,
    "address6": _address6,
    "string": _string,
    "tag": _tag,
}

_REST: dict[str, Callable[[list[_Token]], bytes]] = {
    "strings": _strings,
    "text": _text,
    "hex": _hex,
    "base64": _base64,
    "parameters": _parameters,
}

_FIXED_OCTETS = {"number8": 1, "number16": 2, "number32": 4, "period": 4, "address4": 4, "address6": 16}


def layout_problem(rrtype: int, rdata: bytes) -> str | None:
    """Say what keeps `rdata` from being of that type's layout; None where nothing does, or the layout is not known."""
    position = 0
    for kind in _FIELDS.get(rrtype, ()):
        if kind in _FIXED_OCTETS:
            position += _FIXED_OCTETS[kind]
        elif kind == "name":
            position = _behind_name(rdata, position)
        elif kind in {"string", "tag"}:
            position += 1 + (rdata[position] if position < len(rdata) else 0)
        elif kind == "strings":
            first = position
            while position < len(rdata):
                position += 1 + rdata[position]
            if position == first:
                return "no string in it"
        elif kind == "parameters":
            return parameters_problem(rdata[position:])
        else:
            position = max(position, len(rdata))
        if position > len(rdata):
            return f"cut short in its {kind}"
    if rrtype in _FIELDS and position < len(rdata):
        return f"{len(rdata) - position} octets too many"
    return None


def _behind_name(rdata: bytes, position: int) -> int:
    """Give the position behind the name, or one past the end where there is none that is whole and uncompressed."""
    start = position
    while position < len(rdata) and position - start < names.MAX_NAME_OCTETS:
        length = rdata[position]
        position += 1 + length
        if length == 0:
            return position
        if length > names.MAX_LABEL_OCTETS:
            break
    return len(rdata) + 1
