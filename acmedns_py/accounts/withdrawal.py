"""Taking back a fresh account whose password nobody will ever hear of: its request failed, or was broken off.

A request is broken off by a stop of the server that has waited for it as long as it may, or by an interrupt of the
command that makes the account. What is being taken back then goes on by itself: the store finishes what it has accepted
before it closes.
"""

import asyncio

import structlog

from acmedns_py.accounts.audit import tell
from acmedns_py.accounts.ports import Entry, Registrar
from acmedns_py.errors import AcmednsError, UnknownAccount

_log = structlog.get_logger(__name__)


class Withdrawals:
    """What takes accounts back; `registrar` has made them."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self._running: set[asyncio.Task[None]] = set()

    async def withdraw(self, verifier: str, entry: Entry) -> None:
        """Commit that the account named by `entry` never was, whatever happens to the caller meanwhile.

        Where that fails the log says that somebody has to delete it by hand.
        """
        task = asyncio.create_task(self._withdraw(verifier, entry), name="withdrawal")
        # The loop itself keeps no task alive.
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def _withdraw(self, verifier: str, entry: Entry) -> None:
        try:
            await self._registrar.withdraw(entry.subject, verifier, entry)
        except UnknownAccount:
            # What had no answer was not done.
            return
        except AcmednsError as error:
            _left_behind(entry, str(error))
        except asyncio.CancelledError:
            _left_behind(entry, "the server ended before the database had done it")
            raise
        else:
            tell(entry)


def _left_behind(entry: Entry, reason: str) -> None:
    _log.error(
        "registration_left_behind",
        account=entry.subject,
        subdomain=entry.details["subdomain"],
        reason=reason,
        cure="nobody has its password: acmedns account delete, or rotate to use it",
    )
