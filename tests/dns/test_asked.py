"""Notes of who asked for challenge names: which questions make one, on both paths, and how many there may be."""

from ipaddress import ip_address

import pytest

from acmedns_py.dns.asked import MOST_NOTES
from acmedns_py.dns.name import from_text
from acmedns_py.dns.source import packed, site
from tests.dns.example import EMPTY, NOW, SOURCE, TWO, Z, ask, responder
from tests.dns.packets import query

RD, Z_BIT = 0x0100, 0x0040
"""The second is a flag that the fast path does not take."""


def notes(door):
    taken, missed = door.asked.taken()
    assert missed == 0
    return taken


@pytest.mark.parametrize("other", [0, Z_BIT])
@pytest.mark.parametrize("rd", [0, RD])
@pytest.mark.parametrize(("label", "valued"), [(TWO, True), (EMPTY, False)])
def test_a_txt_question_for_a_challenge_name_is_noted(label, valued, rd, other):
    """With its folded name, source, RD, time and whether there was a value; once, and taken once."""
    door = responder()
    ask(door, query(f"{label.upper()}.{Z}", "TXT", flags=rd | other))
    assert notes(door) == [(from_text(f"{label}.{Z}"), SOURCE, bool(rd), NOW, valued)]
    assert notes(door) == []


@pytest.mark.parametrize("flags", [0, Z_BIT])
@pytest.mark.parametrize(
    ("qname", "qtype"), [(f"{TWO}.{Z}", "A"), (f"nobody.{Z}", "TXT"), (Z, "TXT"), (f"a.{TWO}.{Z}", "TXT")]
)
def test_no_other_question_is_noted(qname, qtype, flags):
    """Strangers can ask for names without end; other types are none that a CA asks for."""
    door = responder()
    ask(door, query(qname, qtype, flags=flags))
    assert notes(door) == []


def test_what_is_beyond_the_bound_is_counted():
    """And the next notes have all the room again."""
    door = responder()
    for _ in range(MOST_NOTES + 3):
        ask(door, query(f"{TWO}.{Z}"))
    taken, missed = door.asked.taken()
    assert (len(taken), missed) == (MOST_NOTES, 3)
    ask(door, query(f"{TWO}.{Z}"))
    assert len(notes(door)) == 1


@pytest.mark.parametrize(
    ("address", "octets"),
    [
        ("192.0.2.77", b"\xc0\0\2"),
        ("::ffff:192.0.2.77", b"\xc0\0\2"),
        ("2001:db8:1:2::3", b"\x20\1\x0d\xb8\0\1"),
    ],
)
def test_a_site_is_a_24_or_a_48(address, octets):
    """An IPv4 address in IPv6 form is an IPv4 address."""
    assert site(packed(ip_address(address).packed, 5300)) == octets
