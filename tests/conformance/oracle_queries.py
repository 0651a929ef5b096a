"""The oracle's queries: shapes of names x types x classes x flags x EDNS x transports, drawn from one seed."""

import itertools
import random
from dataclasses import dataclass

import dns.rdatatype

from acmedns_py.dns.responder import Transport
from tests.dns.example import EMPTY, EVERY_TYPE, LONG, MANY, TWO, Z
from tests.dns.packets import AA, AD, CD, RA, RD, TC, name, opt, option, query
from tests.dns.packets import Z as Z_BIT

SEED = 7873
DRAWN = 5000

FAT_SERVER = "a-name-server-with-a-long-name-03.fat"
SHAPES: dict[str, tuple[bytes, ...]] = {
    "apex": (b"",),
    "challenge": tuple(label.encode() for label in (TWO, EMPTY, MANY, LONG)),
    "below a challenge": (f"x.{TWO}".encode(), f"a.b.{EMPTY}".encode(), f"_acme-challenge.{TWO}".encode()),
    "static": (b"web", b"ns1", b"ns2", b"a.b", b"big", b"text", b"info", b"srv", b"https", b"generic", b"long9"),
    "below a static name": (b"x.web", b"x.www", b"x.ns1", b"x.a.b", b"*.web"),
    "empty non-terminal": (b"b", b"here", b"nothing.here", b"under.nothing.here", b"ent.wild", b"pool"),
    "wildcard": (
        b"x.wild",
        b"x.y.wild",
        b"*.wild",
        b"x.*.wild",
        b"wild",
        b"closer.wild",
        b"x.closer.wild",
        b"y.ent.wild",
        b"x.cw",
        b"*.cw",
        b"cw",
    ),
    "alias": (b"www", b"chain", b"to-two", b"to-empty", b"to-many", b"to-wild", b"long5"),
    "alias that ends badly": (b"dangling", b"away", b"to-away", b"loop1", b"self", b"to-loop", b"to-cut", b"long0"),
    "delegation": (b"sub", b"bare", b"fat", b"near"),
    "below a delegation": (
        b"host.sub",
        b"ns.sub",
        b"a.b.sub",
        b"x.bare",
        b"x.fat",
        FAT_SERVER.encode(),
        b"x.near",
        b"*.sub",
    ),
    "unknown": (b"nope", b"x.nope", b"hostmaster", b"x.hostmaster", b"*", b"*.nope", b"c.b", b"_443._tcp", b"x.here"),
    "every type": tuple(line.split()[0].encode() for line in EVERY_TYPE),
}
"""What stands before the apex, dots between labels."""

ODD = {
    "NUL in a label": b"\x0azero\0octet",
    "a dot in a label": b"\x07dot.ted",
    "another NUL": b"\x03a\0b",
    "0xFF": b"\x02\xff\xfe",
    "longest label": b"\x3f" + b"l" * 63,
    "longest name": (b"\x3f" + b"l" * 63) * 3 + b"\x2b" + b"m" * 43,
    "118 labels": b"\x01a" * 118,
}
FOREIGN = (
    "",
    "com",
    "org",
    "example.org",
    "auth2.example.org",
    "xauth.example.org",
    f"{TWO}.example.org",
    "www.example.com",
)

