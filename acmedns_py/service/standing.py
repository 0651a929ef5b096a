"""How the API's own certificate stands, from what the server keeps on disk; no server needs to run."""

from dataclasses import dataclass
from datetime import UTC, datetime

from acmedns_py.config.settings import Settings
from acmedns_py.errors import Unusable
from acmedns_py.service.compose import certificate_folder


@dataclass(frozen=True, slots=True)
class Standing:
    """`good` says whether a CA's certificate is there and valid now; `document` has the facts, times in ISO 8601."""

    good: bool
    document: dict[str, str | int | list[str] | None]


def certificate_standing(settings: Settings) -> Standing:
    """Read it, and change nothing; raises `Unusable` where there is none, `ConfigError` where it can't be read."""
    if settings.api.tls != "acme":
        raise Unusable(f'api.tls is "{settings.api.tls}": this server gets no certificate by itself')
    # As in `compose`: only for who has such a certificate.
    from acmedns_py.certificate.pem import SELF_SIGNED  # noqa: PLC0415
    from acmedns_py.certificate.state import State  # noqa: PLC0415

    state = State(certificate_folder(settings))
    found = state.certificate()
    if found is None:
        raise Unusable(f"there is no certificate in {state.certificate_path.parent} yet; acmedns serve gets one")
    now = datetime.now(UTC).timestamp()
    pause = state.pause(now)
    good = found.directory != SELF_SIGNED and found.life.not_before <= now < found.life.not_after
    return Standing(
        good,
        {
            "file": str(state.certificate_path),
            "issuer": found.directory,
            "names": sorted(found.names),
            "serial": f"{found.serial:x}",
            "key_type": found.key_type,
            "not_before": _text(found.life.not_before),
            "expires": _text(found.life.not_after),
            "problem": pause.reason if pause is not None and pause.failures else None,
            "failures": pause.failures if pause is not None else 0,
            "next_try_not_before": _text(pause.until) if pause is not None else None,
        },
    )


def _text(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
