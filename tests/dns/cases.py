"""The exam as rows: a query in octets, and what the response must say; the zone stands in `example`.

Rows hold no connection to our own code, so that the same table can be put to any server on ADDR:PORT.

NSD 4.6.1 with the same data gives the same rcode, flags, sections (its NS set beside positive answers aside) and OPT
over UDP, but where the standards leave the choice: it answers class CH and ANY, gives SOA or TXT for ANY instead of
HINFO (RFC 8482 4), ignores octets behind the last record, refuses NOTIFY by REFUSED and a record before the OPT by
FORMERR, gives NOERROR for no question beside an OPT, and lets flags of an unknown opcode come back.
"""

from dataclasses import dataclass, field

from tests.dns.example import A43, B43, EMPTY, MANY, SERIAL, TWO, Z
from tests.dns.packets import AA, AD, CD, RA, RD, TC, message, name, opt, option, query, question, record
from tests.dns.packets import Z as Z_BIT

DO = 0x8000
NEGATIVE = [f"{Z}. 60 SOA ns1.{Z}. hostmaster.{Z}. {SERIAL} 21600 3600 604800 60"]
SOA = [f"{Z}. 3600 SOA ns1.{Z}. hostmaster.{Z}. {SERIAL} 21600 3600 604800 60"]
NS = [f"{Z}. 300 NS ns1.{Z}.", f"{Z}. 300 NS ns2.{Z}."]
NS_ADDRESSES = [
    f"ns1.{Z}. 300 A 192.0.2.53",
    f"ns2.{Z}. 300 A 192.0.2.54",
    f"ns2.{Z}. 300 AAAA 2001:db8::54",
]
WEB = [f"web.{Z}. 300 A 192.0.2.80"]
TWO_VALUES = [f'{TWO}.{Z}. 1 TXT "{A43}"', f'{TWO}.{Z}. 1 TXT "{B43}"']
SUB = [f"sub.{Z}. 300 NS ns.example.net.", f"sub.{Z}. 300 NS ns.sub.{Z}.", f"sub.{Z}. 300 NS ns1.{Z}."]
SUB_ADDRESSES = [
    f"ns.sub.{Z}. 300 A 192.0.2.99",
    f"ns.sub.{Z}. 300 AAAA 2001:db8::99",
    f"ns1.{Z}. 300 A 192.0.2.53",
]
LONGEST = ".".join(["l" * 63] * 3 + ["m" * 61])


@dataclass(frozen=True, slots=True)
class Case:
    """One row. Sections are sorted zone-file lines; `flags` those that must be set among AA, TC, RD, RA, Z, AD, CD.

    `questions` is how many must come back, octet for octet; `opt` whether an OPT does, with `options` beside an extended
    error; `silent` that nothing may.
    """

    title: str
    query: bytes
    rcode: str = "NOERROR"
    flags: int = AA
    answer: list[str] = field(default_factory=list)
    authority: list[str] = field(default_factory=list)
    additional: list[str] = field(default_factory=list)
    questions: int = 1
    opt: bool = False
    dnssec_ok: bool = False
    ede: int | None = None
    options: tuple[int, ...] = ()
    opcode: int = 0
    silent: bool = False
    udp_only: bool = False
    tcp_only: bool = False


def refused(title: str, octets: bytes, **more: object) -> Case:
    return Case(title, octets, rcode="REFUSED", flags=0, **more)  # type: ignore[arg-type]


def formerr(title: str, octets: bytes, **more: object) -> Case:
    return Case(title, octets, rcode="FORMERR", flags=0, **more)  # type: ignore[arg-type]


def nodata(title: str, octets: bytes, **more: object) -> Case:
    return Case(title, octets, authority=NEGATIVE, **more)  # type: ignore[arg-type]


def nxdomain(title: str, octets: bytes, **more: object) -> Case:
    return Case(title, octets, rcode="NXDOMAIN", authority=NEGATIVE, **more)  # type: ignore[arg-type]


