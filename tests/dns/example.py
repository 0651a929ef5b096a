"""The zone that the exam is taken on: a name for every case of the tables."""

from acmedns_py.dns import source
from acmedns_py.dns.name import from_text
from acmedns_py.dns.policy import Policy
from acmedns_py.dns.presentation import parse_record
from acmedns_py.dns.responder import Now, Responder, Transport
from acmedns_py.dns.rrset import RRset

Z = "auth.example.org"
APEX = from_text(Z)
CURSOR = 2**32 + 1_795_000_000
SERIAL = 1_795_000_000
NOW = Now(monotonic=1000.0, unix=1_795_000_000.0)
POLICY = Policy(cookie_secrets=(bytes(range(16)),))
SOURCE = source.packed(bytes((192, 0, 2, 200)), 5300)

TWO = "3c8a3c6e-0f5b-4b7e-8a56-0d1f6b1b9a01"
EMPTY = "52bdb3a4-7d0c-4f4e-9d0e-6d4e7f2a9b02"
MANY = "9f1d7c58-3a0b-4f6e-b0a4-1c2d3e4f5a03"
LONG = "c0ffee00-1111-4222-8333-444455556604"
A43 = "A" * 43
B43 = "b" * 43

STATIC_LINES = [
    "@ 3600 SOA ns1 hostmaster 0 21600 3600 604800 60",
    "@ NS ns1",
    "@ NS ns2",
    "@ A 192.0.2.1",
    "@ AAAA 2001:db8::1",
    "@ MX 0 .",
    '@ CAA 128 issue "ca.example; accounturi=https://ca.example/1"',
    '@ CAA 0 unheardof "x"',
    "ns1 A 192.0.2.53",
    "ns2 A 192.0.2.54",
    "ns2 AAAA 2001:db8::54",
    "a.b A 192.0.2.7",
    "web A 192.0.2.80",
    "web AAAA 2001:db8::80",
    "www CNAME web",
    "chain CNAME www",
    "dangling CNAME missing",
    "away CNAME host.example.net.",
    "loop1 CNAME loop2",
    "loop2 CNAME loop1",
    "self CNAME self",
    f"to-two CNAME {TWO}",
    f"to-empty CNAME {EMPTY}",
    "to-cut CNAME host.sub",
    "*.wild 30 TXT any",
    "closer.wild A 192.0.2.90",
    "x.ent.wild A 192.0.2.91",
    "*.cw CNAME web",
    "sub NS ns.sub",
    "sub NS ns1",
    "sub NS ns.example.net.",
    "sub DS 12345 13 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "ns.sub A 192.0.2.99",
    "ns.sub AAAA 2001:db8::99",
    "bare NS ns.example.net.",
    r"generic TYPE65280 \# 2 abcd",
    "srv SRV 0 5 443 web",
    "https HTTPS 1 . alpn=h2,h3 port=8443",
    r'text TXT "semi;colon" "back\\slash \"quote\"" "\200\255 high"',
    r"zero\000octet A 192.0.2.110",
    r"dot\.ted A 192.0.2.111",
    "info HINFO cpu os",
    *(f'big TXT "{number:03d}{"x" * 200}"' for number in range(6)),
]

CHALLENGES: dict[bytes, tuple[bytes, ...]] = {
    from_text(f"{TWO}.{Z}"): (A43.encode(), B43.encode()),
    from_text(f"{EMPTY}.{Z}"): (),
    from_text(f"{MANY}.{Z}"): tuple(b"%043d" % number for number in range(100)),
    from_text(f"{LONG}.{Z}"): (bytes(range(256)) + b"tail",),
}


def rrsets(lines: list[str]) -> list[RRset]:
    """Read zone-file lines relative to the apex."""
    return [parse_record(line, origin=APEX, default_ttl=300) for line in lines]


def responder(
    lines: list[str] | None = None,
    challenges: dict[bytes, tuple[bytes, ...]] | None = None,
    policy: Policy = POLICY,
) -> Responder:
    """Give a responder that has loaded the zone."""
    made = Responder(apex=APEX, txt_ttl=1, policy=policy)
    made.load(
        CURSOR, rrsets(STATIC_LINES if lines is None else lines), CHALLENGES if challenges is None else challenges
    )
    return made


def ask(door: Responder, octets: bytes, transport: Transport = Transport.UDP) -> bytes:
    """Send one message through the door; it must be answered."""
    response = door.respond(octets, SOURCE, transport, NOW)
    assert response is not None, "silence"
    return response
