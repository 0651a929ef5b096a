"""What outlives the process: account key, order in progress, certificate with its key, and the pause, in one folder.

Each file is whole or absent: written beside its place, synced, renamed. What can't be made again, an account's key, is
never overwritten; a certificate that can't be used is moved aside. So the process may be killed at any moment.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from acmedns_py.certificate.options import Wanted
from acmedns_py.certificate.pem import Certificate, make_key, read_certificate, read_key
from acmedns_py.certificate.rule import SHORTEST_PAUSE, Pause
from acmedns_py.errors import ConfigError, Unusable

OPTION: Final = "certificate.state_dir"

_CERTIFICATE: Final = "certificate.pem"
_ORDER: Final = "order.json"
_PAUSE: Final = "pause.json"
_REVOKED: Final = "revoked.json"
_UNFINISHED: Final = re.compile(r"\.(certificate\.pem|account-\w+\.pem|order\.json|pause\.json|revoked\.json)\.\w{8}")
_FROM: Final = b"Directory: "
"""Begins a line before the PEM blocks, where readers of PEM expect comments (RFC 7468 2)."""

T = TypeVar("T")


class Order(msgspec.Struct, frozen=True):
    """An order at a CA: its URL, what it is for, and the private key (PEM) of the certificate to come."""

    url: str
    wanted: Wanted
    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Order(url={self.url!r})"


class State:
    """The folder and its files; each method reads or writes one, and blocks while it does.

    Those that write raise `Unusable`, those that read `ConfigError`, where the system does not let them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate_path = folder / _CERTIFICATE
        """Key, certificate and chain that are served."""

    def prepare(self) -> None:
        """Make the folder (0700), see that it can be written to, and clear it of torn files; raises `ConfigError`."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
            for left in self._folder.iterdir():
                # Keys may be in what a killed process has not finished.
                if _UNFINISHED.fullmatch(left.name):
                    left.unlink()
        except OSError as error:
            cure = f"no file can be kept there ({error.strerror}); name a directory that this user may write to"
            raise ConfigError(OPTION, str(self._folder), cure) from None

    def account_key(self, directory: str) -> bytes:
        """The key of our account at a CA, made at the first call; raises `ConfigError` where its file is damaged."""
        # One for each CA, so that nobody's is lost when the directory is changed and changed back.
        digest = hashlib.sha256(directory.encode()).hexdigest()[:16]
        path = self._folder / f"account-{digest}.pem"
        pem = self._read(path)
        if pem is None:
            pem = make_key("p256")
            self._write(path, pem)
            return pem
        try:
            read_key(pem)
        except Unusable as error:
            cure = f"{path} {error}; restore it, or move it away to begin with a new account at {directory}"
            raise ConfigError(OPTION, str(self._folder), cure) from None
        return pem

    def certificate(self) -> Certificate | None:
        """The certificate that is kept, or None; raises `Unusable` where it can't be served."""
        text = self._read(self.certificate_path)
        try:
            return _certificate(text) if text is not None else None
        except Unusable as error:
            raise Unusable(f"{self.certificate_path} {error}") from None

    def set_aside(self) -> str:
        """Make room for another certificate; gives the file name that this one has now."""
        with _changing(self.certificate_path):
            return self.certificate_path.replace(self.certificate_path.with_suffix(".unusable")).name

    def keep_certificate(self, certificate: Certificate) -> None:
        """Replace the certificate that is kept."""
        self._write(self.certificate_path, _FROM + certificate.directory.encode() + b"\n" + certificate.pem)

    def order(self) -> Order | None:
        """The order in progress; None where there is none, or none that can be read: another can be made."""
        return self._decoded(_ORDER, Order)

    def keep_order(self, order: Order) -> None:
        """Note an order that the CA has taken."""
        self._write(self._folder / _ORDER, msgspec.json.encode(order))

    def drop_order(self) -> None:
        """Forget the order."""
        with _changing(self._folder / _ORDER):
            (self._folder / _ORDER).unlink(missing_ok=True)

    def pause(self, now: float) -> Pause | None:
        """The pause that was kept; one that can't be read was one, and is begun anew."""
        if not (self._folder / _PAUSE).exists():
            return None
        return self._decoded(_PAUSE, Pause) or Pause(
            1, now, now + SHORTEST_PAUSE, "the note of the last try is damaged"
        )

    def keep_pause(self, pause: Pause) -> None:
        """Note until when the CA is left alone."""
        self._write(self._folder / _PAUSE, msgspec.json.encode(pause))

    def revoked(self) -> str:
        """The serial number (hexadecimal) of the certificate that the CA was last asked to revoke; empty: of none."""
        return self._decoded(_REVOKED, str) or ""

    def keep_revoked(self, serial: str) -> None:
        """Note that the CA is asked to revoke a certificate."""
        self._write(self._folder / _REVOKED, msgspec.json.encode(serial))

    def drop_revoked(self) -> None:
        """Forget that: the CA has not done it."""
        with _changing(self._folder / _REVOKED):
            (self._folder / _REVOKED).unlink(missing_ok=True)

    def _decoded(self, name: str, kind: type[T]) -> T | None:
        octets = self._read(self._folder / name)
        try:
            return msgspec.json.decode(octets, type=kind) if octets is not None else None
        except msgspec.DecodeError:
            return None

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            cure = f"{path} can't be read ({error.strerror}); run this as the server's user, or make it that user's"
            raise ConfigError(OPTION, str(self._folder), cure) from None

    def _write(self, path: Path, octets: bytes) -> None:
        with _changing(path):
            # mkstemp makes the file for this user alone (0600).
            descriptor, beside = tempfile.mkstemp(dir=self._folder, prefix=f".{path.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(octets)
                    file.flush()
                    os.fsync(file.fileno())
                Path(beside).replace(path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cure = "make room, or let this user write there"
        raise Unusable(f"{path} can't be written ({error.strerror}); {cure}") from error


def _certificate(text: bytes) -> Certificate:
    heading, _, pem = text.partition(b"\n")
    if not heading.startswith(_FROM):
        raise Unusable("was not written by this server")
    return read_certificate(pem, heading.removeprefix(_FROM).decode("utf-8", "replace"))