HEADER = [
    Case("dns-correctness #1 SOA of the apex", query(Z, "SOA"), answer=SOA),
    *(
        Case(f"dns-correctness #2 flags {flags:04x} change nothing", query(Z, "SOA", flags=flags), answer=SOA)
        for flags in (AA, TC, RA, Z_BIT, AD, CD, AA | TC | RA | Z_BIT | AD | CD)
    ),
    Case("dns-correctness #3 RD is copied", query(Z, "SOA", flags=RD), flags=AA | RD, answer=SOA),
    Case("dns-correctness #4 a response gets silence", query(Z, "SOA", flags=0x8000), silent=True),
    Case("dns-correctness #4 eleven octets get silence", query(Z, "SOA")[:11], silent=True),
    Case("dns-correctness #4 nothing gets silence", b"", silent=True),
]

MALFORMED = [
    formerr("dns-correctness #6 no question", message(counts=(0, 0, 0, 0)), questions=0),
    formerr("dns-correctness #6 no question but an OPT", message(opt(), counts=(0, 0, 0, 1)), questions=0, opt=True),
    Case(
        "dns-correctness #6 no question but a cookie",
        message(opt(options=option(10, b"12345678")), counts=(0, 0, 0, 1)),
        flags=0,
        questions=0,
        opt=True,
        options=(10,),
    ),
    formerr(
        "dns-correctness #7 two questions",
        message(question(Z, "A"), question(Z, "AAAA"), counts=(2, 0, 0, 0)),
        questions=0,
    ),
    *(
        formerr(f"dns-correctness #8 question cut {cut} octets short", query(Z, "A")[:-cut], questions=0)
        for cut in (1, 3, 4, 5, 9, len(question(Z, "A")))
    ),
    formerr("dns-correctness #8 name of 256 octets", query(name(f"{LONGEST}"[:-1] + "." + "m"), "A"), questions=0),
    formerr("dns-correctness #8 label of type 0x40", query(b"\x40" + b"a" * 64 + b"\0", "A"), questions=0),
    formerr("dns-correctness #8 label of type 0x80", query(b"\x80" + b"a" * 128 + b"\0", "A"), questions=0),
    formerr("dns-correctness #8 compression loop", query(b"\xc0\x0c", "A"), questions=0),
    formerr("dns-correctness #8 pointer behind a label", query(b"\x01a\xc0\x0c", "A"), questions=0),
    formerr("dns-correctness #9 an octet behind the question", query(Z, "A") + b"\0"),
    formerr("dns-correctness #9 an octet behind the OPT", query(Z, "A", edns=opt()) + b"\0", opt=True),
    formerr(
        "dns-correctness #9 a record in the answer section",
        message(question(Z, "A"), record(b"\xc0\x0c", 1, rdata=b"\1\2\3\4"), counts=(1, 1, 0, 0)),
    ),
    formerr("dns-correctness #9 an announced record is missing", message(question(Z, "A"), counts=(1, 0, 0, 1))),
    formerr("dns-correctness #10 two OPT", message(question(Z, "A"), opt(), opt(), counts=(1, 0, 0, 2)), opt=True),
    formerr("dns-correctness #10 OPT in the answer section", message(question(Z, "A"), opt(), counts=(1, 1, 0, 0))),
    formerr("dns-correctness #10 OPT in the authority section", message(question(Z, "A"), opt(), counts=(1, 0, 1, 0))),
    formerr("dns-correctness #10 option longer than the OPT", query(Z, "A", edns=opt(options=b"\0\x64\0\5ab"))),
    formerr("dns-correctness #10 half an option", query(Z, "A", edns=opt(options=b"\0\x64\0"))),
    formerr("dns-correctness #10 OPT of an owner", query(Z, "A", edns=opt(owner=name("x")))),
    formerr("dns-correctness #10 OPT cut short", query(Z, "A", edns=opt()[:-1])),
    formerr(
        "dns-correctness #8 owner that points forward",
        message(question(Z, "A"), record(b"\xc0\xff", 1), counts=(1, 0, 0, 1)),
    ),
    Case(
        "other records in the additional section are read over",
        message(question(Z, "A"), record(b"\xc0\x0c", 1, rdata=b"\1\2\3\4"), opt(), counts=(1, 0, 0, 2)),
        answer=[f"{Z}. 300 A 192.0.2.1"],
        opt=True,
    ),
    nxdomain("dns-correctness #11 a label with NUL", query(b"\x03a\0b" + name(Z), "A")),
    nxdomain("dns-correctness #11 a label with 0xFF", query(b"\x02\xff\xfe" + name(Z), "A")),
    nxdomain("dns-correctness #11 a dot inside a label", query(b"\x03a.b" + name(Z), "A")),
    Case(
        "dns-correctness #11 a NUL inside a label that exists",
        query(b"\x0azero\0octet" + name(Z), "A"),
        answer=[f"zero\\000octet.{Z}. 300 A 192.0.2.110"],
    ),
    Case(
        "dns-correctness #11 a dot inside a label that exists",
        query(b"\x07dot.ted" + name(Z), "A"),
        answer=[f"dot\\.ted.{Z}. 300 A 192.0.2.111"],
    ),
    nxdomain("dns-correctness #11 a dot does not part labels", query("dot.ted." + Z, "A")),
]

