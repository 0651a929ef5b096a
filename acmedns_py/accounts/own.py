"""What an account may know of itself: read-only, by its own credential, from any address."""

from dataclasses import dataclass

from acmedns_py.accounts.allow_from import permits
from acmedns_py.accounts.credentials import Credentials, Login
from acmedns_py.accounts.directory import Directory, Shown
from acmedns_py.errors import Refused


@dataclass(frozen=True, slots=True)
class OwnView:
    """An account as its owner sees it; `permitted`: whether an update from where it was asked for would be let in."""

    shown: Shown
    permitted: bool


class OwnAccount:
    """The use case behind GET /account."""

    def __init__(self, *, credentials: Credentials, directory: Directory) -> None:
        self._credentials = credentials
        self._directory = directory

    async def view(self, login: Login) -> OwnView:
        """Give the account of a login as the database has it now.

        Raises `Refused`, `TooManyAttempts`, `Overloaded`, `StoreUnavailable`.
        """
        shown = await self._shown(login)
        if shown is None:
            # What was remembered of the account is out of date: the database decides once more.
            self._credentials.forget(login.username)
            shown = await self._shown(login)
        if shown is None:
            raise Refused("account_changed")
        return OwnView(shown, permits(shown.account.allow_from, login.source))

    async def _shown(self, login: Login) -> Shown | None:
        """Give the account, or None where the login would be refused by now."""
        account = await self._credentials.authenticate(login)
        shown = await self._directory.shown(account.id)
        if shown is None or shown.account.disabled or account.verifier not in shown.verifiers:
            return None
        return shown
