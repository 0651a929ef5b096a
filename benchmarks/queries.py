"""The queries that are sent: a file for each kind, in dnsperf's binary form, so that nothing in a message is fixed.

A file is a sequence of messages with two octets of length before each, as on a TCP connection; dnsperf numbers them.
"""

import random
import secrets
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.message
import dns.query

from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from benchmarks.zones import ZONE, strange_labels

STRANGERS = 200_000
"""Names that don't exist, in one file: more than any cache of answers would hold."""

MIXED = 100_000

_APEX = name.from_text(ZONE)
_HEADER = struct.Struct("!HHHHHH")
_CAA = 257
_DO = 0x8000
_RECURSION_DESIRED, _CHECKING_DISABLED = 0x0100, 0x0010
_RESOLVER_OCTETS = 1232
_COOKIE = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of query: its name in the tables and the RCODEs that its answers may have, as dnsperf writes them."""

    name: str
    rcodes: frozenset[str]
    tcp: bool = False


_NOERROR = frozenset({"NOERROR"})
TXT = Kind("TXT", _NOERROR)
COOKIE = Kind("EDNS + cookie", _NOERROR)
CASE = Kind("0x20 case", _NOERROR)
NXDOMAIN = Kind("NXDOMAIN", frozenset({"NXDOMAIN"}))
NODATA = Kind("NODATA", _NOERROR)
TCP = Kind("TXT over TCP", _NOERROR, tcp=True)
MIX = Kind("mixed", frozenset({"NOERROR", "NXDOMAIN", "REFUSED"}))


def message(owner: bytes, qtype: int, *, flags: int = 0, opt: bytes = b"") -> bytes:
    """Give a query in wire form; `opt` is a whole OPT record or nothing."""
    return _HEADER.pack(0, flags, 1, 0, 0, bool(opt)) + owner + struct.pack("!HH", qtype, 1) + opt


def opt_record(*, flags: int = 0, octets: int = _RESOLVER_OCTETS, options: bytes = b"") -> bytes:
    """Give an OPT record (RFC 6891 6.1.2)."""
    return b"\0" + struct.pack("!HHIH", RRType.OPT, octets, flags, len(options)) + options


def challenge_name(label: str) -> bytes:
    """Give the name below the zone in wire form."""
    return bytes((len(label),)) + label.encode() + _APEX


def write(path: Path, messages: Iterable[bytes]) -> Path:
    """Write a file of queries."""
    with path.open("wb") as file:
        file.writelines(struct.pack("!H", len(octets)) + octets for octets in messages)
    return path


def messages(kind: Kind, labels: Sequence[str], *, port: int) -> list[bytes]:
    """Give the queries of a kind, in random order; `port` is that of the server that they are meant for."""
    source = random.Random(9)  # noqa: S311 - repeatable on purpose
    owners = [challenge_name(label) for label in labels]
    source.shuffle(owners)
    if kind is NXDOMAIN:
        return [message(challenge_name(label), RRType.TXT) for label in strange_labels(STRANGERS)]
    if kind is NODATA:
        return [message(owner, RRType.A) for owner in owners]
    if kind is CASE:
        return [message(mixed_case(owner, source), RRType.TXT) for owner in owners]
    if kind is COOKIE:
        opt = opt_record(options=_cookie_option(port))
        return [message(owner, RRType.TXT, opt=opt) for owner in owners]
    if kind is MIX:
        return _mixed(owners, source)
    return [message(owner, RRType.TXT) for owner in owners]


def mixed_case(owner: bytes, source: random.Random) -> bytes:
    """Give the name with each letter in a case of its own; the octets of lengths stay, since none is a letter's."""
    return bytes(octet ^ 0x20 if chr(octet).isalpha() and source.random() < 0.5 else octet for octet in owner)


def _cookie_option(port: int) -> bytes:
    """Ask a server for its cookie, and give the option by which it knows the client again (RFC 7873 5.1)."""
    client = secrets.token_bytes(8)
    asked = dns.message.make_query(ZONE, "SOA", use_edns=0, options=[dns.edns.CookieOption(client, b"")])
    response = dns.query.udp(asked, "127.0.0.1", port=port, timeout=5)
    cookies = [option for option in response.options if isinstance(option, dns.edns.CookieOption)]
    if not cookies or not cookies[0].server:
        raise SystemExit(f"the server on port {port} gives no cookie, so that none can be sent to it")
    octets = client + cookies[0].server
    return struct.pack("!HH", _COOKIE, len(octets)) + octets


def _mixed(owners: Sequence[bytes], source: random.Random) -> list[bytes]:
    """Give what resolvers of CAs send, and what else arrives; in percent of all.

    60 TXT and 10 CAA at challenge names, 6 A and 4 AAAA there, 8 names that don't exist, 3 SOA and 3 NS and 2 A at the
    apex, 4 for a zone that is not ours. 80 of 100 come in mixed case, 85 with EDNS, of which nine in ten have DO.
    """
    strangers = strange_labels(MIXED)
    makers: list[tuple[int, Callable[[], tuple[bytes, int]]]] = [
        (60, lambda: (source.choice(owners), RRType.TXT)),
        (10, lambda: (source.choice(owners), _CAA)),
        (6, lambda: (source.choice(owners), RRType.A)),
        (4, lambda: (source.choice(owners), RRType.AAAA)),
        (8, lambda: (challenge_name(source.choice(strangers)), RRType.TXT)),
        (3, lambda: (_APEX, RRType.SOA)),
        (3, lambda: (_APEX, RRType.NS)),
        (2, lambda: (_APEX, RRType.A)),
        (4, lambda: (name.from_text(f"{source.randrange(1 << 32):x}.example.net"), RRType.A)),
    ]
    chosen = source.choices([make for _, make in makers], [percent for percent, _ in makers], k=MIXED)
    made = []
    for make in chosen:
        owner, qtype = make()
        if source.random() < 0.8:
            owner = mixed_case(owner, source)
        opt = b""
        if source.random() < 0.85:
            opt = opt_record(
                flags=_DO if source.random() < 0.9 else 0, octets=source.choice((_RESOLVER_OCTETS, 1400, 4096))
            )
        made.append(message(owner, qtype, flags=source.choice((0, _CHECKING_DISABLED)), opt=opt))
    return made