OPCODES_CLASSES_TYPES = [
    Case(
        "dns-correctness #12 opcode 15, header only",
        message(opcode=15, counts=(0, 0, 0, 0)),
        rcode="NOTIMP",
        flags=0,
        questions=0,
        opcode=15,
    ),
    Case(
        "dns-correctness #12 opcode 15, every flag",
        message(opcode=15, counts=(0, 0, 0, 0), flags=0x07F0),
        rcode="NOTIMP",
        flags=0,
        questions=0,
        opcode=15,
    ),
    *(
        Case(
            f"dns-correctness #13 opcode {opcode}",
            message(question(Z, "SOA"), opt(), opcode=opcode, counts=(1, 0, 0, 1)),
            rcode="NOTIMP",
            flags=0,
            questions=0,
            opcode=opcode,
        )
        for opcode in (1, 2, 3, 4, 5, 6, 7, 14)
    ),
    *(
        refused(f"dns-correctness #14 CH {qname}", query(qname, "TXT", qclass=3))
        for qname in ("version.bind", "version.server", "hostname.bind", "id.server")
    ),
    *(
        refused(f"dns-correctness #15 class {qclass}", query(Z, "SOA", qclass=qclass, edns=opt()), opt=True, ede=20)
        for qclass in (0, 3, 4, 254, 255)
    ),
    *(
        nodata(f"dns-correctness #16 TYPE{qtype} at the apex", query(Z, qtype))
        for qtype in (3, 4, 5, 7, 10, 11, 12, 13, 17, 24, 25, 33, 35, 37, 39, 43, 46, 47, 48, 50, 51, 52, 59, 60, 61)
    ),
    *(
        nodata(f"dns-correctness #16 unknown TYPE{qtype} at the apex", query(Z, qtype))
        for qtype in (64, 65, 90, 97, 99, 108, 122, 128, 256, 666, 1000, 32768, 65280, 65535)
    ),
    *(nodata(f"dns-correctness #17 meta type {qtype}", query(Z, qtype)) for qtype in (0, 41, 249, 250, 253, 254)),
    Case(
        "dns-correctness #59 AXFR over UDP",
        query(Z, "AXFR", edns=opt()),
        rcode="NOTIMP",
        flags=0,
        opt=True,
        ede=21,
        udp_only=True,
    ),
    refused("dns-correctness #59 AXFR over TCP", query(Z, "AXFR", edns=opt()), opt=True, ede=18, tcp_only=True),
    refused("dns-correctness #59 IXFR", query(Z, "IXFR", edns=opt()), opt=True, ede=18),
    refused(
        "dns-correctness #59 IXFR with its SOA",
        message(question(Z, "IXFR"), record(b"\xc0\x0c", 6, rdata=b"\0\0" + bytes(20)), counts=(1, 0, 1, 0)),
    ),
    Case("dns-correctness #19 ANY at the apex", query(Z, "ANY"), answer=[f'{Z}. 60 HINFO "RFC8482" ""']),
    Case(
        "dns-correctness #19 ANY at a challenge name",
        query(f"{TWO}.{Z}", "ANY"),
        answer=[f'{TWO}.{Z}. 60 HINFO "RFC8482" ""'],
    ),
    Case("dns-correctness #19 ANY at a CNAME", query(f"www.{Z}", "ANY"), answer=[f"www.{Z}. 300 CNAME web.{Z}."]),
    Case("dns-correctness #19 ANY at a HINFO", query(f"info.{Z}", "ANY"), answer=[f'info.{Z}. 300 HINFO "cpu" "os"']),
    nodata("dns-correctness #19 ANY at an empty challenge name", query(f"{EMPTY}.{Z}", "ANY")),
    nodata("dns-correctness #19 ANY at an empty non-terminal", query(f"b.{Z}", "ANY")),
    nxdomain("dns-correctness #19 ANY where nothing is", query(f"nope.{Z}", "ANY")),
]

