"""Zone-file lines into RRsets, with dnspython as the second opinion."""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.name import from_text
from acmedns_py.dns.presentation import BadRecord, parse_record
from acmedns_py.dns.rrset import RRset

ORIGIN = from_text("example.org")


def parsed(line: str) -> RRset:
    return parse_record(line, origin=ORIGIN, default_ttl=300)


def oracle(rrtype: str, rdata: str) -> bytes:
    """Give the octets that dnspython makes of the same text."""
    made = dns.rdata.from_text("IN", rrtype, rdata, origin=dns.name.from_text("example.org"), relativize=False)
    return made.to_wire()


RDATA = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("AAAA", "::ffff:192.0.2.1"),
    ("NS", "ns1"),
    ("NS", "NS1.Example.NET."),
    ("CNAME", "@"),
    ("PTR", r"a\.b.c"),
    ("SOA", "ns1 hostmaster 4294967295 14400 3600 604800 60"),
    ("MX", "10 mail"),
    ("MX", "0 ."),
    ("TXT", "plain"),
    ("TXT", '"two words" and "" more'),
    ("TXT", r'"a\"b;c\\d\000\255"'),
    ("TXT", f'"{"x" * 255}" "{"y" * 255}"'),
    ("SPF", '"v=spf1 -all"'),
    ("HINFO", '"cpu" os'),
    ("RP", "mbox txt.example.net."),
    ("AFSDB", "1 afs"),
    ("RT", "10 relay"),
    ("KX", "10 kx"),
    ("SRV", "0 5 443 web"),
    ("NAPTR", r'100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .'),
    ("DS", "12345 13 2 e3b0c44298fc1c149afbf4c8996fb924 27ae41e4649b934ca495991b7852b855"),
    ("CDS", "0 0 0 00"),
    ("SSHFP", "1 1 123456789abcdef67890123456789abcdef67890"),
    ("DNSKEY", "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0d xCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="),
    ("CDNSKEY", "0 3 0 AA=="),
    ("TLSA", "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"),
    ("SMIMEA", "3 1 0 d2abde240d7cd3ee6b4b28c54df034b9"),
    ("OPENPGPKEY", "AQIDBA=="),
    ("URI", '10 1 "https://example.org/a b"'),
    ("CAA", '0 issue "ca.example; validationmethods=dns-01"'),
    ("CAA", "128 unheardof x"),
    ("CAA", '0 issue ";"'),
    ("CAA", '0 issue ""'),
    ("HTTPS", "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 ech=AAQBAgME"),
    ("HTTPS", "0 svc.example.net."),
    ("SVCB", r'16 foo mandatory=alpn,ipv4hint alpn="f\\\\oo\\,bar,h2" ipv4hint=192.0.2.1'),
    ("SVCB", r'1 foo key667="hello\210qoo" no-default-alpn alpn=h3'),
    ("SVCB", r"7 dns alpn=h2 dohpath=/dns-query{?dns} key65534"),
    ("TYPE65280", r"\# 2 abcd"),
    ("TYPE65280", r"\# 0"),
    ("TYPE65280", r"\# 4 ab cd EF 01"),
    ("A", r"\# 4 c0000201"),
    ("TYPE1", r"\# 4 c0000201"),
    ("LOC", r"\# 16 00121316 8000 0000 8000 0000 0098 9680"),
]


@pytest.mark.parametrize(("rrtype", "text"), RDATA)
def test_rdata_are_the_octets_of_dnspython(rrtype, text):
    """Every type we read field by field is read as another implementation reads it (dns-correctness #31, #32)."""
    assert parsed(f"@ {rrtype} {text}").rdatas == (oracle(rrtype, text),)


@pytest.mark.parametrize(("rrtype", "text"), RDATA)
def test_accepted_data_have_the_layout_of_their_type(rrtype, text):
    """What a field-by-field reading gives passes the check for the generic form, and is cut short nowhere."""
    rrset = parsed(f"@ {rrtype} {text}")
    assert layout_problem(rrset.rrtype, rrset.rdatas[0]) is None


