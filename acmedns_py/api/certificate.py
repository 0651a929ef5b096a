"""The API's certificate from files: checked before it is used, exchanged while the server runs.

Every handshake starts in one context that stays, and is moved to the context of the current certificate before
anything of it is used. So a pair of files is used whole or not at all: loading a half-written pair into a live
context would leave it with a certificate and a key that do not fit.
"""

import ssl
from contextlib import suppress
from pathlib import Path

from acmedns_py.tls import server_context

Stamp = tuple[tuple[int, int, int], ...]


class CertificateFiles:
    """A pair of PEM files: `certificate` with its chain, and `key`, not encrypted."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Load them; raises `ConfigError` where that can't be done."""
        self._certificate = certificate
        self._key = key
        self._seen = self._stamp()
        self._life: tuple[float, float] | None = None
        self._current = self._load()
        self.context = self._load()
        """What listeners are started with."""
        self.context.sni_callback = self._choose

    def changed(self) -> bool:
        """Whether the files differ from those that were last looked at; False where they can't be looked at."""
        stamp = self._stamp()
        return bool(stamp) and stamp != self._seen

    def reload(self) -> None:
        """Use what the files hold now for new handshakes; raises `ConfigError` and changes nothing where that fails."""
        self._seen = self._stamp()
        self._current = self._load()

    def life(self) -> tuple[float, float] | None:
        """From when to when the certificate in use is valid, in seconds since 1970; None where that is not known."""
        if self._life is None and self._pem:
            # Whoever does not ask need not load it.
            from cryptography import x509  # noqa: PLC0415

            # OpenSSL takes forms that this does not, such as its own "TRUSTED CERTIFICATE".
            with suppress(ValueError):
                leaf = x509.load_pem_x509_certificates(self._pem)[0]
                self._life = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
        return self._life

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # OpenSSL calls this for each handshake, with or without a server name in it.
        handshake.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = server_context(self._certificate, self._key)
        self._pem, self._life = b"", None
        # It was there a moment ago; one that is exchanged right now is looked at again.
        with suppress(OSError):
            self._pem = self._certificate.read_bytes()
        return context

    def _stamp(self) -> Stamp:
        try:
            found = [path.stat() for path in (self._certificate, self._key)]
        except OSError:
            return ()
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in found)