DATA = [
    Case("dns-correctness #20 two values", query(f"{TWO}.{Z}"), answer=TWO_VALUES),
    nodata("dns-correctness #21 registered, never updated", query(f"{EMPTY}.{Z}")),
    *(
        nodata(f"dns-correctness #21 {qtype} at a challenge name", query(f"{label}.{Z}", qtype))
        for label in (TWO, EMPTY)
        for qtype in ("A", "AAAA", "CAA", "NS", "SOA", "CNAME", "HTTPS", "DS", 65, 90, 0, 65535)
    ),
    nxdomain("dns-correctness #22 an unknown name", query(f"nope.{Z}")),
    nxdomain("dns-correctness #22 below a challenge name", query(f"x.{TWO}.{Z}")),
    nxdomain("dns-correctness #22 far below an empty challenge name", query(f"a.b.c.{EMPTY}.{Z}")),
    nodata("dns-correctness #22 an empty non-terminal", query(f"b.{Z}")),
    nxdomain("dns-correctness #22 beside a name below an empty non-terminal", query(f"c.b.{Z}")),
    nodata("dns-correctness #22 the apex always exists", query(Z, "TXT")),
    *(
        refused(f"dns-correctness #24 foreign name {qname}", query(qname, "A", edns=opt()), opt=True, ede=20)
        for qname in ("example.com", "example.org", "auth2.example.org", "xauth.example.org", "auth.example.com")
    ),
    refused("dns-correctness #24 without OPT no extended error", query("example.com", "A")),
    refused(
        "dns-correctness #24 the apex's octets inside a label",
        query(b"\x11xauth" + name(Z)[5:], "A")[:-4] + b"\0\1\0\1",
    ),
    refused("dns-correctness #25 NS of the root", query("", "NS")),
    refused("dns-correctness #25 NS of com", query("com", "NS")),
    refused("dns-correctness #26 a challenge label in another zone", query(f"{TWO}.evil.test")),
    Case("dns-correctness #27 NS of the apex", query(Z, "NS"), answer=NS, additional=NS_ADDRESSES),
    Case("dns-correctness #27 address of a name server", query(f"ns1.{Z}", "A"), answer=NS_ADDRESSES[:1]),
    nodata("dns-correctness #27 no AAAA at a name server that MNAME names", query(f"ns1.{Z}", "AAAA")),
    nxdomain("dns-correctness #78 RNAME's name need not exist", query(f"hostmaster.{Z}", "A")),
    nxdomain("below RNAME's name", query(f"x.hostmaster.{Z}", "A")),
    nodata("dns-correctness #28 DS of the apex", query(Z, "DS")),
    *(
        nodata(f"dns-correctness #80 {qtype} on the way down to a challenge name", query(qname, qtype))
        for qtype, qname in (("NS", f"{TWO}.{Z}"), ("A", f"{EMPTY}.{Z}"))
    ),
]

