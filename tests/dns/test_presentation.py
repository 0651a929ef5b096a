"""Zone-file lines into RRsets: the octets of each type, what is refused, and what a person is told."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.name import from_text, to_text
from acmedns_py.dns.presentation import BadRecord, parse_record
from acmedns_py.dns.rrset import RRset

ORIGIN = from_text("example.org")


def parsed(line: str) -> RRset:
    return parse_record(line, origin=ORIGIN, default_ttl=300)


RDATA = [
    ("A", "192.0.2.1", b"\xc0\x00\x02\x01"),
    ("AAAA", "2001:db8::1", b" \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
    ("AAAA", "::ffff:192.0.2.1", b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01"),
    ("NS", "ns1", b"\x03ns1" + ORIGIN),
    ("NS", "NS1.Example.NET.", b"\x03NS1\x07Example\x03NET\x00"),
    ("CNAME", "@", ORIGIN),
    ("PTR", r"a\.b.c", b"\x03a.b\x01c" + ORIGIN),
    (
        "SOA",
        "ns1 hostmaster 4294967295 14400 3600 604800 60",
        b"\x03ns1"
        + ORIGIN
        + b"\nhostmaster"
        + ORIGIN
        + b"\xff\xff\xff\xff\x00\x008@\x00\x00\x0e\x10\x00\t:\x80\x00\x00\x00<",
    ),
    ("MX", "10 mail", b"\x00\n\x04mail" + ORIGIN),
    ("MX", "0 .", b"\x00\x00\x00"),
    ("TXT", "plain", b"\x05plain"),
    ("TXT", '"two words" and "" more', b"\ttwo words\x03and\x00\x04more"),
    ("TXT", r'"a\"b;c\\d\000\255"', b'\ta"b;c\\d\x00\xff'),
    ("TXT", f'"{"x" * 255}" "{"y" * 255}"', b"\xff" + b"x" * 255 + b"\xff" + b"y" * 255),
    ("SPF", '"v=spf1 -all"', b"\x0bv=spf1 -all"),
    ("HINFO", '"cpu" os', b"\x03cpu\x02os"),
    ("RP", "mbox txt.example.net.", b"\x04mbox" + ORIGIN + b"\x03txt\x07example\x03net\x00"),
    ("AFSDB", "1 afs", b"\x00\x01\x03afs" + ORIGIN),
    ("RT", "10 relay", b"\x00\n\x05relay" + ORIGIN),
    ("KX", "10 kx", b"\x00\n\x02kx" + ORIGIN),
    ("SRV", "0 5 443 web", b"\x00\x00\x00\x05\x01\xbb\x03web" + ORIGIN),
    ("NAPTR", r'100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .', b"\x00d\x00\n\x01u\x07E2U+sip\x0e!^.*$!sip:a@b!\x00"),
    (
        "DS",
        "12345 13 2 e3b0c44298fc1c149afbf4c8996fb924 27ae41e4649b934ca495991b7852b855",
        b"09\r\x02\xe3\xb0\xc4B\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99o\xb9$'\xaeA\xe4d\x9b\x93L\xa4\x95\x99\x1bxR\xb8U",
    ),
    ("CDS", "0 0 0 00", b"\x00\x00\x00\x00\x00"),
    (
        "SSHFP",
        "1 1 123456789abcdef67890123456789abcdef67890",
        b"\x01\x01\x124Vx\x9a\xbc\xde\xf6x\x90\x124Vx\x9a\xbc\xde\xf6x\x90",
    ),
    (
        "DNSKEY",
        "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0d xCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
        b"\x01\x01\x03\r\x99\xdb,\xc1L\xab\xdc3\xd6\xd7}\xa6:/\x15\xf7\x11\x12XO#N\x8d\x1d\xc4(\xe3\x9e\x8aJ\x97\xe1\xaa'\x1aU]\xc9\x07\x01\xe1~*LKo\x12\x0b|2\xd4OJ\xc0+\xd8\x94\xcf-K\xe7w\x8a\x19",
    ),
    ("CDNSKEY", "0 3 0 AA==", b"\x00\x00\x03\x00\x00"),
    (
        "TLSA",
        "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971",
        b"\x03\x01\x01\xd2\xab\xde$\r|\xd3\xeekK(\xc5M\xf04\xb9y\x83\xa1\xd1n\x8aA\x0eEa\xcb\x10f\x18\xe9q",
    ),
    ("SMIMEA", "3 1 0 d2abde240d7cd3ee6b4b28c54df034b9", b"\x03\x01\x00\xd2\xab\xde$\r|\xd3\xeekK(\xc5M\xf04\xb9"),
    ("OPENPGPKEY", "AQIDBA==", b"\x01\x02\x03\x04"),
    ("URI", '10 1 "https://example.org/a b"', b"\x00\n\x00\x01https://example.org/a b"),
    ("CAA", '0 issue "ca.example; validationmethods=dns-01"', b"\x00\x05issueca.example; validationmethods=dns-01"),
    ("CAA", "128 unheardof x", b"\x80\tunheardofx"),
    ("CAA", '0 issue ";"', b"\x00\x05issue;"),
    ("CAA", '0 issue ""', b"\x00\x05issue"),
    (
        "HTTPS",
        "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 ech=AAQBAgME",
        b"\x00\x01\x00\x00\x01\x00\x06\x02h2\x02h3\x00\x03\x00\x02 \xfb\x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x05\x00\x06\x00\x04\x01\x02\x03\x04\x00\x06\x00\x10 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    ),
    ("HTTPS", "0 svc.example.net.", b"\x00\x00\x03svc\x07example\x03net\x00"),
    (
        "SVCB",
        r'16 foo mandatory=alpn,ipv4hint alpn="f\\\\oo\\,bar,h2" ipv4hint=192.0.2.1',
        b"\x00\x10\x03foo"
        + ORIGIN
        + b"\x00\x00\x00\x04\x00\x01\x00\x04\x00\x01\x00\x0c\x08f\\oo,bar\x02h2\x00\x04\x00\x04\xc0\x00\x02\x01",
    ),
    (
        "SVCB",
        r'1 foo key667="hello\210qoo" no-default-alpn alpn=h3',
        b"\x00\x01\x03foo" + ORIGIN + b"\x00\x01\x00\x03\x02h3\x00\x02\x00\x00\x02\x9b\x00\thello\xd2qoo",
    ),
    (
        "SVCB",
        r"7 dns alpn=h2 dohpath=/dns-query{?dns} key65534",
        b"\x00\x07\x03dns" + ORIGIN + b"\x00\x01\x00\x03\x02h2\x00\x07\x00\x10/dns-query{?dns}\xff\xfe\x00\x00",
    ),
    ("TYPE65280", r"\# 2 abcd", b"\xab\xcd"),
    ("TYPE65280", r"\# 0", b""),
    ("TYPE65280", r"\# 4 ab cd EF 01", b"\xab\xcd\xef\x01"),
    ("A", r"\# 4 c0000201", b"\xc0\x00\x02\x01"),
    ("TYPE1", r"\# 4 c0000201", b"\xc0\x00\x02\x01"),
    (
        "LOC",
        r"\# 16 00121316 8000 0000 8000 0000 0098 9680",
        b"\x00\x12\x13\x16\x80\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80",
    ),
    ("LOC", "52 14 05 N 00 08 50 E 10m", b"\x00\x12\x16\x13\x8b5V\xc8\x80\x08\x16P\x00\x98\x9a\x68"),
]


@pytest.mark.parametrize(("rrtype", "text", "rdata"), RDATA)
def test_rdata_are_the_octets_of_the_type(rrtype, text, rdata):
    """Every type is read as its RFC lays it out, names uncompressed (dns-correctness #31, #32)."""
    assert parsed(f"@ {rrtype} {text}").rdatas == (rdata,)


@pytest.mark.parametrize(("rrtype", "text", "rdata"), RDATA)
def test_generic_form_gives_the_same(rrtype, text, rdata):
    """The octets of any data can be written as they are (RFC 3597 5)."""
    line = f"@ {rrtype} \\# {len(rdata)} {rdata.hex()}"
    assert parsed(line).rdatas == (rdata,)


@pytest.mark.parametrize(
    "line", ["@ SOA ns1 h 1 2 3 4 5", "@ MX 10 mail", "@ NS ns1", "@ A 192.0.2.1", "@ CNAME web", "@ PTR web"]
)
def test_data_of_another_layout_are_refused_in_the_generic_form(line):
    """Cut short, too long or compressed: the writer of responses looks for names in these octets."""
    rrtype = line.split()[1]
    (rdata,) = parsed(line).rdatas
    for octets in [*(rdata[:cut] for cut in range(len(rdata))), rdata + b"\0", rdata[:-1] + b"\xc0\x0c"]:
        with pytest.raises(BadRecord):
            parsed(f"@ {rrtype} \\# {len(octets)} {octets.hex()}")


@pytest.mark.parametrize(
    ("line", "owner", "ttl"),
    [
        ("www A 192.0.2.1", "www.example.org", 300),
        ("www.example.org. A 192.0.2.1", "www.example.org", 300),
        ("WWW IN A 192.0.2.1", "www.example.org", 300),
        ("www 60 IN A 192.0.2.1", "www.example.org", 60),
        ("www IN 60 A 192.0.2.1", "www.example.org", 60),
        ("www 1h30m A 192.0.2.1", "www.example.org", 5400),
        ("www 2W A 192.0.2.1", "www.example.org", 1209600),
        ("www class1 type1 192.0.2.1", "www.example.org", 300),
        ("www\t0\ta\t192.0.2.1 ; a comment", "www.example.org", 0),
        ("www A ( 192.0.2.1 )", "www.example.org", 300),
        ("www A (\n 192.0.2.1 ; why\n )\n", "www.example.org", 300),
        ("elsewhere.test. A 192.0.2.1", "elsewhere.test", 300),
        ("@ A 192.0.2.1", "example.org", 300),
        (". A 192.0.2.1", ".", 300),
    ],
)
def test_owner_ttl_and_class(line, owner, ttl):
    """TTL and class come in either order or not at all; the owner is folded and completed."""
    assert parsed(line) == RRset(from_text(owner), RRType.A, ttl, (b"\xc0\0\2\1",))


def test_names_in_data_keep_their_letter_case():
    """Only owners are folded."""
    assert parsed("www CNAME WeB").rdatas == (b"\x03WeB" + ORIGIN,)


def test_text_beyond_ascii_is_utf8():
    """A letter that is not ASCII is written as its UTF-8 octets."""
    assert parsed('@ TXT "\u00fc"').rdatas == (b"\x02\xc3\xbc",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "empty"),
        ("; only a comment", "empty"),
        ("  A 192.0.2.1", "owner"),
        ("www", "type is missing"),
        ("www 60 IN", "type is missing"),
        ("www NONSENSE x", "'NONSENSE' is no record type"),
        ("www CH A 192.0.2.1", "class CH"),
        ("www A 192.0.2.256", r"'192\.0\.2\.256' can't be read as A data .*needed: an IPv4 address"),
        ("www A 192.0.2.1 192.0.2.2", '"192.0.2.2" is too much'),
        ("www A", "A data are missing.*needed: an IPv4 address"),
        ("www AAAA fe80::1%eth0", "needed: an IPv6 address"),
        ("www AAAA 192.0.2.1", "needed: an IPv6 address"),
        ("www MX mail", "integer.*needed: preference, exchange"),
        ("www MX 10", "needed: preference, exchange"),
        ("www MX 65536 mail", "65536 is not an unsigned 16-bit"),
        ("www MX -1 mail", "integer"),
        ("www CNAME a..b", "label is empty"),
        ("www CNAME b\u00fccher", "A-label"),
        ("a..b A 192.0.2.1", "two dots"),
        ("$TTL 60", "directive"),
        ("$INCLUDE /etc/passwd", "directive"),
        ("b\u00fccher A 192.0.2.1", "A-label"),
        (f"{'a' * 64} A 192.0.2.1", "64 octets"),
        ("www 2147483648 A 192.0.2.1", "at most 2147483647"),
        ("www TXT", "missing"),
        ('www TXT "open', "ended unexpectedly"),
        (f'www TXT "{"x" * 256}"', "at most 255 octets"),
        (r"www TXT \256", "TXT data"),
        ("www TXT (a", "parenthes"),
        ("www TXT a)", "TXT data"),
        ("www TXT a\nwww TXT b", "one record"),
        ("www CAA 0 issue a b", '"b" is too much'),
        ("www CAA 256 issue x", "256 is not an unsigned 8-bit"),
        ("www CAA 0 is-sue x", "tag is not alphanumeric"),
        ("www DS 1 2 3 xyz", "DS data.*digest"),
        ("www DS 1 2 3", "another identifier"),
        ("www DNSKEY 1 2 3 !", "base64"),
        ("www HTTPS 1 . nonsense=1", "Unknown SVCB ParamKey"),
        ("www HTTPS 1 . port=x", "port is not an integer"),
        ("www HTTPS 1 . port=65536", "not a uint16"),
        ("www HTTPS 1 . port=1 port=2", "duplicate key"),
        ("www HTTPS 1 . mandatory=alpn port=1", "not present"),
        ("www HTTPS 1 . no-default-alpn", "alpn missing"),
        ("www HTTPS 1 . alpn=,", "empty"),
        (r"www TYPE65280 \# 3 abcd", "wrong length"),
        (r"www TYPE65280 \# x", "integer.*LENGTH HEX"),
        (r"www TYPE65280 \# 1 zz", "hexadecimal"),
        (r"www A \# 3 c00002", "as A data"),
        (r"www MX \# 3 000aff", "as MX data"),
        (r"www CNAME \# 2 c00c", "as CNAME data"),
        ("www TYPE65280 abcd", "generic form"),
        ("www LOC 99 N 2 E 3m", "degrees not in range"),
        (f"www HIP 2 00 {'AAAA' * 30_000}", "HIP data"),
        (r"www TYPE65280 \# 65536 " + "00" * 65536, "room for 65535"),
        ("www DNAME elsewhere.test.", "DNAME"),
        ("www RRSIG x", "signing"),
        ("www OPT x", "OPT"),
        ("www ANY x", "questions only"),
        ("www AXFR x", "questions only"),
        (r"www TYPE0 \# 0", "questions only"),
        (r"www TYPE65536 \# 0", "no record type"),
    ],
)
def test_bad_lines_are_refused_with_the_reason(line, reason):
    """The operator learns what is wrong with the line."""
    with pytest.raises(BadRecord, match=reason):
        parsed(line)


