"""Where a query came from, in the octets of the kernel's own socket address (ip(7), ipv6(7)).

    IPv4   family 2, port 2, address 4, zero 8                          16 octets
    IPv6   family 2, port 2, flow 4, address 16, scope 4                28 octets

So no text is made of an address, and none is read, for a packet that is answered by one look-up. The family is left to
whoever talks to the kernel: the length tells the two apart.
"""

import struct

_V4 = struct.Struct("!2xH4s8x")
_V6 = struct.Struct("!2xH4x16s4x")
_V4_OCTETS = 16
_V4_ADDRESS_OCTETS = 4
_V6_NETWORK_OCTETS = 7
_MAPPED = bytes(10) + b"\xff\xff"

NO_PORT = b"\0\0"
"""What `source[2:4]` is where no answer can go (dns-correctness #73)."""


def packed(address: bytes, port: int) -> bytes:
    """Give the source for an address of 4 or 16 octets and a port; family, flow and scope are left zero."""
    return (_V4 if len(address) == 4 else _V6).pack(port, address)


def address(source: bytes) -> bytes:
    """Give the 4 or 16 octets of the address; an IPv4 address in IPv6 form counts as IPv4 (RFC 4291 2.5.5.2)."""
    if len(source) == _V4_OCTETS:
        return source[4:8]
    return source[20:24] if source.startswith(_MAPPED, 8) else source[8:24]


def client(source: bytes) -> bytes:
    """Give what tells one client from others: an IPv4 address, or the /56 that one party of IPv6 usually has all of."""
    whole = address(source)
    return whole if len(whole) == _V4_ADDRESS_OCTETS else whole[:_V6_NETWORK_OCTETS]


def site(source: bytes) -> bytes:
    """Give the part of the address that tells one site from others: /24 of IPv4, /48 of IPv6; 3 or 6 octets."""
    whole = address(source)
    return whole[:3] if len(whole) == _V4_ADDRESS_OCTETS else whole[:6]


def network(source: bytes) -> bytes:
    """Give the part of the address that whoever can forge one usually can forge all of: /24 of IPv4, /56 of IPv6."""
    if len(source) == _V4_OCTETS:
        return source[4:7]
    return source[20:23] if source.startswith(_MAPPED, 8) else source[8:15]