ALIASES = [
    Case("dns-correctness #29 CNAME followed", query(f"www.{Z}", "A"), answer=[*WEB, f"www.{Z}. 300 CNAME web.{Z}."]),
    Case(
        "dns-correctness #29 two CNAMEs followed",
        query(f"chain.{Z}", "A"),
        answer=[f"chain.{Z}. 300 CNAME www.{Z}.", *WEB, f"www.{Z}. 300 CNAME web.{Z}."],
    ),
    Case("dns-correctness #29 qtype CNAME", query(f"chain.{Z}", "CNAME"), answer=[f"chain.{Z}. 300 CNAME www.{Z}."]),
    Case(
        "dns-correctness #29 type missing at the target",
        query(f"www.{Z}", "MX"),
        answer=[f"www.{Z}. 300 CNAME web.{Z}."],
        authority=NEGATIVE,
    ),
    Case(
        "dns-correctness #29 target missing",
        query(f"dangling.{Z}", "A"),
        rcode="NXDOMAIN",
        answer=[f"dangling.{Z}. 300 CNAME missing.{Z}."],
        authority=NEGATIVE,
    ),
    Case(
        "dns-correctness #29 target outside the zone",
        query(f"away.{Z}", "A"),
        answer=[f"away.{Z}. 300 CNAME host.example.net."],
    ),
    Case(
        "dns-correctness #29 a loop of two stops",
        query(f"loop1.{Z}", "A"),
        answer=[f"loop1.{Z}. 300 CNAME loop2.{Z}.", f"loop2.{Z}. 300 CNAME loop1.{Z}."],
    ),
    Case("dns-correctness #29 a loop of one stops", query(f"self.{Z}", "A"), answer=[f"self.{Z}. 300 CNAME self.{Z}."]),
    Case(
        "CNAME to a challenge name",
        query(f"to-two.{Z}"),
        answer=[*TWO_VALUES, f"to-two.{Z}. 300 CNAME {TWO}.{Z}."],
    ),
    Case(
        "CNAME to an empty challenge name",
        query(f"to-empty.{Z}"),
        answer=[f"to-empty.{Z}. 300 CNAME {EMPTY}.{Z}."],
        authority=NEGATIVE,
    ),
    Case(
        "CNAME into a delegation: its referral, AA for the alias",
        query(f"to-cut.{Z}", "A"),
        answer=[f"to-cut.{Z}. 300 CNAME host.sub.{Z}."],
        authority=SUB,
        additional=SUB_ADDRESSES,
    ),
]