def test_every_cut_of_data_with_a_fixed_layout_is_a_problem():
    """A SOA, MX, SRV or A that ends early never passes."""
    for line in ("@ SOA ns1 h 1 2 3 4 5", "@ MX 10 mail", "@ SRV 1 2 3 web", "@ A 192.0.2.1", "@ CNAME web"):
        rrset = parsed(line)
        for cut in range(len(rrset.rdatas[0])):
            assert layout_problem(rrset.rrtype, rrset.rdatas[0][:cut]) is not None, (line, cut)
        assert layout_problem(rrset.rrtype, rrset.rdatas[0] + b"\0") is not None


@given(st.integers(0, 65535), st.binary(max_size=60))
def test_layout_check_takes_any_octets(rrtype, rdata):
    """The check never raises, and what it passes for a compressible type dnspython reads as well."""
    if layout_problem(rrtype, rdata) is None and rrtype in {2, 5, 6, 12, 15}:
        dns.rdata.from_wire(dns.rdataclass.IN, rrtype, rdata, 0, len(rdata))


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
        ("www A 192.0.2.256", "no IPv4"),
        ("www A 192.0.2.1 192.0.2.2", "more than A data"),
        ("www A", "needs 1 fields"),
        ("www AAAA fe80::1%eth0", "no zone"),
        ("www AAAA 192.0.2.1", "no IPv6"),
        ("www MX mail", "no number"),
        ("www MX 10", "needs 2 fields"),
        ("www MX 65536 mail", "0 to 65535"),
        ("www MX -1 mail", "no number"),
        ("www CNAME a..b", "two dots"),
        ("b\u00fccher A 192.0.2.1", "A-label"),
        (f"{'a' * 64} A 192.0.2.1", "64 octets"),
        ("www 2147483648 A 192.0.2.1", "more than 2147483647"),
        ("www TXT", "missing"),
        ('www TXT "open', "not closed"),
        (f'www TXT "{"x" * 256}"', "256 octets"),
        (r"www TXT \256", "up to 255"),
        ("www TXT (a", "partner"),
        ("www TXT a)", "partner"),
        ("www TXT a\nwww TXT b", "one record"),
        ("www CAA 0 issue a b", "quote"),
        ("www CAA 256 issue x", "0 to 255"),
        ("www CAA 0 is-sue x", "CAA tag"),
        ("www DS 1 2 3 xyz", "hexadecimal"),
        ("www DS 1 2 3", "missing"),
        ("www DNSKEY 1 2 3 !", "base64"),
        ("www HTTPS 1 . nonsense=1", "no parameter"),
        ("www HTTPS 1 . port=x", "can't be understood"),
        ("www HTTPS 1 . port=65536", "can't be understood"),
        ("www HTTPS 1 . port=1 port=2", "twice"),
        ("www HTTPS 1 . mandatory=alpn port=1", "not there"),
        ("www HTTPS 1 . no-default-alpn", "needs alpn"),
        ("www HTTPS 1 . alpn=,", "can't be understood"),
        ("www HTTPS 1 . key65535=x", "no parameter"),
        (r"www TYPE65280 \# 3 abcd", "says 3"),
        (r"www TYPE65280 \# x", "number of octets"),
        (r"www TYPE65280 \# 1 zz", "hexadecimal"),
        (r"www A \# 3 c00002", "no A data"),
        (r"www MX \# 3 000aff", "no MX data"),
        (r"www CNAME \# 2 c00c", "no CNAME data"),
        ("www TYPE65280 abcd", "generic form"),
        ("www LOC 1 N 2 E 3m", "generic form"),
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


@given(st.integers(0, 65535))
def test_types_keep_their_number_through_text(number):
    """Known or not, a type's text gives the type again (RFC 3597 5)."""
    assert type_from_text(type_to_text(number)) == number
    assert type_from_text(f"type{number}") == number


def test_mnemonics_are_those_of_dnspython():
    """Each mnemonic has the number that another implementation gives it."""
    for rrtype in RRType:
        if rrtype not in {RRType.SIG, RRType.KEY, RRType.NXNAME}:
            assert dns.rdatatype.from_text(rrtype.name) == rrtype
