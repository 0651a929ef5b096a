"""The operator's hand on the API's own certificate: shown, renewed and revoked; what is asked for is audited."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

from acmedns_py.accounts.administration import Operator
from acmedns_py.accounts.audit import enter, note_refusal
from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.errors import AcmednsError, Unusable


class CertificateKeeper(Protocol):
    """What keeps the certificate valid."""

    def shown(self) -> Mapping[str, object]:
        """What there is to tell of it by name; `serial` is a text."""

    def renew(self, *, force: bool) -> str | None:
        """Have a try begin at once; gives in one line why none does, raises `Unusable` where that is not known."""

    async def revoke(self, reason: str) -> None:
        """Have the CA revoke it, then a try for another begin; raises `AcmednsError`."""


class OwnCertificate:
    """The use cases, over whatever carries them: socket, HTTP."""

    def __init__(self, keeper: CertificateKeeper | None, note: Callable[[Entry], Awaitable[Written]]) -> None:
        """`keeper` is None where the API's certificate is not our own; `note` commits an entry of the audit log."""
        self._keeper = keeper
        self._note = note

    def shown(self) -> Mapping[str, object]:
        """Give what there is to tell; raises `Unusable` where there is no such certificate."""
        return self._there().shown()

    async def renew(self, by: Operator, *, force: bool) -> str | None:
        """Have a try begin at once; gives in one line why none does. Raises `Unusable`."""
        keeper = self._there()
        details = {"force": force}
        entry = Entry(by.name, by.source, "certificate_renewal_asked", _serial(keeper), details=details)
        try:
            why_not = keeper.renew(force=force)
        except Unusable as error:
            await note_refusal(self._note, entry, error)
            raise
        await enter(self._note, entry if why_not is None else replace(entry, result=f"not begun: {why_not}"))
        return why_not

    async def revoke(self, by: Operator, reason: str) -> None:
        """Have the CA revoke it, then a try for another begin; raises `Unusable`, `ConfigError`, `NotIssued`."""
        keeper = self._there()
        entry = Entry(by.name, by.source, "certificate_revoked", _serial(keeper), details={"reason": reason})
        try:
            await keeper.revoke(reason)
        except AcmednsError as error:
            await note_refusal(self._note, entry, error)
            raise
        await enter(self._note, entry)

    def _there(self) -> CertificateKeeper:
        if self._keeper is None:
            raise Unusable('this server gets no certificate by itself; it does with api.tls = "acme"')
        return self._keeper


def _serial(keeper: CertificateKeeper) -> str:
    return str(keeper.shown()["serial"])
