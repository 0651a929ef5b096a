"""Whose address a request comes from, with and without a proxy in front."""

from ipaddress import ip_address, ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from acmedns_py.api.client import ForwardedBy, address, client_address

PROXIES = ForwardedBy("X-Forwarded-For", (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")))


class Transport:
    """Where a connection comes from."""

    def __init__(self, peer):
        self.peer = peer

    def get_extra_info(self, name, default=None):
        return self.peer if name == "peername" else default


def asked(peer, *forwarded, header="X-Forwarded-For"):
    """A request over a connection from `peer` with these header fields."""
    return make_mocked_request(
        "GET", "/", headers=CIMultiDict([(header, field) for field in forwarded]), transport=Transport(peer)
    )


CASES = [
    ("192.0.2.1", ["203.0.113.7"], "192.0.2.1"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", [""], "10.0.0.1"),
    ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
    ("10.0.0.1", ["192.0.2.66, 203.0.113.7"], "203.0.113.7"),
    ("10.0.0.1", ["192.0.2.66", "203.0.113.7"], "203.0.113.7"),
    ("10.0.0.1", ["192.0.2.66, 203.0.113.7 , 10.0.0.2,10.1.1.1"], "203.0.113.7"),
    ("10.0.0.1", ["203.0.113.7, 2001:db8:1::5"], "203.0.113.7"),
    ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ("10.0.0.1", ["203.0.113.7, unknown"], None),
    ("10.0.0.1", ["unknown, 203.0.113.7"], "203.0.113.7"),
    ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
    ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
    ("10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
    ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
    ("2001:db8:1::1", ["203.0.113.7"], "203.0.113.7"),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), CASES)
def test_rightmost_address_that_is_no_proxy_is_the_client(peer, forwarded, expected):
    """A header is believed only from our own proxies, and only up to the first hop that is not ours."""
    found = client_address(asked((peer, 1234), *forwarded), PROXIES)
    assert found == (None if expected is None else ip_address(expected))


def test_header_name_is_the_configured_one_without_case():
    """Another header of that kind is no proxy's word."""
    proxies = ForwardedBy("X-Real-IP", PROXIES.trusted_proxies)
    assert str(client_address(asked(("10.0.0.1", 1), "203.0.113.7", header="x-real-ip"), proxies)) == "203.0.113.7"
    assert str(client_address(asked(("10.0.0.1", 1), "203.0.113.7"), proxies)) == "10.0.0.1"


def test_without_proxies_the_header_is_never_read():
    """The connection's address is the client's."""
    assert str(client_address(asked(("192.0.2.1", 1), "203.0.113.7"), None)) == "192.0.2.1"


def test_connection_without_address_has_no_client():
    """A UNIX socket, or one that is closed already."""
    assert client_address(asked(None, "203.0.113.7"), PROXIES) is None
    assert client_address(asked("", "203.0.113.7"), None) is None


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3", "1.2.3.4.5", ":", "[", "[]", "::g", "1.2.3.4:5:6", "\ud800", "1" * 5000]
)
def test_what_is_no_address_is_none(text):
    """Never an exception, whatever a header holds."""
    assert address(text) is None


def test_zone_of_a_link_local_peer_is_dropped():
    """It names an interface of ours and is in no list."""
    assert address("fe80::1%eth0") == ip_address("fe80::1")
