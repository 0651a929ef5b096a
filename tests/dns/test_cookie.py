"""DNS cookies by the vectors of RFC 9018, and where their time ends."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.dns.cookie import Cookies, is_malformed

OLD, NEW, OTHER = (
    bytes.fromhex(text)
    for text in (
        "dd3bdf9344b678b185a6f5cb60fca715",
        "445536bcd2513298075a5d379663c962",
        "e5e973e5a6b2a43f48e7dc849e37bfcf",
    )
)
CLIENT = b"12345678"
ADDRESS = ip_address("198.51.100.100").packed
MADE_AT = 1_559_731_985


@pytest.mark.parametrize(
    ("secrets", "address", "unix", "cookie", "valid", "reply"),
    [
        pytest.param(
            (OTHER,),
            "198.51.100.100",
            MADE_AT,
            "2464c4abcf10c957",
            False,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            id="A.1 learning",
        ),
        pytest.param(
            (OTHER,),
            "198.51.100.100",
            1_559_734_385,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            True,
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
            id="A.2 renewing",
        ),
        pytest.param(
            (OTHER,),
            "203.0.113.203",
            1_559_728_000,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            True,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            id="A.3 reserved octets, while it is fresh",
        ),
        pytest.param(
            (OTHER,),
            "203.0.113.203",
            1_559_734_700,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            False,
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
            id="A.3 reserved octets, too old",
        ),
        pytest.param(
            (NEW, OLD),
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1_559_741_961,
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            True,
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
            id="A.4 an old secret over IPv6",
        ),
    ],
)
def test_vectors_of_the_standard(secrets, address, unix, cookie, valid, reply):
    """Each appendix of RFC 9018, to the letter (dns-correctness #58)."""
    judged = Cookies(secrets).judged(bytes.fromhex(cookie), ip_address(address).packed, unix)
    assert (judged.valid, judged.reply.hex()) == (valid, reply)


@pytest.mark.parametrize(
    ("later", "valid", "kept"),
    [
        (0, True, True),
        (1799, True, True),
        (1800, True, False),
        (3600, True, False),
        (3601, False, False),
        (-1, True, True),
        (-300, True, True),
        (-301, False, False),
    ],
)
def test_age_decides(later, valid, kept):
    """Half an hour as it is, then renewed, an hour at the most; five minutes ahead (RFC 9018 4.3; dns-correctness #57)."""
    cookies = Cookies((NEW,))
    cookie = cookies.judged(CLIENT, ADDRESS, MADE_AT).reply
    judged = cookies.judged(cookie, ADDRESS, MADE_AT + later)
    assert (judged.valid, judged.reply == cookie) == (valid, kept)


def test_time_goes_on_beyond_32_bits():
    """Ages are counted as serial numbers, so that nothing breaks in 2106 (RFC 1982)."""
    cookies = Cookies((NEW,))
    cookie = cookies.judged(CLIENT, ADDRESS, 2**32 - 10).reply
    assert cookies.judged(cookie, ADDRESS, 2**32 + 10).valid


@given(st.integers(0, 23), st.integers(1, 255))
def test_a_changed_octet_proves_nothing(position, difference):
    """Wherever it stands, the client's part included."""
    cookies = Cookies((NEW,))
    cookie = bytearray(cookies.judged(CLIENT, ADDRESS, MADE_AT).reply)
    cookie[position] ^= difference
    judged = cookies.judged(bytes(cookie), ADDRESS, MADE_AT)
    assert not judged.valid
    assert judged.reply[:8] == cookie[:8]


def test_a_cookie_is_worth_nothing_elsewhere():
    """Neither from another address nor to a server with other secrets."""
    cookie = Cookies((NEW,)).judged(CLIENT, ADDRESS, MADE_AT).reply
    assert not Cookies((NEW,)).judged(cookie, ip_address("198.51.100.101").packed, MADE_AT).valid
    assert not Cookies((OLD,)).judged(cookie, ADDRESS, MADE_AT).valid


def test_lengths_that_can_be_cookies():
    """8 octets, or 16 to 40 (RFC 7873 4; dns-correctness #57)."""
    assert [length for length in range(60) if not is_malformed(bytes(length))] == [8, *range(16, 41)]


@given(st.binary(min_size=16, max_size=40), st.binary(min_size=4, max_size=16), st.integers(0, 2**40))
def test_any_octets_are_judged(cookie, address, unix):
    """What nobody made is never valid and gets a cookie of its own."""
    judged = Cookies((NEW, OLD)).judged(cookie, address, unix)
    assert (judged.valid, judged.reply[:8], len(judged.reply)) == (False, cookie[:8], 24)
