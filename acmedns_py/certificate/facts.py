"""What there is to tell of a certificate that is kept, the same from a running server and from its files."""

from datetime import UTC, datetime
from pathlib import Path

from acmedns_py.certificate.pem import Certificate
from acmedns_py.certificate.rule import Pause

Facts = dict[str, str | int | bool | list[str] | None]


def facts(certificate: Certificate, pause: Pause | None, *, file: Path, revoked: str) -> Facts:
    """Give them by name, times in ISO 8601; `revoked` is the serial number of the last one that was revoked."""
    return {
        "file": str(file),
        "issuer": certificate.directory,
        "names": sorted(certificate.names),
        "serial": certificate.serial_text,
        "key_type": certificate.key_type,
        "not_before": time_text(certificate.life.not_before),
        "expires": time_text(certificate.life.not_after),
        "revoked": certificate.serial_text == revoked,
        "problem": pause.reason if pause is not None and pause.failures else None,
        "failures": pause.failures if pause is not None else 0,
        "next_try_not_before": time_text(pause.until) if pause is not None else None,
    }


def time_text(when: float) -> str:
    """A time of seconds since 1970 in UTC, to the second."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
