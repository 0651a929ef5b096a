"""The secret in an `Authorization` header, as clients write it: Bearer, or the password of Basic.

Clients that only take a base URL send `https://user:TOKEN@host` as Basic. Certify encodes it URL-safe and without
padding, simple-acme sends the bare word `Basic` where it has none (clients #9); so what can't be read is no secret,
never an error.
"""

import base64
import binascii

_TO_STANDARD = str.maketrans("-_", "+/")


def secret(header: str) -> str:
    """The token of Bearer (RFC 6750 2.1) or the password of Basic (RFC 7617 2); empty where there is neither."""
    scheme, _, rest = header.strip(" \t").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip(" \t")
        case "basic":
            return _password(rest.strip(" \t"))
        case _:
            return ""


def _password(encoded: str) -> str:
    text = encoded.translate(_TO_STANDARD).rstrip("=")
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    # A token is ASCII; whatever else a password holds, it is none.
    return octets.partition(b":")[2].decode("latin-1")