TREE = [
    Case("dns-correctness #30 a wildcard", query(f"x.wild.{Z}"), answer=[f'x.wild.{Z}. 30 TXT "any"']),
    Case("dns-correctness #30 a wildcard, far below", query(f"x.y.wild.{Z}"), answer=[f'x.y.wild.{Z}. 30 TXT "any"']),
    Case("dns-correctness #30 the wildcard's own name", query(f"*.wild.{Z}"), answer=[f'*.wild.{Z}. 30 TXT "any"']),
    nodata("dns-correctness #30 another type at a wildcard", query(f"x.wild.{Z}", "A")),
    nodata("dns-correctness #30 the name above a wildcard", query(f"wild.{Z}")),
    nodata("dns-correctness #30 a closer name", query(f"closer.wild.{Z}")),
    nxdomain("dns-correctness #30 below a closer name", query(f"x.closer.wild.{Z}")),
    nodata("dns-correctness #30 a closer empty non-terminal", query(f"ent.wild.{Z}")),
    nxdomain("dns-correctness #30 below a closer empty non-terminal", query(f"y.ent.wild.{Z}")),
    nxdomain("dns-correctness #30 below the wildcard's own name", query(f"x.*.wild.{Z}")),
    Case(
        "dns-correctness #30 a wildcard CNAME",
        query(f"x.cw.{Z}", "A"),
        answer=[*WEB, f"x.cw.{Z}. 300 CNAME web.{Z}."],
    ),
    *(
        Case(
            f"dns-correctness #30 referral for {qtype} {qname}",
            query(f"{qname}.{Z}", qtype),
            flags=0,
            authority=SUB,
            additional=SUB_ADDRESSES,
        )
        for qname, qtype in (
            ("sub", "A"),
            ("sub", "NS"),
            ("sub", "ANY"),
            ("host.sub", "A"),
            ("a.b.sub", "TXT"),
            ("ns.sub", "A"),
            ("x.sub", "DS"),
        )
    ),
    Case(
        "dns-correctness #30 referral without addresses",
        query(f"x.bare.{Z}", "A"),
        flags=0,
        authority=[f"bare.{Z}. 300 NS ns.example.net."],
    ),
    Case(
        "DS at a delegation is the parent's",
        query(f"sub.{Z}", "DS"),
        answer=[f"sub.{Z}. 300 DS 12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
    nodata("no DS at a delegation", query(f"bare.{Z}", "DS")),
    Case(
        "dns-correctness #31 unknown type",
        query(f"generic.{Z}", 65280),
        answer=[f"generic.{Z}. 300 TYPE65280 \\# 2 abcd"],
    ),
    Case(
        "dns-correctness #31 CAA with flag and unknown tag",
        query(Z, "CAA"),
        answer=[
            f'{Z}. 300 CAA 0 unheardof "x"',
            f'{Z}. 300 CAA 128 issue "ca.example; accounturi=https://ca.example/1"',
        ],
    ),
    Case("dns-correctness #31 SRV", query(f"srv.{Z}", "SRV"), answer=[f"srv.{Z}. 300 SRV 0 5 443 web.{Z}."]),
    Case(
        "dns-correctness #31 HTTPS",
        query(f"https.{Z}", "HTTPS"),
        answer=[f'https.{Z}. 300 HTTPS 1 . alpn="h2,h3" port="8443"'],
    ),
    Case(
        "dns-correctness #32 strings of TXT",
        query(f"text.{Z}"),
        answer=[f'text.{Z}. 300 TXT "semi;colon" "back\\\\slash \\"quote\\"" "\\200\\255 high"'],
    ),
]

MIXED = "aUtH.eXaMpLe.OrG"
LETTER_CASE = [
    Case(
        "dns-correctness #36 a hit",
        query(f"{TWO.upper()}.{MIXED}"),
        answer=[line.replace(f"{TWO}.{Z}", f"{TWO.upper()}.{MIXED}") for line in TWO_VALUES],
    ),
    *(
        Case(
            f"dns-correctness #36 {title}",
            query(f"{label}{MIXED}", qtype),
            rcode=rcode,
            authority=[
                f"{MIXED}. 60 SOA {'ns1' if label != 'NS1.' else 'NS1'}.{MIXED}. hostmaster.{MIXED}. {SERIAL} 21600 3600 604800 60"
            ],
        )
        for title, label, qtype, rcode in (
            ("NXDOMAIN", "NoPe.", "TXT", "NXDOMAIN"),
            ("NODATA", f"{EMPTY.upper()}.", "TXT", "NOERROR"),
            ("NODATA at the apex", "", "TXT", "NOERROR"),
            ("NODATA at the name of MNAME", "NS1.", "AAAA", "NOERROR"),
        )
    ),
    refused("dns-correctness #36 REFUSED", query("ExAmPlE.cOm", "A")),
    Case("dns-correctness #36 BADVERS", query(MIXED, "A", edns=opt(version=1)), rcode="BADVERS", flags=0, opt=True),
    formerr("dns-correctness #36 FORMERR", query(MIXED, "A") + b"x"),
    Case("dns-correctness #36 TC", query(f"{MANY.upper()}.{MIXED}"), flags=AA | TC, udp_only=True),
    refused("dns-correctness #38 only ASCII letters fold", query(b"\x04auth\x07\xc5xample\x03org\0", "A")),
    nxdomain("dns-correctness #38 [ is not {", query(f"[.{Z}", "A")),
]

EDNS = [
    Case("dns-correctness #39 NOERROR", query(Z, "SOA", edns=opt()), answer=SOA, opt=True),
    nxdomain("dns-correctness #39 NXDOMAIN", query(f"nope.{Z}", edns=opt()), opt=True),
    nodata("dns-correctness #39 NODATA", query(f"{EMPTY}.{Z}", edns=opt()), opt=True),
    Case("dns-correctness #39 TC", query(f"{MANY}.{Z}", edns=opt()), flags=AA | TC, opt=True, udp_only=True),
    *(
        Case(
            f"dns-correctness #40 version {version}, flags {flags:04x}",
            query(Z, "SOA", edns=opt(version=version, flags=flags, options=options)),
            rcode="BADVERS",
            flags=0,
            opt=True,
            dnssec_ok=bool(flags & DO),
        )
        for version, flags, options in (
            (1, 0, b""),
            (1, 0, option(100)),
            (1, 0x80, b""),
            (1, DO, b""),
            (255, 0, b""),
            (1, 0, b"\0"),
        )
    ),
    *(
        Case(f"dns-correctness #41 {title}", query(Z, "SOA", edns=edns), answer=SOA, opt=True)
        for title, edns in (
            ("option 100", opt(options=option(100, b"x"))),
            ("flag 0x0080", opt(flags=0x80)),
            ("flag 0x0040", opt(flags=0x40)),
            ("flag CO", opt(flags=0x4000)),
        )
    ),
    Case(
        "dns-correctness #42 a list of options",
        query(Z, "SOA", edns=opt(options=option(3) + option(8, b"\0\1\0\0") + option(9) + option(10, b"12345678"))),
        answer=SOA,
        opt=True,
        options=(10,),
    ),
    Case(
        "dns-correctness #43 keepalive, padding",
        query(Z, "SOA", edns=opt(options=option(11) + option(12, bytes(9)))),
        answer=SOA,
        opt=True,
        udp_only=True,
    ),
    Case(
        "dns-correctness #55 keepalive over TCP",
        query(Z, "SOA", edns=opt(options=option(11) + option(12, bytes(9)))),
        answer=SOA,
        opt=True,
        options=(11,),
        tcp_only=True,
    ),
    Case(
        "dns-correctness #56 a client's cookie",
        query(f"{TWO}.{Z}", edns=opt(options=option(10, b"12345678"))),
        answer=TWO_VALUES,
        opt=True,
        options=(10,),
    ),
    Case(
        "dns-correctness #57 a wrong server cookie",
        query(f"{TWO}.{Z}", edns=opt(options=option(10, b"12345678" + b"\1\0\0\0" + bytes(12)))),
        answer=TWO_VALUES,
        opt=True,
        options=(10,),
    ),
    *(
        formerr(
            f"dns-correctness #57 a cookie of {octets} octets",
            query(f"{TWO}.{Z}", edns=opt(options=option(10, bytes(octets)))),
            opt=True,
            ede=0,
        )
        for octets in (0, 7, 9, 15, 41)
    ),
    *(
        Case(
            f"dns-correctness #44 payload {payload}",
            query(f"{TWO}.{Z}", edns=opt(payload)),
            answer=TWO_VALUES,
            opt=True,
        )
        for payload in (0, 1, 511, 512, 1232, 4096, 65535)
    ),
    Case(
        "dns-correctness #44 DO is copied",
        query(f"{TWO}.{Z}", edns=opt(flags=DO)),
        answer=TWO_VALUES,
        opt=True,
        dnssec_ok=True,
    ),
]

SIZE = [
    Case("dns-correctness #46 100 values", query(f"{MANY}.{Z}"), flags=AA | TC, udp_only=True),
    Case("dns-correctness #46 a static set", query(f"big.{Z}"), flags=AA | TC, udp_only=True),
    Case(
        "dns-correctness #46 payload 512",
        query(f"big.{Z}", edns=opt(512)),
        flags=AA | TC,
        opt=True,
        udp_only=True,
    ),
    Case(
        "dns-correctness #46 our own limit",
        query(f"{MANY}.{Z}", edns=opt(65535)),
        flags=AA | TC,
        opt=True,
        udp_only=True,
    ),
    Case(
        "dns-correctness #51 no limit over TCP",
        query(f"{MANY}.{Z}", edns=opt(512, flags=DO)),
        answer=[f'{MANY}.{Z}. 1 TXT "{number:043d}"' for number in range(100)],
        opt=True,
        dnssec_ok=True,
        tcp_only=True,
    ),
]

CASES = [
    *HEADER,
    *MALFORMED,
    *OPCODES_CLASSES_TYPES,
    *DATA,
    *ALIASES,
    *TREE,
    *LETTER_CASE,
    *EDNS,
    *SIZE,
]
