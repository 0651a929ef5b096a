"""Names between text and octets."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns import name
from acmedns_py.dns.name import InvalidName, from_text, to_text

LABELS = st.lists(st.binary(min_size=1, max_size=20), max_size=6)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


@given(LABELS)
def test_text_and_back_is_the_folded_name(labels):
    """Every name survives its presentation form, its letters folded."""
    assert from_text(to_text(wire(labels))) == wire(labels).lower()


@given(LABELS)
def test_presentation_form_is_read_alike_by_dnspython(labels):
    """Another implementation reads our presentation form as the same name."""
    assert dns.name.from_text(to_text(wire(labels))).to_wire() == wire(labels)


@given(LABELS)
def test_presentation_form_of_dnspython_is_read_alike(labels):
    """We read another implementation's presentation form as the same name."""
    assert from_text(dns.name.Name([*labels, b""]).to_text()) == wire(labels).lower()


@given(st.one_of(st.text(max_size=80), st.text(alphabet='a.\\\\0129@ "\u00fc', max_size=300)))
def test_any_text_is_a_name_or_refused(text):
    """What is taken is a name that keeps every limit, and its own text is read as the same."""
    try:
        octets = name.absolute(text, name.ROOT)
    except InvalidName as error:
        assert str(error)
        return
    assert dns.name.from_wire(octets, 0) == (dns.name.from_text(to_text(octets)), len(octets))
    assert from_text(to_text(octets)) == name.folded(octets)


FEW = st.lists(st.sampled_from([b"a", b"b", b"\x01a", b"a\x01b", b"\0"]), max_size=4)


@given(FEW, FEW)
def test_is_subdomain_is_that_the_labels_end_alike(below, above):
    """Whatever octets the labels hold (dns-correctness #11)."""
    expected = below[len(below) - len(above) :] == above and len(below) >= len(above)
    assert name.is_subdomain(wire(below), wire(above)) is expected


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("example.org", b"\x07example\x03org\0"),
        ("Example.ORG.", b"\x07example\x03org\0"),
        (".", b"\0"),
        (r"a\.b.c", b"\x03a.b\x01c\0"),
        (r"a\046b", b"\x03a.b\0"),
        (r"\000\255", b"\x02\x00\xff\0"),
        (r"\@", b"\x01@\0"),
        (r"end\.", b"\x04end.\0"),
        ("_acme-challenge.x", b"\x0f_acme-challenge\x01x\0"),
        ("a" * 63, b"\x3f" + b"a" * 63 + b"\0"),
    ],
)
def test_text_forms(text, octets):
    """Letter case, final dot and escapes all end in one form."""
    assert from_text(text) == octets


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("a..b", "two dots"),
        (".a", "dot in front"),
        ("..", "two dots"),
        ("a" * 64, "64 octets"),
        (".".join(["a" * 63] * 4), "257 octets"),
        ("b\u00fccher.example", "A-label"),
        ("a b", "blank"),
        ("a\tb", "blank"),
        ("a\\", "backslash"),
        (r"a\25", "three digits"),
        (r"a\256", "up to 255"),
        ("a\\\u0661\u0661\u0661", "three digits"),
        ("a\\\u00fc", "backslash"),
    ],
)
def test_texts_that_are_no_names(text, reason):
    """What can't be a name is refused with the reason."""
    with pytest.raises(InvalidName, match=reason):
        from_text(text)


def test_longest_name_is_255_octets():
    """The limit counts the length octets and the final zero (RFC 1035 2.3.4)."""
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(from_text(longest)) == 255
    with pytest.raises(InvalidName, match="256 octets"):
        from_text(longest + "b")


def test_only_ascii_letters_fold():
    """Other octets, neighbours of the letters too, stay as they are (RFC 4343)."""
    every = bytes(range(256))
    assert name.folded(every) == every.replace(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


def test_relative_name_is_completed_by_the_origin():
    """Only a final dot keeps the origin away; `@` is the origin."""
    origin = from_text("example.org")
    assert name.absolute("www", origin) == b"\x03www\x07example\x03org\0"
    assert name.absolute("WWW.", origin) == b"\x03WWW\0"
    assert name.absolute("@", origin) == origin


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ("example.org", "example.org", True),
        ("a.example.org", "example.org", True),
        ("b.a.example.org", "example.org", True),
        ("xexample.org", "example.org", False),
        ("org", "example.org", False),
        ("example.com", "example.org", False),
        ("anything", ".", True),
    ],
)
def test_is_subdomain_goes_by_labels(below, above, expected):
    """A name is below another only where a label begins."""
    assert name.is_subdomain(from_text(below), from_text(above)) is expected


def test_octets_of_the_apex_inside_a_label_are_no_subdomain():
    """A label that ends in the octets of the apex is not below it."""
    apex = from_text("b.c")
    assert not name.is_subdomain(b"\x05a\x01b\x01c\0", apex)


def test_parent_drops_the_first_label():
    """The root has none."""
    assert name.parent(from_text("a.b.c")) == from_text("b.c")
    assert name.parent(from_text("c")) == name.ROOT
    with pytest.raises(ValueError, match="root"):
        name.parent(name.ROOT)