@given(st.text(max_size=60))
def test_any_text_is_a_record_or_refused(text):
    """No text brings the parser down."""
    for line in (text, f"www TXT {text}", f"www HTTPS 1 . {text}", f"www {text} A 192.0.2.1"):
        try:
            parsed(line)
        except BadRecord as error:
            assert str(error)


NAMES = st.lists(st.binary(min_size=1, max_size=20), max_size=6).map(
    lambda labels: b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
)
STRINGS = st.binary(max_size=255).map(lambda octets: bytes((len(octets),)) + octets)
NUMBERS = st.binary(min_size=2, max_size=2)
DIGESTS = st.binary(min_size=1, max_size=60)
ANY_RDATA = {
    "A": st.tuples(st.binary(min_size=4, max_size=4)),
    "AAAA": st.tuples(st.binary(min_size=16, max_size=16)),
    "NS": st.tuples(NAMES),
    "CNAME": st.tuples(NAMES),
    "PTR": st.tuples(NAMES),
    "SOA": st.tuples(NAMES, NAMES, st.binary(min_size=20, max_size=20)),
    "MX": st.tuples(NUMBERS, NAMES),
    "TXT": st.lists(STRINGS, min_size=1, max_size=4),
    "HINFO": st.tuples(STRINGS, STRINGS),
    "SRV": st.tuples(NUMBERS, NUMBERS, NUMBERS, NAMES),
    "NAPTR": st.tuples(NUMBERS, NUMBERS, STRINGS, STRINGS, STRINGS, NAMES),
    "TLSA": st.tuples(st.binary(min_size=3, max_size=3), DIGESTS),
    "SSHFP": st.tuples(st.binary(min_size=2, max_size=2), DIGESTS),
    "OPENPGPKEY": st.tuples(DIGESTS),
    "URI": st.tuples(NUMBERS, NUMBERS, DIGESTS),
    "CAA": st.tuples(
        st.sampled_from([b"\0", b"\x80", b"\xff"]), st.sampled_from([b"\x05issue", b"\x01x"]), st.binary(max_size=60)
    ),
    "TYPE65280": st.tuples(st.binary(max_size=60)),
}


