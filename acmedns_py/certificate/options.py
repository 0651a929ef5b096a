"""What the operator wants of the API's certificate, and how its CA is reached."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KeyType = Literal["p256", "p384", "rsa2048"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the certificate is to be: for which host names (folded, no final dot), with which key, of which profile."""

    names: tuple[str, ...]
    key_type: KeyType
    profile: str
    directory: str
    """URL of the CA's directory (RFC 8555 7.1.1)."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the CA is reached and what it is told of us; `eab_hmac_key` in URL-safe base64 (RFC 8555 7.3.4)."""

    ca_bundle: Path | None
    contact: str
    eab_key_id: str
    eab_hmac_key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Access(ca_bundle={self.ca_bundle!r}, contact={self.contact!r}, eab_key_id={self.eab_key_id!r})"
