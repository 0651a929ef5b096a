"""Keys and certificates in PEM: made, read, and judged by their names, their life and their key."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acmedns_py.certificate.options import KeyType
from acmedns_py.errors import Unusable
from acmedns_py.lifetime import Life

SELF_SIGNED_LIFE: Final = timedelta(days=365)

SELF_SIGNED: Final = "self-signed"
"""Stands for the directory of a CA where there was none."""

_ISSUER: Final = "acmedns, self-signed until a CA has issued"

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Certificate:
    """A private key with its certificate and chain, as one PEM text; `directory` is its CA's, or `SELF_SIGNED`."""

    pem: bytes
    directory: str
    names: frozenset[str]
    life: Life
    key_type: str
    serial: int

    @property
    def serial_text(self) -> str:
        """The serial number as people and CAs write it, in hexadecimal."""
        return f"{self.serial:x}"

    @property
    def jitter(self) -> float:
        """A number from 0 up to 1, always the same for one certificate."""
        digest = hashlib.sha256(self.serial.to_bytes(20, "big", signed=False)).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def __repr__(self) -> str:
        """Without the key."""
        return f"Certificate(names={sorted(self.names)!r}, serial={self.serial:x})"


def make_key(key_type: KeyType) -> bytes:
    """Make a private key; gives it as PKCS #8."""
    key: PrivateKey
    if key_type == "rsa2048":
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    else:
        key = ec.generate_private_key(ec.SECP384R1() if key_type == "p384" else ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_key(pem: bytes) -> PrivateKey:
    """Give the key of a PEM text; raises `Unusable` where there is none of a type that we make."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise Unusable("holds no whole private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unusable("holds a key that is neither EC nor RSA")
    return key


def read_certificate(pem: bytes, directory: str) -> Certificate:
    """Read a key with its certificate; raises `Unusable` where one lacks, is cut, or they do not fit."""
    key = read_key(pem)
    try:
        leaf = x509.load_pem_x509_certificates(pem)[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        raise Unusable("holds no whole certificate with host names in PEM") from None
    if leaf.public_key() != key.public_key():
        raise Unusable("holds a certificate that is not of its key")
    return Certificate(
        pem,
        directory,
        frozenset(text.lower() for text in names.get_values_for_type(x509.DNSName)),
        Life(leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()),
        _key_type(key),
        leaf.serial_number,
    )


def self_signed(names: Collection[str], key_type: KeyType, now: float) -> Certificate:
    """Make a certificate that no client trusts, for handshakes to work until a CA has issued one."""
    pem = make_key(key_type)
    key = read_key(pem)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])
    begin = datetime.fromtimestamp(now, UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + SELF_SIGNED_LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(text) for text in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return read_certificate(pem + made.public_bytes(serialization.Encoding.PEM), SELF_SIGNED)


def _key_type(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return f"rsa{key.key_size}"
    return {"secp256r1": "p256", "secp384r1": "p384"}.get(key.curve.name, key.curve.name)
