"""Where the service keeps what is its own: the operator's socket, and the certificate of its API."""

from pathlib import Path
from typing import Final

from acmedns_py.config.settings import Settings

RUNTIME_DIRECTORY: Final = Path("/run/acmedns")
"""Where systemd's RuntimeDirectory= is; the local socket's place where the database is not a file."""

STATE_DIRECTORY: Final = Path("/var/lib/acmedns")
"""Where systemd's StateDirectory= is; the certificate's place where the database is not a file."""


def socket_path(settings: Settings) -> Path:
    """Where the local socket is: as configured, beside SQLite's file, or below /run by the zone's name."""
    return _place(settings, settings.admin.socket, ".sock", RUNTIME_DIRECTORY / f"{settings.zone.name}.sock")


def certificate_folder(settings: Settings) -> Path:
    """Give where the certificate is kept: as configured, beside SQLite's file, or where a service keeps its files."""
    return _place(settings, settings.certificate.state_dir, ".certificate", STATE_DIRECTORY / "certificate")


def _place(settings: Settings, configured: Path | None, suffix: str, elsewhere: Path) -> Path:
    """Give a path of the service's own: as configured, beside SQLite's file, or `elsewhere` where there is none."""
    if configured is not None:
        return configured.absolute()
    database = settings.database.file
    return elsewhere if database is None else database.with_name(f"{database.name}{suffix}")
