"""Bodies: every row was put to Go's encoding/json, into the struct that acme-dns reads into."""

import json

import pytest

from acmedns_py.accounts.register import Wish
from acmedns_py.accounts.update import Change
from acmedns_py.api.bodies import wished_account, wished_change
from acmedns_py.errors import BadInput

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"

REGISTER = [
    (b"", []),
    (b"null", []),
    (b"null\n", []),
    (b"{}", []),
    (b" \t\r\n{}\r\n", []),
    (b'{"allowfrom":null}', []),
    (b'{"allowfrom":[]}', []),
    (b'{"allowfrom":["192.0.2.0/24"]}', ["192.0.2.0/24"]),
    (b'{"AllowFrom":["192.0.2.0/24"]}', ["192.0.2.0/24"]),
    (b'{"ALLOWFROM":["a"],"allowfrom":["b"]}', ["b"]),
    (b'{"allowfrom":["a"],"AllowFrom":["b"],"allowFrom":null}', []),
    (b'{"allowfrom":[null]}', [""]),
    (b'{"allowfrom":["\\u0031"]}', ["1"]),
    (b'{"unknown":{"allowfrom":["a"]},"n":1.5e300,"t":true}', []),
    (b'{"subdomain":"x","txt":"y","password":"z","username":null}', []),
    (b'{"username":"%s"}' % UUID.encode(), []),
    (b'{"pa\xc3\x9fword":5}', []),
    (b'{"x":"\xff\xfe"}', []),
    (b'{"x":"\\ud800"}', []),
    (b'{"x":"\\u0000"}', []),
    (b'{"n":%s}' % (b"9" * 6000), []),
]

MALFORMED = [
    b" ",
    b"[]",
    b'"text"',
    b"5",
    b"true",
    b'{"allowfrom":"192.0.2.0/24"}',
    b'{"allowfrom":{}}',
    b'{"allowfrom":5}',
    b'{"allowfrom":[5]}',
    b'{"allowfrom":[["a"]]}',
    b'{"allowfrom":["a"',
    b"{\"allowfrom': '1.1.1.1/32'}",
    b"{allowfrom: []}",
    b"{} {}",
    b"{}x",
    b"{}\x00",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"\xa0{}",
    b'{"a":1,}',
    b'{"a":01}',
    b'{"a":1.}',
    b'{"a":NaN}',
    b'{"a":-Infinity}',
    b'{"a":"\x01"}',
    b'{"a":"\\x41"}',
    b'{"password":5}',
    b'{"subdomain":[]}',
    b'{"txt":{}}',
    b'{"username":"me"}',
    b'{"username":5}',
    b"[" * 10_000,
    b"[" * 8_000 + b"]" * 8_000,
    b'{"a":' * 3_000,
]


@pytest.mark.parametrize(("body", "expected"), REGISTER)
def test_register_body_is_read_as_acme_dns_reads_it(body, expected):
    """Nothing, null and an object without a list are no wishes; the later of two keys wins."""
    assert wished_account(body).allow_from == tuple(expected)


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"", None),
        (b"{}", None),
        (b'{"subdomain":null}', None),
        (b'{"subdomain":""}', ""),
        (b'{"subdomain":"web-1"}', "web-1"),
        (b'{"SubDomain":"Web-1","allowfrom":[]}', "Web-1"),
        (b'{"subdomain":"a","SUBDOMAIN":"b"}', "b"),
        (b'{"subdomain":"a","Subdomain":null}', "a"),
        (b'{"sub_domain":"a","inner":{"subdomain":"b"}}', None),
    ],
)
def test_label_that_is_wished_for_is_read_like_any_other_key(body, label):
    """Without regard to case, the later wins, null leaves it as it was."""
    assert wished_account(body) == Wish((), label)


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_register_body_has_acme_dns_word(body):
    """A wrong type, more than one value, what is no JSON, what is nested too deep."""
    with pytest.raises(BadInput) as refused:
        wished_account(body)
    assert refused.value.word == "malformed_json_payload"


UPDATE = [
    (b'{"subdomain":"s","txt":"t"}', "s", "t"),
    (b'{"SubDomain":"s","Txt":"t"}', "s", "t"),
    (b'{"SUBDOMAIN":"s","TXT":"t"}', "s", "t"),
    ('{"ſubdomain":"s","txt":"t"}'.encode(), "s", "t"),
    (b'{\r\n  "subdomain" : "s",\r\n  "txt" : "t"\r\n}\r\n', "s", "t"),
    (b'{"subdomain":"a","SubDomain":"s","txt":"b","Txt":"t"}', "s", "t"),
    (b'{"SubDomain":"a","txt":"b","subdomain":"s","tXt":"t"}', "s", "t"),
    (b'{"subdomain":"s","txt":"t","fulldomain":{"txt":"x"},"allowfrom":5}', "s", "t"),
    (b'{"subdomain":"s","txt":"t"} trailing', "s", "t"),
    (b'{"subdomain":"s","txt":"t"}{"subdomain":"x"}', "s", "t"),
    (b'{"subdomain":"s","txt":"t","txt":5}', "s", "t"),
    (b'{"subdomain":"s","txt":"t","txt":null}', "s", "t"),
    (b'{"subdomain":"s","subdomain":5,"txt":"t"}', "s", "t"),
    (b'{"subdomain":"s"}', "s", None),
    (b'{"subdomain":"s","txt":1234567890}', "s", None),
    (b'{"subdomain":"s","txt":null}', "s", None),
    (b'{"subdomain":"s","txt":["t"]}', "s", None),
    (b'{"subdomain":"s","txt":""}', "s", ""),
    (b'{"subdomain":"s","txt":"t","txt":""}', "s", ""),
    (b'{"subdomain":"s","txt":"","txt":"t"}', "s", "t"),
    (b'{"subdomain":5,"txt":"t"}', "", "t"),
    (b'{"txt":"t"}', "", "t"),
    (b"{}", "", None),
    (b"null", "", None),
    (b"[]", "", None),
    (b'"s"', "", None),
]

UNREADABLE = [b"", b" ", b"{", b"{,}", b"\xef\xbb\xbf{}", b"txt=t", b'{"subdomain":"s","txt":"t"', b"[" * 10_000, b"\0"]


@pytest.mark.parametrize(("body", "label", "value"), UPDATE)
def test_update_body_is_read_as_acme_dns_reads_it(body, label, value):
    """Keys without case, the later wins, wrong types count as absent, what follows the first value is not read."""
    assert wished_change(body, remove=False) == Change(label, value)


@pytest.mark.parametrize("body", UNREADABLE)
def test_unreadable_update_body_has_no_label(body):
    """The rules make that a 401, as acme-dns."""
    assert wished_change(body, remove=True) == Change(None, None, remove=True)


@pytest.mark.parametrize("last", ["null", "5", "[]", "false"])
def test_only_an_explicit_empty_text_clears(last):
    """An empty text that something else follows is no order to clear, unlike a value, which stands as in Go."""
    assert wished_change(b'{"subdomain":"s","txt":"","Txt":%s}' % last.encode(), remove=False) == Change("s", None)


def test_any_text_in_a_body_is_no_failure():
    """Lone surrogates, NUL and every plane of Unicode pass as text."""
    text = "\ud800\0\U0001f600ſK"
    body = json.dumps({"subdomain": text, "txt": text, text: text}).encode()
    assert wished_change(body, remove=False) == Change(text, text)
