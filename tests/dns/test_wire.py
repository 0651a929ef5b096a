"""The gate: which octets are a query, what a response's octets look like, and why no codec stands behind it."""

import struct

import dns.name
import dns.rdataclass
import dns.rrset
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns import wire
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.edns import Edns
from acmedns_py.dns.message import Query, Response, Transport
from acmedns_py.dns.name import from_text
from acmedns_py.dns.rrset import RRset, txt_rdata
from tests.dns.packets import lines, message, name, opt, option, query, question, read, record

APEX = from_text("auth.example.org")


def test_query_is_read_whole():
    """Every field of a plain query arrives, the name folded and the question as it came."""
    octets = query("WwW.Auth.Example.ORG", "AAAA", flags=0x0100, edns=opt(1400, flags=0x8000), ident=0x0102)
    assert wire.parse(octets) == Query(
        id=0x0102,
        opcode=0,
        recursion_desired=True,
        question=question("WwW.Auth.Example.ORG", "AAAA"),
        qname=from_text("www.auth.example.org"),
        qtype=28,
        qclass=1,
        edns=Edns(1400, 0, dnssec_ok=True),
    )


@given(st.binary(max_size=80))
def test_any_octets_are_a_query_or_refused(octets):
    """The gate gives a query or one of its two exceptions, and reads what dnspython would read."""
    try:
        wire.parse(octets)
    except (wire.NotAQuery, wire.BadQuery):
        return
    read(octets)


TRAPS = {
    "octets behind the message": query("a", "A") + b"zz",
    "label of type 0x40": query(b"\x40" + b"a" * 64 + b"\0", "A"),
    "name over 255 octets": query((b"\x3f" + b"a" * 63) * 4 + b"\0", "A"),
}


@pytest.mark.parametrize("octets", TRAPS.values(), ids=TRAPS.keys())
def test_dnslib_passes_what_is_stopped_here(octets):
    """The installed dnslib takes these three for queries; the gate answers them FORMERR (dns-correctness #8, #9)."""
    dnslib.DNSRecord.parse(octets)
    with pytest.raises(wire.BadQuery) as caught:
        wire.parse(octets)
    assert caught.value.rcode == Rcode.FORMERR


def test_dnslib_stops_a_label_that_passes_here():
    """The installed dnslib refuses octets above 0x7F in a label; here they are a name (dns-correctness #11)."""
    octets = query(b"\x01\xff\0", "A")
    with pytest.raises(dnslib.DNSError, match="Invalid label"):
        dnslib.DNSRecord.parse(octets)
    assert wire.parse(octets).qname == b"\x01\xff\0"


def test_dnslib_breaks_on_a_chain_of_pointers_that_is_read_here():
    """2,500 pointers, each at the one before, exhaust dnslib's stack; here no pointer is followed."""
    first = 12 + len(question("a", "A")) + 11
    targets = [12, *range(first, first + 2 * 2499, 2)]
    chain = b"".join(struct.pack("!H", 0xC000 | target) for target in targets)
    last = struct.pack("!H", 0xC000 | first + 2 * 2499)
    octets = message(question("a", "A"), record(b"\0", 65280, rdata=chain), record(last, 65280), counts=(1, 0, 0, 2))
    with pytest.raises(RecursionError):
        dnslib.DNSRecord.parse(octets)
    assert wire.parse(octets).qname == b"\x01a\0"


def test_dnslib_sets_ra_that_is_not_set_here():
    """The installed dnslib's reply offers recursion; ours never does (dns-correctness #3)."""
    assert dnslib.DNSRecord.parse(query("a", "A")).reply().header.ra == 1
    assert wire.render(Response(wire.parse(query("a", "A"))), Transport.UDP)[3] & 0x80 == 0


def test_formerr_keeps_question_and_opt_that_could_be_read():
    """What is wrong behind them does not take them away (dns-correctness #36, #39)."""
    with pytest.raises(wire.BadQuery) as caught:
        wire.parse(query("A.b", "TXT", edns=opt()) + b"\0")
    assert caught.value.query.question == question("A.b", "TXT")
    assert caught.value.query.edns is not None


def test_an_unknown_version_is_named_before_its_options_are_read():
    """Only version 0 says what options look like, so BADVERS goes before FORMERR (RFC 6891 6.1.3)."""
    with pytest.raises(wire.BadQuery) as caught:
        wire.parse(query("a", "A", edns=opt(version=1, options=option(9)[:3])))
    assert caught.value.rcode == Rcode.BADVERS


