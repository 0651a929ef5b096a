"""How the API's own certificate stands, from what the server keeps on disk; no server needs to run."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acmedns_py.config.settings import Settings
from acmedns_py.errors import Unusable
from acmedns_py.service.places import certificate_folder

if TYPE_CHECKING:
    from acmedns_py.certificate.facts import Facts


@dataclass(frozen=True, slots=True)
class Standing:
    """`good` says whether a CA's certificate is there and valid now; `document` has the facts, times in ISO 8601."""

    good: bool
    document: "Facts"


def awaits_certificate(settings: Settings) -> bool:
    """Whether the API is closed, or open to this machine alone, until its first certificate is there.

    Raises `AcmednsError` where that can't be known.
    """
    if settings.api.tls != "acme" or settings.certificate.until_first == "self-signed":
        return False
    from acmedns_py.certificate.pem import SELF_SIGNED  # noqa: PLC0415

    return certificate_standing(settings).document["issuer"] == SELF_SIGNED


def certificate_standing(settings: Settings) -> Standing:
    """Read it, and change nothing; raises `Unusable` where there is none, `ConfigError` where it can't be read."""
    if settings.api.tls != "acme":
        raise Unusable(f'api.tls is "{settings.api.tls}": this server gets no certificate by itself')
    # As in `compose`: only for who has such a certificate.
    from acmedns_py.certificate.facts import facts  # noqa: PLC0415
    from acmedns_py.certificate.pem import SELF_SIGNED  # noqa: PLC0415
    from acmedns_py.certificate.state import State  # noqa: PLC0415

    state = State(certificate_folder(settings))
    found = state.certificate()
    if found is None:
        raise Unusable(f"there is no certificate in {state.certificate_path.parent} yet; acmedns serve gets one")
    now = time.time()
    document = facts(found, state.pause(now), file=state.certificate_path, revoked=state.revoked())
    valid = found.life.not_before <= now < found.life.not_after
    return Standing(found.directory != SELF_SIGNED and valid and not document["revoked"], document)
