"""Secrets that a token's holder keeps here: sealed with a key that only the text of the token gives.

The server stores the digest of a token and not the token, so that from the database alone no seal can be opened; while
a request shows the token, what is its own can be. The key is HKDF-SHA256 (RFC 5869) of the text, which has 256 random
bits; the seal is ChaCha20-Poly1305 (RFC 8439) with a random nonce in front, over the secret and what it is bound to.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from acmedns_py.errors import StoreUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

NONCE_OCTETS = 12

_KEY_OCTETS = 32
_PURPOSE = b"acmedns-py: accounts that the token's holder has stored"


def sealed(secret: bytes, *, token: str, bound_to: bytes) -> bytes:
    """Seal a secret for the holder of `token`; it opens only with the same `bound_to`."""
    nonce = secrets.token_bytes(NONCE_OCTETS)
    return nonce + _cipher(token).encrypt(nonce, secret, bound_to)


def opened(octets: bytes, *, token: str, bound_to: bytes) -> bytes:
    """Give the secret; raises `StoreUnavailable` where the octets are not what was sealed with both."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as below

    try:
        return _cipher(token).decrypt(octets[:NONCE_OCTETS], octets[NONCE_OCTETS:], bound_to)
    except (InvalidTag, ValueError):
        raise StoreUnavailable("a stored account is not as it was sealed; have its client store it again") from None


def _cipher(token: str) -> ChaCha20Poly1305:
    # Most servers keep nothing sealed, and need not load a library of 10 MB at their start.
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return ChaCha20Poly1305(HKDF(SHA256(), _KEY_OCTETS, salt=None, info=_PURPOSE).derive(token.encode()))