SOA_RDATA = b"\x02n1" + APEX + b"\x02HM" + APEX + bytes(20)
FULL = Response(
    Query(
        id=7,
        opcode=0,
        question=question("www.AUTH.example.org", "A"),
        qname=from_text("www.auth.example.org"),
        qtype=1,
        qclass=1,
        edns=Edns(4096, 0, dnssec_ok=False),
    ),
    authoritative=True,
    answer=(RRset(from_text("www.auth.example.org"), RRType.A, 60, (b"\1\2\3\4", b"\1\2\3\5")),),
    authority=(RRset(APEX, RRType.NS, 60, (b"\x02n1" + APEX, b"\x02N1\x05other\0")),),
    additional=(RRset(b"\x02n1" + APEX, RRType.A, 60, (b"\1\2\3\6",)),),
)


def test_names_are_compressed_against_question_and_earlier_names():
    """Owners and NS targets use the longest name that stands already; nothing else is in these octets."""
    pointer_to_question, apex, first_target = b"\xc0\x0c", b"\xc0\x10", b"\xc0\x52"
    assert wire.render(FULL, Transport.UDP) == b"".join(
        (
            struct.pack("!6H", 7, 0x8400, 1, 2, 2, 2),
            question("www.AUTH.example.org", "A"),
            record(pointer_to_question, 1, 1, 60, b"\1\2\3\4"),
            record(pointer_to_question, 1, 1, 60, b"\1\2\3\5"),
            record(apex, 2, 1, 60, b"\x02n1" + apex),
            record(apex, 2, 1, 60, b"\x02N1\x05other\0"),
            record(first_target, 1, 1, 60, b"\1\2\3\6"),
            opt(),
        )
    )


@pytest.mark.parametrize(
    ("rrtype", "rdata", "compressed"),
    [
        (RRType.CNAME, b"\x01a" + APEX, b"\x01a\xc0\x0c"),
        (RRType.PTR, APEX, b"\xc0\x0c"),
        (RRType.MX, b"\0\x0a\x01a" + APEX, b"\0\x0a\x01a\xc0\x0c"),
        (RRType.SOA, SOA_RDATA, b"\x02n1\xc0\x0c\x02HM\xc0\x0c" + bytes(20)),
        (RRType.MINFO, APEX + APEX, APEX + APEX),
        (RRType.SRV, bytes(6) + APEX, bytes(6) + APEX),
        (RRType.HTTPS, b"\0\1" + APEX, b"\0\1" + APEX),
        (RRType.RP, APEX + APEX, APEX + APEX),
        (65280, APEX, APEX),
    ],
)
def test_only_types_whose_layout_is_checked_have_compressed_data(rrtype, rdata, compressed):
    """RFC 3597 4: only the types of RFC 1035 may be, and of them those that are in use are (dns-correctness #31)."""
    asked = Query(id=7, opcode=0, question=APEX + b"\0\xff\0\1", qname=APEX, qtype=255, qclass=1)
    octets = wire.render(Response(asked, answer=(RRset(APEX, rrtype, 1, (rdata,)),)), Transport.UDP)
    assert octets[12 + len(asked.question) :] == record(b"\xc0\x0c", rrtype, 1, 1, compressed)


LABEL = st.sampled_from([b"\x01a", b"\x01B", b"\x02cc", b"\x3f" + b"d" * 63])
OWNER = st.lists(LABEL, max_size=2).map(lambda labels: b"".join(labels).lower() + APEX)
TARGET = st.lists(LABEL, max_size=2).flatmap(
    lambda labels: st.sampled_from([b"".join(labels) + APEX, b"".join(labels) + b"\0"])
)
RRSETS = st.lists(
    st.one_of(
        st.builds(
            lambda owner, rdata: RRset(owner, 16, 5, (bytes((len(rdata),)) + rdata,)), OWNER, st.binary(max_size=200)
        ),
        st.builds(
            lambda owner, targets: RRset(owner, 2, 5, tuple(targets)), OWNER, st.lists(TARGET, min_size=1, max_size=3)
        ),
        st.builds(lambda owner, target: RRset(owner, 15, 5, (b"\0\1" + target,)), OWNER, TARGET),
        st.builds(lambda owner, target: RRset(owner, 33, 5, (bytes(6) + target,)), OWNER, TARGET),
    ),
    max_size=4,
).map(tuple)


def uncompressed(rrsets: tuple[RRset, ...]) -> list[str]:
    """Give the lines of RRsets as dnspython writes them; like its messages, without repetitions."""
    made = [
        dns.rrset.from_rdata(
            dns.name.from_wire(rrset.owner, 0)[0],
            rrset.ttl,
            dns.rdata.from_wire(dns.rdataclass.IN, rrset.rrtype, rdata, 0, len(rdata)),
        )
        for rrset in rrsets
        for rdata in rrset.rdatas
    ]
    return sorted({line.lower() for line in lines(made)})


