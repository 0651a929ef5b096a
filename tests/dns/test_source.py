"""Sources are read out of the octets that the kernel itself writes."""

import socket
from ipaddress import ip_address

import pytest

from acmedns_py.dns import source
from acmedns_py.worker.sockaddr import packed


@pytest.mark.parametrize(
    ("sockaddr", "address"),
    [
        (("192.0.2.1", 5300), "192.0.2.1"),
        (("2001:db8::1", 5300, 0, 0), "2001:db8::1"),
        (("::ffff:192.0.2.1", 5300, 0, 0), "192.0.2.1"),
        (("fe80::1%eth0", 5300, 0, 2), "fe80::1"),
    ],
)
def test_address_and_port_of_every_kind(sockaddr, address):
    """IPv4, IPv6, IPv4 in IPv6 form (dns-correctness #50), and an address with its interface."""
    found = packed(sockaddr)
    assert source.address(found) == ip_address(address).packed
    assert found[2:4] == (5300).to_bytes(2, "big")
    assert packed((sockaddr[0], 0, *sockaddr[2:]))[2:4] == source.NO_PORT


@pytest.mark.parametrize(
    ("one", "other", "same_client", "same_network"),
    [
        ("192.0.2.1", "192.0.2.1", True, True),
        ("192.0.2.1", "192.0.2.2", False, True),
        ("192.0.2.1", "192.0.3.1", False, False),
        ("::ffff:192.0.2.1", "192.0.2.1", True, True),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.1", False, False),
        ("2001:db8:1:200::1", "2001:db8:1:2ff::2", True, True),
        ("2001:db8:1:200::1", "2001:db8:1:300::1", False, False),
    ],
)
def test_who_counts_as_one_client_and_as_one_network(one, other, same_client, same_network):
    """For the limits of TCP connections (dns-correctness #55) and of equal answers (dns-correctness #72)."""
    first, second = (packed((host, 5300, 0, 0) if ":" in host else (host, 5300)) for host in (one, other))
    assert (source.client(first) == source.client(second)) is same_client
    assert (source.network(first) == source.network(second)) is same_network


def test_layout_is_the_kernels():
    """What getsockname writes into memory has port and address where they are read."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for family, host, octets in ((socket.AF_INET, "127.0.0.1", 16), (socket.AF_INET6, "::1", 28)):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
            buffer, size = ctypes.create_string_buffer(128), ctypes.c_uint32(128)
            assert libc.getsockname(sock.fileno(), buffer, ctypes.byref(size)) == 0
            raw = buffer.raw[: size.value]
            assert (len(raw), source.address(raw)) == (octets, ip_address(host).packed)
            assert raw[2:] == packed(sock.getsockname())[2:]
