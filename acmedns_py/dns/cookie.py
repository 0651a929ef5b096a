"""DNS cookies: that a client is where it says it is, without any state (RFC 7873, in the form of RFC 9018).

A server cookie is `1 0 0 0`, the time in 32 bits, and SipHash-2-4 over client cookie, these eight octets and the
client's address, keyed by a secret of 16 octets. All servers behind one name need the same secrets and the form that
the RFC fixes. Secrets are exchanged in three steps (RFC 9018 5): the new one is accepted everywhere, then it makes the
cookies everywhere, then the old one is forgotten.
"""

from collections.abc import Sequence
from hmac import compare_digest
from typing import NamedTuple

from siphash24 import siphash24

CLIENT_OCTETS = 8
SERVER_OCTETS = 16
SECRET_OCTETS = 16
VALID_SECONDS = 3600
EARLY_SECONDS = 300
RENEW_SECONDS = 1800
"""How old and how far ahead a cookie may be, and from what age on it is replaced (RFC 9018 4.3)."""

_LENGTHS = frozenset((CLIENT_OCTETS, *range(16, 41)))
_VERSION = b"\1"
_START = b"\1\0\0\0"
_TIMES = 2**32


class Judgement(NamedTuple):
    """What a COOKIE option is worth: whether it proves the client's address, and the option data to answer with."""

    valid: bool
    reply: bytes


def is_malformed(cookie: bytes) -> bool:
    """Say whether COOKIE data have a length that neither a client's nor both cookies can have (RFC 7873 4)."""
    return len(cookie) not in _LENGTHS


class Cookies:
    """Makes and judges server cookies; the first of the `secrets` makes them, all are accepted."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Take at least one secret of `SECRET_OCTETS`."""
        self.secrets = tuple(secrets)

    def judged(self, cookie: bytes, address: bytes, unix: float) -> Judgement:
        """Judge data of a COOKIE option that is not malformed, sent from `address` at `unix` seconds."""
        client, server = cookie[:CLIENT_OCTETS], cookie[CLIENT_OCTETS:]
        time = int(unix) % _TIMES
        if len(server) == SERVER_OCTETS and server[:1] == _VERSION:
            # Times are serial numbers of 32 bits (RFC 1982).
            age = (time - int.from_bytes(server[4:8], "big") + EARLY_SECONDS) % _TIMES - EARLY_SECONDS
            if age <= VALID_SECONDS:
                # The reserved octets are hashed as they came: another version of the form may use them.
                for secret in self.secrets:
                    if compare_digest(_hash(client + server[:8] + address, secret), server[8:]):
                        fresh = age >= RENEW_SECONDS or secret != self.secrets[0]
                        return Judgement(valid=True, reply=self._made(client, address, time) if fresh else cookie)
        return Judgement(valid=False, reply=self._made(client, address, time))

    def _made(self, client: bytes, address: bytes, time: int) -> bytes:
        start = _START + time.to_bytes(4, "big")
        return client + start + _hash(client + start + address, self.secrets[0])


def _hash(octets: bytes, secret: bytes) -> bytes:
    digest: bytes = siphash24(octets, key=secret).digest()
    return digest