@given(
    OWNER, RRSETS, RRSETS, RRSETS, RRSETS, st.sampled_from([None, 0, 512, 800, 1232, 65535]), st.sampled_from(Transport)
)
def test_rendered_response_reads_as_it_was_meant(qname, answer, authority, glue, additional, payload, transport):
    """Within its limit a response holds all that must be there, whole; else TC and nothing (dns-correctness #46, #47)."""
    edns = None if payload is None else Edns(payload, 0, dnssec_ok=False)
    asked = Query(id=7, opcode=0, question=qname + b"\0\xff\0\1", qname=qname, qtype=255, qclass=1, edns=edns)
    octets = wire.render(
        Response(asked, answer=answer, authority=authority, glue=glue, additional=additional), transport
    )
    limit = 65535 if transport is Transport.TCP else 512 if payload is None else min(max(payload, 512), 1232)
    assert len(octets) <= limit
    response = read(octets)
    assert response.edns == (-1 if payload is None else 0)
    sections = (response.answer, response.authority, response.additional)
    *found, extra = [sorted({line.lower() for line in lines(section)}) for section in sections]
    if response.flags & 0x0200:
        assert transport is Transport.UDP
        assert (found, extra) == ([[], []], [])
    else:
        assert found == [uncompressed(answer), uncompressed(authority)]
        kept = [uncompressed(glue + additional[:count]) for count in range(len(additional) + 1)]
        assert extra in kept
        if transport is Transport.TCP:
            assert extra == kept[-1]


def test_optional_addresses_are_left_out_without_tc():
    """Optional additional data that do not fit go silently (dns-correctness #47)."""
    large = RRset(APEX, RRType.TXT, 1, (b"\xff" + b"x" * 255, b"\xff" + b"y" * 255))
    response = read(wire.render(Response(wire.parse(query("auth.example.org")), additional=(large,)), Transport.UDP))
    assert (response.flags & 0x0200, len(response.additional)) == (0, 0)


def test_glue_that_does_not_fit_sets_tc():
    """Glue may not be left out in silence (RFC 9471; dns-correctness #30)."""
    large = RRset(APEX, RRType.TXT, 1, (b"\xff" + b"x" * 255, b"\xff" + b"y" * 255))
    response = read(wire.render(Response(wire.parse(query("auth.example.org")), glue=(large,)), Transport.UDP))
    assert (response.flags & 0x0200, len(response.additional)) == (0x0200, 0)


def test_extended_error_never_causes_tc():
    """It goes before any data do (dns-correctness #45)."""
    asked = wire.parse(query("auth.example.org", edns=opt(512)))
    rdata_octets = 510 - 12 - len(asked.question) - 12 - 11
    text = RRset(asked.qname, RRType.TXT, 1, (txt_rdata(b"x" * (rdata_octets - 2)),))
    filled = wire.render(Response(asked, answer=(text,), ede=22), Transport.UDP)
    assert (len(filled), read(filled).flags & 0x0200, len(read(filled).options)) == (510, 0, 0)


def test_truncated_keeps_question_and_opt_alone():
    """A response that the network did not take shrinks to header, question and OPT (dns-correctness #47)."""
    assert wire.truncated(wire.render(FULL, Transport.UDP)) == b"".join(
        (struct.pack("!6H", 7, 0x8600, 1, 0, 0, 1), question("www.AUTH.example.org", "A"), opt())
    )
    bare = wire.render(Response(wire.parse(query("a", "A"))), Transport.UDP)
    assert wire.truncated(bare) == message(question("a", "A"), flags=0x8200)


def test_names_behind_the_reach_of_pointers_are_written_out():
    """A pointer has 14 bits; names that begin later are never pointed at."""
    asked = wire.parse(query("auth.example.org", "NS"))
    filler = RRset(APEX, RRType.TXT, 1, tuple(bytes((250,)) + b"%0250d" % number for number in range(70)))
    late = RRset(APEX, RRType.NS, 1, (name("late.test"), name("a.late.test")))
    octets = wire.render(Response(asked, answer=(filler, late)), Transport.TCP)
    assert [line for line in lines(read(octets).answer) if " NS " in line] == [
        "auth.example.org. 1 NS a.late.test.",
        "auth.example.org. 1 NS late.test.",
    ]
    assert octets.count(name("late.test")) == 2