@settings(max_examples=400)
@given(
    NAMES,
    st.integers(0, 2**31 - 1),
    st.sampled_from(sorted(ANY_RDATA)).flatmap(lambda kind: st.tuples(st.just(kind), ANY_RDATA[kind].map(b"".join))),
)
def test_record_survives_its_text(owner, ttl, typed):
    """The text of any record is read as that record again, in its type's own form and in the generic one."""
    kind, rdata = typed
    rrtype = dns.rdatatype.from_text(kind)
    meant = RRset(owner.lower(), int(rrtype), ttl, (rdata,))
    text = dns.rdata.from_wire(dns.rdataclass.IN, rrtype, rdata, 0, len(rdata)).to_text()
    for data in (text, f"\\# {len(rdata)} {rdata.hex()}"):
        assert parsed(f"{to_text(owner)} {ttl} {type_to_text(rrtype)} {data}") == meant


@given(st.integers(0, 65535))
def test_types_keep_their_number_through_text(number):
    """Known or not, a type's text gives the type again (RFC 3597 5)."""
    assert dns.rdatatype.from_text(type_to_text(number)) == number


def test_mnemonics_are_those_of_dnspython():
    """Each mnemonic that is shown has the number that it is read with."""
    for rrtype in RRType:
        assert dns.rdatatype.from_text(rrtype.name) == rrtype


def test_long_lines_are_cut_in_what_is_said():
    """A megabyte of data makes no megabyte of reason."""
    with pytest.raises(BadRecord) as caught:
        parsed(f"www A {'1' * 1_000_000}")
    assert len(str(caught.value)) < 300
