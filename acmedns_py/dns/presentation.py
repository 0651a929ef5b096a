r"""Zone-file text of one record into its RRset (RFC 1035 5, RFC 3597 5), for the records that an operator writes.

A line is `owner [ttl] [class] type rdata`, with TTL and class in either order. dnspython reads it; here stands what
this server takes of what can be read, and what a person is told of what can't. Any type takes the generic form
`\# length hex`; data in it must have the layout of their type where dnspython knows one, as later steps rely on it.
"""

import io
import re
import struct

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl

from acmedns_py.dns import name as names
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

MAX_TTL_SECONDS = 2**31 - 1
"""RFC 2181 8."""

MAX_RDATA_OCTETS = 65535

_REFUSED: dict[int, str] = {
    RRType.OPT: "OPT belongs to single messages (RFC 6891)",
    RRType.DNAME: "this server makes no answers from DNAME; write CNAME records",
    RRType.SIG: "signatures are made by signing, not written",
    RRType.RRSIG: "signatures are made by signing, not written",
    RRType.NSEC: "denials are made by signing, not written",
    RRType.NSEC3: "denials are made by signing, not written",
    RRType.NSEC3PARAM: "denials are made by signing, not written",
}

_NEEDED: dict[int, str] = {
    RRType.A: "an IPv4 address",
    RRType.AAAA: "an IPv6 address",
    RRType.TXT: "strings of at most 255 octets, in quotes where they have blanks",
}
"""What data of a type are made of, where dnspython's names of their fields say too little."""

_SURPLUS = re.compile(r"expected EOL or EOF, got \d+ (.*)", re.DOTALL)
"""dnspython's words for data that go on where their fields end, with the token's number."""


class BadRecord(ValueError):
    """A line that can't be served as a record; the message says why."""


class _AsciiOnly(dns.name.IDNACodec):
    """Refuses names in other scripts: the usual codec reads some letters as others (RFC 5891 replaced IDNA 2003)."""

    def encode(self, label: str) -> bytes:
        raise names.InvalidName("a name beyond ASCII is written in A-labels (xn--...)")


_ASCII_ONLY = _AsciiOnly()  # type: ignore[no-untyped-call]


def parse_record(line: str, *, origin: bytes, default_ttl: int) -> RRset:
    """Give the RRset of the one record in `line`.

    Names without a final dot are completed by `origin` (folded wire form); `default_ttl` in seconds is for a line
    without one. The owner is folded; names inside the data keep their letter case. Raises `BadRecord`.
    """
    text = io.StringIO(line)
    tokens = dns.tokenizer.Tokenizer(text, idna_codec=_ASCII_ONLY)
    try:
        owner = _owner(tokens, line, origin)
        ttl, rrtype = _ttl_and_type(tokens)
    except dns.exception.DNSException as error:
        raise BadRecord(f"{_shown(line)} can't be read: {_reason(error)}") from None
    data = line[text.tell() - len(tokens.ungotten_char or "") :].strip()
    try:
        completed_by, _ = dns.name.from_wire(origin, 0)
        record = dns.rdata.from_text(dns.rdataclass.IN, rrtype, tokens, origin=completed_by, relativize=False)
        rdata = record.to_wire() or b""
        while (token := tokens.get()).is_eol():
            pass
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        kind = dns.rdatatype.to_text(rrtype)
        said = f"{_shown(data)} can't be read as {kind} data" if data else f"the {kind} data are missing"
        raise BadRecord(f"{said} ({_reason(error)}); needed: {_needed(rrtype)}") from None
    if not token.is_eof():
        raise BadRecord("more than one line; write one record an entry")
    if len(rdata) > MAX_RDATA_OCTETS:
        raise BadRecord(f"{len(rdata)} octets of data; a record has room for {MAX_RDATA_OCTETS}")
    return RRset(owner, int(rrtype), default_ttl if ttl is None else ttl, (rdata,))


def _owner(tokens: dns.tokenizer.Tokenizer, line: str, origin: bytes) -> bytes:
    token = tokens.get()
    if token.is_eol_or_eof():
        raise BadRecord("the line is empty")
    if line[0].isspace():
        raise BadRecord("the line begins with a blank: every record needs its owner in front")
    if token.value.startswith("$"):
        raise BadRecord(f"{_shown(token.value)}: a directive is no record")
    try:
        return names.folded(names.absolute(token.value, origin))
    except names.InvalidName as error:
        raise BadRecord(str(error)) from None


def _ttl_and_type(tokens: dns.tokenizer.Tokenizer) -> tuple[int | None, dns.rdatatype.RdataType]:
    ttl: int | None = None
    while (token := tokens.get()).is_identifier():
        if ttl is None and token.value[0].isdecimal():
            ttl = _seconds(token.value)
            continue
        try:
            rrtype = dns.rdatatype.from_text(token.value)
        except (dns.rdatatype.UnknownRdatatype, ValueError):
            _check_class(token.value)
            continue
        reason = _REFUSED.get(rrtype)
        if rrtype == 0 or 128 <= rrtype <= 255:
            reason = "it is for questions only (RFC 6895 3.1)"
        if reason is not None:
            raise BadRecord(f"type {dns.rdatatype.to_text(rrtype)} can't be a static record: {reason}")
        return ttl, rrtype
    raise BadRecord("the record type is missing")


def _seconds(text: str) -> int:
    try:
        seconds = dns.ttl.from_text(text)
    except (dns.exception.DNSException, ValueError):
        seconds = MAX_TTL_SECONDS + 1
    if seconds > MAX_TTL_SECONDS:
        raise BadRecord(f"{_shown(text)} is no TTL: write seconds, or 1h30m, and at most {MAX_TTL_SECONDS} seconds")
    return seconds


def _check_class(text: str) -> None:
    try:
        rrclass = dns.rdataclass.from_text(text)
    except (dns.rdataclass.UnknownRdataclass, ValueError):
        raise BadRecord(f"{_shown(text)} is no record type") from None
    if rrclass != dns.rdataclass.IN:
        raise BadRecord(f"class {text}: only class IN is served")


def _needed(rrtype: dns.rdatatype.RdataType) -> str:
    """Name the fields of the type's data, in the order they are written."""
    kind = dns.rdata.get_rdata_class(dns.rdataclass.IN, rrtype)  # type: ignore[no-untyped-call]
    if kind is None or kind is dns.rdata.GenericRdata:
        return r"the generic form \# LENGTH HEX (RFC 3597 5)"
    layers = [layer for layer in reversed(kind.__mro__) if layer not in dns.rdata.Rdata.__mro__]
    fields = dict.fromkeys(field for layer in layers for field in getattr(layer, "__slots__", ()))
    return _NEEDED.get(rrtype) or ", ".join(fields)


def _reason(error: Exception) -> str:
    return _SURPLUS.sub(r"\1 is too much", str(error)).rstrip(".")


def _shown(text: str) -> str:
    """Quote what the operator wrote, cut where it is too long for a line."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
