"""RFC 9018: server cookies that all implementations make and check alike."""

import struct
import time

import dns.rcode

from tests.conformance.subject import Subject
from tests.conformance.test_rfc7873 import CLIENT, cookies, server_cookie, with_cookie

HOUR_SECONDS = 3600
ATTEMPTS = 100


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


def test_one_secret_makes_one_cookie_at_all_servers(all_three: list[Subject]) -> None:
    """NSD, Knot and we make the same octets within the same second (RFC 9018 4, 5; dns-correctness #58)."""
    for _ in range(ATTEMPTS):
        made = [server_cookie(subject) for subject in all_three]
        if len({cookie[:8] for cookie in made}) == 1:
            break
    assert len(set(made)) == 1


def test_cookie_of_another_server_with_the_same_secret_is_valid(all_three: list[Subject]) -> None:
    """Whoever made it: Knot, which asks all others for a retry, answers to ours, and we keep theirs (dns-correctness #58)."""
    for maker in all_three:
        cookie = CLIENT + server_cookie(maker)
        for subject in all_three:
            response = subject.answer(with_cookie(cookie))
            assert dns.rcode.to_text(response.rcode()) == "NOERROR", (maker.name, subject.name)
            assert cookies(response) == [cookie], (maker.name, subject.name)
