"""The operator's routes about the API's own certificate: /admin/v1/certificate and what is below it."""

import msgspec

from acmedns_py.accounts.own_certificate import OwnCertificate
from acmedns_py.api.asked import Asked, Told, body_of


class _Renewal(msgspec.Struct, forbid_unknown_fields=True):
    force: bool = False


class _Revocation(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = "unspecified"


class CertificateRoutes:
    """One method a route and HTTP method."""

    def __init__(self, certificate: OwnCertificate) -> None:
        self._certificate = certificate

    async def show(self) -> Told:
        """Give how it stands; `at_work` while it is being renewed or revoked."""
        return Told(200, self._certificate.shown())

    async def renew(self, asked: Asked) -> Told:
        """Have a renewal begin, and say whether it does; what comes of it is seen by `show`."""
        why_not = await self._certificate.renew(asked.by, force=body_of(asked, _Renewal).force)
        return Told(200, {"begun": why_not is None, "detail": why_not or "a certificate is being ordered"})

    async def revoke(self, asked: Asked) -> Told:
        """Have it revoked, and another one ordered."""
        await self._certificate.revoke(asked.by, body_of(asked, _Revocation).reason)
        return await self.show()
