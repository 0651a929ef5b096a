"""Binding: every address whole or not at all, and a clear word about who stands in the way."""

import ipaddress
import os
import socket
from types import SimpleNamespace

import psutil
import pytest

from acmedns_py.errors import ConfigError, ListenError
from acmedns_py.service.sockets import Address, api_addresses, bind_dns, bind_http, dns_addresses, global_addresses
from tests.server import free_port

LOOPBACK = ipaddress.ip_address("127.0.0.1")


def test_ports_and_repeats_of_dns_addresses():
    """An address without a port gets the default one, and the same address twice is one."""
    found = dns_addresses(["127.0.0.1", "[::1]:5353", "127.0.0.1:53"], port=53, protocol="both")
    assert [str(address) for address in found] == ["127.0.0.1:53", "[::1]:5353"]


@pytest.mark.parametrize(("protocol", "left"), [("udp4", "127.0.0.1:53"), ("both6", "[::1]:53")])
def test_a_protocol_of_one_family_leaves_the_other_out(protocol, left):
    """acme-dns's words for families are obeyed."""
    assert [str(address) for address in dns_addresses(["127.0.0.1", "::1"], port=53, protocol=protocol)] == [left]


def test_the_wildcards_of_both_families_mean_ipv4_on_a_host_without_ipv6(monkeypatch):
    """Docker's default network has no IPv6; "::" alone stays, so that the one who wrote it is told."""
    interface = SimpleNamespace(family=socket.AF_INET, address="127.0.0.1")
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"lo": [interface]})
    both = dns_addresses(["0.0.0.0", "::"], port=53, protocol="both")
    assert [str(address) for address in both] == ["0.0.0.0:53"]
    assert [str(address) for address in api_addresses(["0.0.0.0:80", "[::]:80"])] == ["0.0.0.0:80"]
    assert [str(address) for address in dns_addresses(["::"], port=53, protocol="both")] == ["[::]:53"]


def test_auto_means_the_addresses_that_others_can_reach():
    """Loopback, where systemd-resolved sits, is not among them."""
    assert all(not address.is_loopback for address in global_addresses())


def test_a_protocol_without_addresses_is_refused():
    """udp6 over a v4 address leaves nothing to serve."""
    with pytest.raises(ConfigError, match="udp6"):
        dns_addresses(["127.0.0.1"], port=53, protocol="udp6")


def test_each_worker_gets_its_own_pair_of_sockets():
    """Two workers, UDP and TCP: four sockets on one port."""
    address = Address(LOOPBACK, free_port())
    bound = bind_dns([address], protocol="both", workers=2)
    try:
        assert sorted((s.worker, s.tcp) for s in bound) == [(0, False), (0, True), (1, False), (1, True)]
        assert {s.sock.getsockname() for s in bound} == {address.sockaddr}
    finally:
        for s in bound:
            s.sock.close()


@pytest.mark.parametrize("tcp", [False, True])
def test_a_taken_port_is_said_with_its_holder(tcp):
    """The line names address, transport, program and cure."""
    address = Address(LOOPBACK, free_port())
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as holder:
        holder.bind(address.sockaddr)
        if tcp:
            holder.listen()
        with pytest.raises(ListenError) as refused:
            bind_dns([address], protocol="both", workers=2)
    text = str(refused.value)
    assert str(address) in text
    assert ("TCP" if tcp else "UDP") in text
    assert f"pid {os.getpid()}" in text


def test_another_copy_of_us_is_found():
    """SO_REUSEPORT would let a second server share the port in silence."""
    address = Address(LOOPBACK, free_port())
    first = bind_dns([address], protocol="both", workers=1)
    try:
        with pytest.raises(ListenError, match="taken"):
            bind_dns([address], protocol="both", workers=1)
    finally:
        for s in first:
            s.sock.close()


def test_a_failed_bind_leaves_nothing_open():
    """The first address is free again after the second was refused."""
    good, bad = Address(LOOPBACK, free_port()), Address(ipaddress.ip_address("192.0.2.1"), 5353)
    with pytest.raises(ListenError, match="no such address"):
        bind_dns([good, bad], protocol="both", workers=1)
    for s in bind_dns([good], protocol="both", workers=1):
        s.sock.close()


def test_a_taken_api_port_is_said():
    """The API's listener is explained in the same way."""
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(ListenError, match=r"API, TCP.*pid"):
        bind_http([Address(LOOPBACK, holder.getsockname()[1])], called="API")
