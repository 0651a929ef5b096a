"""RFC 9018: server cookies that all implementations make and check alike."""

import struct
import time

import dns.rcode

from tests.conformance.subject import Subject
from tests.conformance.test_rfc7873 import CLIENT, cookies, server_cookie, with_cookie

HOUR_SECONDS = 3600


def test_layout_of_the_server_cookie(subject: Subject) -> None:
    """Version 1, three octets of zero, the time within the hour, eight octets of hash (RFC 9018 4; dns-correctness #58)."""
    version, reserved, made, _ = struct.unpack("!B3sI8s", server_cookie(subject))
    assert (version, reserved) == (1, bytes(3))
    # Serial arithmetic of 32 bits (RFC 9018 4.3), which needs no care before 2106.
    assert abs(int(time.time()) - made) < HOUR_SECONDS


def test_changed_octet_makes_a_cookie_wrong(subject: Subject) -> None:
    """Time and hash are both under the hash, so that none of them can be made up (RFC 9018 4.4; dns-correctness #57, #58)."""
    server = server_cookie(subject)
    for position in (4, 7, 8, 15):
        forged = bytearray(server)
        forged[position] ^= 1
        response = subject.answer(with_cookie(CLIENT + bytes(forged)))
        (cookie,) = cookies(response)
        assert cookie[8:] != bytes(forged)
        assert dns.rcode.to_text(response.rcode()) in {"NOERROR", "BADCOOKIE"}
