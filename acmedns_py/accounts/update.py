"""Update: authenticate, check, commit, and wait until every live worker serves it.

The order of the checks is acme-dns's, because clients see which one fails first: credential, source address,
name, value. A repeat of a live value waits for the cursor under which that value was written, like any other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from acmedns_py.accounts.allow_from import permits
from acmedns_py.accounts.credentials import Credentials, Login
from acmedns_py.accounts.persist_record import remark
from acmedns_py.accounts.ports import Account, Publisher, Store, Written
from acmedns_py.accounts.trace import Traces
from acmedns_py.accounts.txt_rule import objection
from acmedns_py.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class Change:
    """What a client wants of its name.

    `label` is None where the request could not be read at all; `value` is None where it held no text.
    An empty value clears the name, unless one value is to be removed.
    """

    label: str | None
    value: str | None
    remove: bool = False


class Updates:
    """The use case behind /update."""

    def __init__(self, *, credentials: Credentials, store: Store, publisher: Publisher, traces: Traces) -> None:
        self._credentials = credentials
        self._store = store
        self._publisher = publisher
        self._traces = traces

    async def apply(self, login: Login, change: Change) -> None:
        """Carry out a change; when this returns, it is durable and served.

        Raises `Refused`, `BadInput`, `TooManyAttempts`, `Overloaded`, `StoreUnavailable`, `NotServed`.
        """
        account = await self._credentials.authenticate(login)
        _check(account, login, change)
        try:
            written = await self._write(account, login, change)
        except Refused:
            # What was remembered of the account is out of date: the database decides once more.
            self._credentials.forget(login.username)
            account = await self._credentials.authenticate(login)
            _check(account, login, change)
            written = await self._write(account, login, change)
        if change.value and not change.remove:
            remark(account.username, change.value, datetime.now(UTC))
            self._traces.updated(account.label, None if login.source is None else str(login.source))
        await self._publisher.served(written.cursor)

    async def _write(self, account: Account, login: Login, change: Change) -> Written:
        assert change.value is not None, "checked before"
        if change.remove:
            return await self._store.remove_value(account, change.value, source=login.source)
        if not change.value:
            return await self._store.clear_values(account, source=login.source)
        return await self._store.add_value(account, change.value, source=login.source)


def _check(account: Account, login: Login, change: Change) -> None:
    if not permits(account.allow_from, login.source):
        raise Refused("address_not_allowed")
    if change.label is None:
        raise Refused("malformed_json_payload")
    if change.label != account.label:
        raise Refused("subdomain_mismatch")
    if change.value == "" and not change.remove:
        return
    if change.value is None:
        raise BadInput("bad_txt", "no text")
    if wrong := objection(change.value, account.txt_rule):
        raise BadInput("bad_txt", wrong)
