"""Generated zones: any names with any sets that may stand beside each other, challenge names, and who asks for what."""

from typing import NamedTuple

from hypothesis import strategies as st

from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset, txt_rdata
from tests.dns.example import APEX
from tests.dns.packets import opt, option, query

MAX_NAME_OCTETS = 255
LABELS = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"*", b"ns", b"auth", b"\0", b"a.b", b"\xff", b"l" * 63]),
    st.sampled_from([b"a", b"b", b"c", b"*"]),
    st.binary(min_size=1, max_size=8).map(bytes.lower),
)
CHALLENGE_LABELS = st.one_of(
    st.sampled_from([b"a", b"b", b"ns", b"l" * 63, b"3c8a3c6e-0f5b-4b7e-8a56-0d1f6b1b9a01"]),
    st.binary(min_size=1, max_size=36).map(bytes.lower),
).filter(lambda label: label != b"*")
TEXTS = [(), (b"one",), (b"one", b"two"), (b"x" * 255, b""), (b"y" * 600,)]
TTLS = st.sampled_from([300, 0, 1, 60, 2**31 - 1])

A, NS, CNAME, MX, TXT, AAAA, DS = (
    *(RRType.A, RRType.NS, RRType.CNAME, RRType.MX),
    *(RRType.TXT, RRType.AAAA, RRType.DS),
)
UNKNOWN = 65280
WITHOUT_CUT_OR_ALIAS = [(A,), (), (TXT,), (A, AAAA), (MX,), (UNKNOWN, A), (TXT, AAAA)]
KINDS = [*WITHOUT_CUT_OR_ALIAS, (CNAME,), (CNAME,), (NS,), (NS, DS), (NS, A)]
"""Types that stand together at one owner; where there are none, the name is only one to ask for."""

ASKED_TYPES = (A, TXT, AAAA, CNAME, NS, DS, MX, RRType.SOA, RRType.ANY, UNKNOWN, 65281)


class Generated(NamedTuple):
    """A zone as a list, its challenge names with their texts, and the names that have something to do with it."""

    static: list[RRset]
    challenges: dict[bytes, tuple[bytes, ...]]
    names: list[bytes]


def below(labels: list[bytes], end: bytes = APEX) -> bytes:
    """Give the name of these labels in front of `end`, of as many of them, from the right, as a name has room for."""
    name = end
    for label in reversed(labels):
        if len(name) + 1 + len(label) <= MAX_NAME_OCTETS:
            name = bytes((len(label),)) + label + name
    return name


def ancestor(name: bytes, count: int) -> bytes:
    """Give the name `count` labels up, but none above the apex."""
    for _ in range(count):
        if name == APEX:
            break
        name = name[name[0] + 1 :]
    return name


def in_mixed_case(name: bytes, bits: int) -> bytes:
    """Give the name with some of its letters in upper case."""
    return bytes(
        octet - 32 if 97 <= octet <= 122 and bits >> index % 16 & 1 else octet for index, octet in enumerate(name)
    )


def rdatas(rrtype: int, number: int, targets: list[bytes]) -> tuple[bytes, ...]:
    """Give data of the type, which `number` chooses among."""
    target, other = targets[number % len(targets)], targets[(number // 7) % len(targets)]
    text = TEXTS[1 + number % 3]
    return {
        A: (bytes((192, 0, 2, number)), bytes((192, 0, 2, number // 2))),
        AAAA: (bytes(15) + bytes((number,)),),
        TXT: tuple(map(txt_rdata, text)) * (1 + number % 4),
        MX: (b"\0\x0a" + target,),
        NS: (target, other) if number % 2 else (target,),
        CNAME: (target,),
        DS: (b"\x30\x39\x0d\x02" + bytes(32),),
        UNKNOWN: (bytes(number % 20),),
        RRType.SOA: (target + other + bytes(16) + (b"\0\0\0\x3c" if number % 3 else b"\xff" * 4),),
    }[rrtype]


class Entry(NamedTuple):
    """One owner: its labels, in front of the apex or of an earlier owner, what stands there, and which data."""

    labels: list[bytes]
    in_front_of: int
    kind: tuple[int, ...]
    choice: int
    ttl: int


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.lists(LABELS, min_size=1, max_size=2),
        st.one_of(st.just(0), st.integers(0, 8)),
        st.sampled_from(KINDS),
        st.integers(0, 255),
        TTLS,
    ),
    min_size=3,
    max_size=8,
)
NAMES = st.dictionaries(CHALLENGE_LABELS, st.sampled_from(TEXTS), max_size=3)


def zone_of(entries: list[Entry], names: dict[bytes, tuple[bytes, ...]], nobody: list[bytes], number: int) -> Generated:
    """Give the zone of these owners and challenges; `nobody` may be named in the SOA, and `number` chooses its data."""
    owners: dict[bytes, Entry] = {}
    for entry in entries:
        bases = [APEX, *owners]
        owners[below(entry.labels, bases[entry.in_front_of % len(bases)])] = entry
    challenges = {below([label]): texts for label, texts in names.items()}
    around = [APEX, *owners, *challenges, below(nobody)]
    targets = [*around, b"\x02ns\x07example\x03net\0", *(in_mixed_case(name, 0x5A5A) for name in around)]
    soa = RRset(APEX, RRType.SOA, 60 * (number % 3), rdatas(RRType.SOA, number, [below(nobody), *targets]))
    static = [soa, RRset(APEX, NS, 300, rdatas(NS, number, targets))]
    for owner, entry in owners.items():
        is_odd = owner == APEX or (owner.startswith(b"\x01*") and NS in entry.kind)
        types = WITHOUT_CUT_OR_ALIAS[entry.choice % 7] if is_odd else entry.kind
        static += [RRset(owner, rrtype, entry.ttl, rdatas(rrtype, entry.choice, targets)) for rrtype in types]
    return Generated(static, challenges, around)


ZONES = st.builds(zone_of, ENTRIES, NAMES, st.lists(LABELS, min_size=1, max_size=3), st.integers(0, 255))
"""Zones without what `check_zone` refuses, but for data that a delegation hides and servers without addresses."""


def qnames(zone: Generated) -> st.SearchStrategy[bytes]:
    """Names in the zone: its own, those above, below and beside them, and any others."""
    known, upwards = st.sampled_from(zone.names), st.integers(1, 3)
    return st.one_of(
        known,
        known,
        st.builds(ancestor, known, upwards),
        st.builds(below, st.lists(LABELS, min_size=1, max_size=2), known),
        st.builds(lambda name, label, count: below([label], ancestor(name, count)), known, LABELS, upwards),
        st.lists(LABELS, max_size=4).map(below),
    )


OPTS = st.one_of(
    st.none(),
    st.builds(
        opt,
        st.sampled_from([0, 512, 700, 1232, 65535]),
        flags=st.sampled_from([0, 0x8000]),
        options=st.sampled_from([b"", b"", option(3), option(12, b"\0" * 7), option(10, b"12345678")]),
    ),
)


def queries(zone: Generated) -> st.SearchStrategy[bytes]:
    """Queries for such names."""
    asked = st.builds(in_mixed_case, qnames(zone), st.sampled_from([0, 0, 0x5A5A, 0xFFFF]))
    return st.builds(query, asked, st.sampled_from(ASKED_TYPES).map(int), flags=st.sampled_from([0, 0x0100]), edns=OPTS)
