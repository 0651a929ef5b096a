"""TLS as a server, from a pair of PEM files: how they are loaded, and what is said where that can't be done."""

import ssl
from pathlib import Path
from typing import Final, NoReturn

from acmedns_py.errors import ConfigError
from acmedns_py.regular_file import read_regular

CERTIFICATE: Final = "api.tls_certificate"
KEY: Final = "api.tls_key"

MOST_OCTETS: Final = 16 * 1024 * 1024
"""Of a PEM file; the certificates of all public CAs are a hundredth of it."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Load `certificate` with its chain and `key`, not encrypted; raises `ConfigError` where that can't be done."""
    # Before OpenSSL opens them, which would wait for a pipe and read a device without end.
    if (unread := unreadable(CERTIFICATE, certificate) or unreadable(KEY, key)) is not None:
        raise unread
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigError(CERTIFICATE, str(certificate), _cure(error, key)) from None
    return context


def unreadable(option: str, path: Path) -> ConfigError | None:
    """Give the problem of a file that this process can't read, or that no PEM file can be, or None."""
    try:
        read_regular(path, MOST_OCTETS)
    except OSError as error:
        cure = f"{path} can't be read ({error.strerror}); name a PEM file that this process may read"
        return ConfigError(option, str(path), cure)
    return None


def unusable_bundle(option: str, path: Path) -> ConfigError | None:
    """Give the problem of a file that should hold certificates of CAs in PEM, or None."""
    unread = unreadable(option, path)
    if unread is not None:
        return unread
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):
        return ConfigError(option, str(path), "there is no certificate in it; name a PEM file with those of the CA")
    return None


def _cure(error: Exception, key: Path) -> str:
    reason = getattr(error, "reason", None) or error
    return f"with the key {key}: {reason}; name a PEM certificate with its chain, and its own unencrypted key"


def _no_password() -> NoReturn:
    # Without this, OpenSSL asks for the password on the terminal.
    raise ValueError("the key is encrypted")