USUAL_TYPES = ("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "DS", "CAA", "HTTPS", "ANY", "TYPE65280")
TYPES = (*range(111), 128, 200, *range(249, 270), 32768, 32769, 61440, 65280, 65281, 65533, 65534, 65535)
CLASSES = (0, 2, 3, 4, 254, 255, 65535)
FLAGS = (AA, TC, RD, RA, Z_BIT, AD, CD)
OPTIONS = {
    "unknown": option(100, b"x"),
    "many unknown": b"".join(option(code) for code in range(65001, 65020)),
    "NSID": option(3),
    "ECS": option(8, b"\0\1\x18\0\xc0\0\2"),
    "EXPIRE": option(9),
    "COOKIE": option(10, b"12345678"),
    "keepalive": option(11),
    "padding": option(12, bytes(20)),
    "EDE": option(15, b"\0\0"),
    "report channel": option(18),
    "zone version": option(19),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query; `shape` says what kind of name it has, `edns` is None without OPT."""

    shape: str
    qname: bytes
    qtype: int
    qclass: int = 1
    flags: int = 0
    payload: int | None = None
    version: int = 0
    edns_flags: int = 0
    options: tuple[str, ...] = ()
    transport: Transport = Transport.UDP

    def octets(self, ident: int) -> bytes:
        """The query under this ID."""
        edns = None
        if self.payload is not None:
            data = b"".join(OPTIONS[one] for one in self.options)
            edns = opt(self.payload, version=self.version, flags=self.edns_flags, options=data)
        return query(self.qname, self.qtype, qclass=self.qclass, flags=self.flags, edns=edns, ident=ident)


def names() -> list[tuple[str, bytes]]:
    """All names by their shape, as octets."""
    inside = [
        (shape, name(f"{label.decode()}.{Z}" if label else Z)) for shape, labels in SHAPES.items() for label in labels
    ]
    odd = [("odd", octets + name(Z)) for octets in ODD.values()]
    return [*inside, *odd, *(("foreign", name(text)) for text in FOREIGN)]


def queries(seed: int = SEED) -> list[Asked]:
    """Give the same queries for the same seed: whole products of what matters most, the rest drawn."""
    draw = random.Random(seed)  # noqa: S311 - a test's table, no secret
    everywhere = names()
    usual = [int_type(kind) for kind in USUAL_TYPES]
    asked = [Asked(shape, qname, qtype) for (shape, qname), qtype in itertools.product(everywhere, usual)]
    for label in ("", f"{TWO}.", f"{EMPTY}.", "nope.", "www.", "sub.", "b.", "x.wild."):
        asked += [Asked("all types", name(f"{label}{Z}"), qtype) for qtype in TYPES]
    asked += [
        Asked(shape, qname, qtype, transport=transport)
        for (shape, qname), qtype, transport in itertools.product(
            everywhere, (int_type("AXFR"), int_type("IXFR")), Transport
        )
    ]
    asked += [
        Asked("every type", name(f"{line.split()[0]}.{Z}"), int_type(line.split()[1]), transport=Transport.TCP)
        for line in EVERY_TYPE
    ]
    asked += [
        Asked("size", name(f"{label}.{Z}"), qtype, payload=payload, transport=transport)
        for label, qtype in (
            (MANY, 16),
            ("big", 16),
            ("wide", 16),
            ("to-many", 16),
            ("x.fat", 1),
            ("x.near", 1),
            (LONG, 16),
            ("sub", 1),
        )
        for payload in (None, 0, 511, 512, 600, 1232, 4096, 65535)
        for transport in Transport
    ]
    for _ in range(DRAWN):
        shape, qname = draw.choice(everywhere)
        with_edns = draw.random() < 0.7
        asked.append(
            Asked(
                shape,
                cased(qname, draw),
                draw.choice([*usual, draw.choice(TYPES)]),
                qclass=draw.choice(CLASSES) if draw.random() < 0.1 else 1,
                flags=sum(flag for flag in FLAGS if draw.random() < 0.15),
                payload=draw.choice((0, 512, 1232, 4096, 65535)) if with_edns else None,
                version=draw.choice((1, 2, 255)) if with_edns and draw.random() < 0.08 else 0,
                edns_flags=draw.choice((0, 0, 0x8000, 0x8000, 0x4000, 0x0080, 0xC0FF)) if with_edns else 0,
                options=tuple(one for one in OPTIONS if draw.random() < 0.1) if with_edns else (),
                transport=draw.choice((Transport.UDP, Transport.UDP, Transport.TCP)),
            )
        )
    return asked


def int_type(kind: str) -> int:
    """Give the number of a type."""
    return int(dns.rdatatype.from_text(kind))


def cased(qname: bytes, draw: random.Random) -> bytes:
    """Give the name as it is, or with each letter in either case."""
    if draw.random() < 0.6:
        return qname
    return bytes(octet ^ 0x20 if octet in LETTERS and draw.random() < 0.5 else octet for octet in qname)


LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")
"""No length octet of the names here is among them: labels have at most 63 octets."""
