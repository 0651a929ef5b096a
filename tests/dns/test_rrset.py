"""RRsets and the cutting of texts into strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.rrset import RRset, merged, txt_rdata


def test_rrset_has_no_duplicates():
    """Equal records are one, in the order of first appearance (dns-correctness #20)."""
    assert RRset(b"\0", 16, 1, (b"\1b", b"\1a", b"\1b")).rdatas == (b"\1b", b"\1a")


@pytest.mark.parametrize(("size", "strings"), [(0, 1), (1, 1), (255, 1), (256, 2), (510, 2), (511, 3)])
def test_text_is_cut_at_255(size, strings):
    """Each string is as long as can be, and no text is one empty string (dns-correctness #32)."""
    rdata = txt_rdata(b"x" * size)
    assert len(rdata) == size + strings
    assert rdata[0] == min(size, 255)


@given(st.binary(max_size=1000))
def test_joined_strings_are_the_text(value):
    """Nothing is lost or added by the cut."""
    rdata, joined = txt_rdata(value), b""
    while rdata:
        joined, rdata = joined + rdata[1 : 1 + rdata[0]], rdata[1 + rdata[0] :]
    assert joined == value


def test_merged_joins_by_owner_and_type_under_the_lowest_ttl():
    """One RRset for each owner and type (RFC 2181 5.2)."""
    sets = [RRset(b"\0", 1, 9, (b"a",)), RRset(b"\0", 28, 9, (b"b",)), RRset(b"\0", 1, 5, (b"c", b"a"))]
    assert merged(sets) == [RRset(b"\0", 1, 5, (b"a", b"c")), RRset(b"\0", 28, 9, (b"b",))]
