"""Allow-lists: every row was put to Go's net.ParseCIDR and IPNet.Contains, which acme-dns uses."""

from ipaddress import ip_address

import pytest

from acmedns_py.accounts.allow_from import MOST_CHARACTERS, MOST_ENTRIES, canonical_entries, permits
from acmedns_py.errors import BadInput

INSIDE = [
    ("192.0.2.0/24", "192.0.2.200", True),
    ("192.0.2.77/24", "192.0.2.1", True),
    ("192.0.2.77/32", "192.0.2.78", False),
    ("0.0.0.0/0", "203.0.113.9", True),
    ("192.0.2.0/024", "192.0.2.9", True),
    ("2001:db8::1/32", "2001:db8:ffff::", True),
    ("2001:db8::/32", "2001:db9::", False),
    ("[2001:db8::1]/64", "2001:db8::2", True),
    ("[::1]/128", "::1", True),
    ("[192.0.2.1]/32", "192.0.2.1", True),
    ("::/0", "2001:db8::1", True),
    ("::/0", "192.0.2.1", False),
    ("0.0.0.0/0", "2001:db8::1", False),
    ("::ffff:192.0.2.0/120", "192.0.2.9", True),
    ("::ffff:192.0.2.0/96", "203.0.113.9", True),
    ("::ffff:192.0.2.0/95", "203.0.113.9", False),
    ("64:ff9b::192.0.2.1/96", "64:ff9b::1", True),
]

WRONG = [
    "",
    "invalid",
    "192.0.2.1",
    "2001:db8::1",
    "192.0.2.1/33",
    "192.0.2/24",
    "192.0.2.1.1/24",
    "192.0.02.1/24",
    "256.0.0.1/8",
    "192.0.2.0/-1",
    "192.0.2.0/+8",
    "192.0.2.0/ 8",
    "192.0.2.0/8/8",
    "192.0.2.0/",
    "192.0.2.0/255.255.255.0",
    "192.0.2.0/2²",
    "::1/129",
    "12345:db8::1/32",
    "1234::123::1/32",
    "1::2:3:4:5:6:7:8/64",
    "fe80::1%eth0/64",
    "::ffff:192.0.2/120",
    "192.0.2.0/" + "1" * 5000,
    "\ud800/8",
    "192.0.2.0\0/8",
]


@pytest.mark.parametrize(("entry", "source", "expected"), INSIDE)
def test_entry_contains_what_go_says(entry, source, expected):
    """Host bits, brackets, leading zeros of the mask and IPv4 inside IPv6 are read as acme-dns reads them."""
    assert permits(canonical_entries([entry]), ip_address(source)) is expected


@pytest.mark.parametrize("entry", WRONG)
def test_wrong_entry_is_refused_with_acme_dns_word(entry):
    """One wrong entry among good ones is enough."""
    with pytest.raises(BadInput) as refused:
        canonical_entries(["192.0.2.0/24", entry])
    assert refused.value.word == "invalid_allowfrom_cidr"


def test_entries_are_trimmed_and_lose_their_brackets():
    """Lego splits its list at commas and leaves the blanks (clients #3); acme-dns answers without brackets."""
    assert canonical_entries([" 198.51.100.0/24", "[::1]/64\n"]) == ("198.51.100.0/24", "::1/64")


def test_empty_list_permits_everyone():
    """Also a source that is not known."""
    assert permits((), ip_address("192.0.2.1"))
    assert permits((), None)


def test_unknown_source_is_in_no_list():
    """A proxy that does not name the client opens nothing."""
    assert not permits(("0.0.0.0/0", "::/0"), None)


def test_any_entry_suffices():
    """The list is an OR, across families."""
    entries = canonical_entries(["192.0.2.0/24", "2001:db8::/32"])
    assert permits(entries, ip_address("2001:db8::9"))
    assert permits(entries, ip_address("192.0.2.9"))


@pytest.mark.parametrize(
    "entries", [["192.0.2.0/24"] * (MOST_ENTRIES + 1), ["192.0.2.0/" + "0" * MOST_CHARACTERS + "24"]]
)
def test_a_list_and_its_entries_have_an_end(entries):
    """What is kept must fit into a line of a backup."""
    with pytest.raises(BadInput):
        canonical_entries(entries)
    assert canonical_entries(["192.0.2.0/24"] * MOST_ENTRIES)
