"""The zone that the exam is taken on: a name for every case of the tables."""

from acmedns_py.dns import source
from acmedns_py.dns.name import from_text
from acmedns_py.dns.policy import Policy
from acmedns_py.dns.presentation import parse_record
from acmedns_py.dns.responder import Now, Responder, Transport
from acmedns_py.dns.rrset import RRset
from acmedns_py.dns.table import ChallengeTable

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

EVERY_TYPE = [
    "t-a A 192.0.2.200",
    "t-aaaa AAAA 2001:db8::200",
    "t-afsdb AFSDB 1 afs.example.net.",
    "t-amtrelay AMTRELAY 10 1 3 relay.example.net.",
    "t-apl APL 1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32",
    't-avc AVC "app-name:x"',
    't-caa CAA 0 issuewild ";"',
    "t-cdnskey CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
    "t-cds CDS 12345 13 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "t-cert CERT PKIX 12345 RSASHA256 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LU",
    "t-csync CSYNC 66 3 A NS AAAA TYPE65280",
    "t-dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "t-dlv DLV 12345 13 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "t-brid BRID owKPAqJ1",
    "t-dsync DSYNC CDS NOTIFY 5359 cds-scanner.example.net.",
    "t-hhit HHIT owKPAqJ1",
    "t-dnskey DNSKEY 256 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
    "t-eui48 EUI48 00-00-5e-00-53-2a",
    "t-eui64 EUI64 00-00-5e-ef-10-00-00-2a",
    "t-gpos GPOS -32.6882 116.8652 10.0",
    "t-hinfo HINFO INTEL-386 UNIX",
    "t-hip HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p rvs.example.net.",
    "t-https HTTPS 1 svc.example.net. alpn=h3 ipv4hint=192.0.2.1 ech=AAj+DQAEAAAAAA== key65333=ex",
    "t-ipseckey IPSECKEY 10 3 2 gateway.example.net. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
    "t-isdn ISDN 150862028003217 004",
    "t-key KEY 512 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
    "t-kx KX 10 kx.example.net.",
    "t-l32 L32 10 10.1.2.0",
    "t-l64 L64 10 2001:0db8:1140:1000",
    "t-loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
    "t-lp LP 10 l64.example.net.",
    "t-mx MX 10 mail.example.net.",
    r't-naptr NAPTR 100 50 "s" "http+I2L+I2C+I2R" "!^urn:(.*)$!\\1!" _http._tcp.example.net.',
    "t-nid NID 10 0014:4fff:ff20:ee64",
    't-ninfo NINFO "zone is fine"',
    "t-nsap NSAP 0x47000580005a0000000001e133ffffff00016100",
    "t-nsap-ptr NSAP-PTR host.example.net.",
    "t-openpgpkey OPENPGPKEY mQCNAzIG/gAAAAEEAN6V7j4=",
    "t-ptr PTR host.example.net.",
    "t-px PX 10 map822.example.net. mapx400.example.net.",
    "t-resinfo RESINFO qnamemin exterr=15,16,17 infourl=https://resolver.example/guide",
    "t-rp RP mbox.example.net. txt.example.net.",
    "t-rt RT 10 relay.example.net.",
    "t-smimea SMIMEA 3 1 1 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    't-spf SPF "v=spf1 -all"',
    "t-srv SRV 10 20 5060 sip.example.net.",
    "t-sshfp SSHFP 4 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "t-svcb SVCB 16 foo.example.net. mandatory=alpn,port alpn=h2,h3-19 port=8080 ipv6hint=2001:db8::1",
    "t-svcb-alias SVCB 0 pool.example.net.",
    "t-tlsa TLSA 3 1 1 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    r't-txt TXT "first" "" "with \"quotes\" and \000\255" ' + '"' + "x" * 255 + '"',
    't-uri URI 10 1 "ftp://ftp.example.net/public"',
    't-wallet WALLET "currency" "address"',
    "t-wks WKS 192.0.2.1 6 25 80",
    "t-x25 X25 311061700956",
    "t-zonemd ZONEMD 2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE",
    r"t-unknown TYPE65534 \# 5 0102030405",
    r"t-nothing TYPE65533 \# 0",
    r"t-generic-mx MX \# 8 000a 046d61696c 00",
]
"""One record of each type that is written in presentation form, and the generic form for others (RFC 3597 5)."""

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
    f"to-many CNAME {MANY}",
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
    *(f'wide TXT "{number:03d}{"y" * 200}"' for number in range(10)),
    *(f"fat NS a-name-server-with-a-long-name-{number:02d}.fat" for number in range(8)),
    *(f"a-name-server-with-a-long-name-{number:02d}.fat AAAA 2001:db8::{number:x}" for number in range(8)),
    *(f"near NS p{number:02d}.pool" for number in range(12)),
    *(f"p{number:02d}.pool AAAA 2001:db8::{number:x}" for number in range(12)),
    "deep.under.nothing.here A 192.0.2.120",
    "to-wild CNAME any.wild",
    "to-loop CNAME loop1",
    "to-away CNAME away",
    *(f"long{number} CNAME long{number + 1}" for number in range(9)),
    "long9 A 192.0.2.130",
    *EVERY_TYPE,
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
    names = ChallengeTable(APEX, CHALLENGES if challenges is None else challenges)
    made.load(CURSOR, rrsets(STATIC_LINES if lines is None else lines), names)
    return made


def ask(door: Responder, octets: bytes, transport: Transport = Transport.UDP) -> bytes:
    """Send one message through the door; it must be answered."""
    response = door.respond(octets, SOURCE, transport, NOW)
    assert response is not None, "silence"
    return response


def full_path(
    door: Responder, octets: bytes, transport: Transport, source: bytes = SOURCE, now: Now = NOW
) -> bytes | None:
    """Answer without the fast path and without a limit."""
    response = door._full(octets, transport)
    if response is None:
        return None
    return door._rendered(response, door._options.judged(response.query.edns, source, now.unix), transport)
