"""What accounts are at the moment of a transaction: read for a whole group, changed in memory, written back.

As in `accounts`, each function sends a fixed number of statements, and those that write send none where nothing of
their kind has changed.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.audit import fit_to_keep
from acmedns_py.accounts.ports import Entry
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.store.schema import MICROSECONDS, PASSWORD, account, audit, credential, retired_label

PRUNED_AT_ONCE = 5_000
"""As many as are written between two prunings, so that pruning keeps up."""


class Password(NamedTuple):
    """A password that is valid; `expires` in microseconds, None where it does not."""

    verifier: str
    expires: int | None


@dataclass(slots=True)
class Standing:
    """One account; `passwords` oldest first, `updated_from` the address of its own last write in this transaction."""

    label: str
    title: str
    allow_from: tuple[str, ...]
    disabled: bool
    txt_rule: TxtRule
    passwords: list[Password] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    edited: bool = False
    rotated: bool = False
    updated: bool = False
    updated_from: str | None = None

    def admits(self, verifier: str) -> bool:
        """Whether this is a valid password's verifier, or was until another of the same one replaced it just now."""
        return verifier in self.replaced or any(password.verifier == verifier for password in self.passwords)

    def replace(self, verifier: str, latter: str) -> bool:
        """Put another verifier of the same password in its place; says whether it was there."""
        if not any(password.verifier == verifier for password in self.passwords):
            return False
        self.passwords = [
            password._replace(verifier=latter) if password.verifier == verifier else password
            for password in self.passwords
        ]
        self.replaced.add(verifier)
        self.rotated = True
        return True

    def rotate(self, verifier: str, *, grace_seconds: int, now: int) -> None:
        """Make this the password; the latest one lives on for the grace, if that is more than nothing."""
        former = [
            Password(password.verifier, now + grace_seconds * MICROSECONDS)
            for password in self.passwords[-1:]
            if grace_seconds
        ]
        self.passwords = [*former, Password(verifier, None)]
        self.replaced.clear()
        self.rotated = True


async def standings(connection: AsyncConnection, ids: Sequence[int], now: int) -> dict[int, Standing]:
    """What these accounts are now; one that does not exist is missing."""
    rows = await connection.execute(
        select(
            account.c.id,
            account.c.label,
            account.c.title,
            account.c.allow_from,
            account.c.disabled,
            account.c.txt_rule,
            credential.c.verifier,
            credential.c.expires,
        )
        .outerjoin(
            credential,
            (credential.c.account == account.c.id)
            & (credential.c.kind == PASSWORD)
            & or_(credential.c.expires.is_(None), credential.c.expires > now),
        )
        .where(account.c.id.in_(ids))
        .order_by(credential.c.id)
    )
    found: dict[int, Standing] = {}
    for number, label, title, allow_from, disabled, txt_rule, verifier, expires in rows:
        standing = found.get(number)
        if standing is None:
            standing = found[number] = Standing(
                label, title, stored_allow_from(allow_from), disabled, TxtRule(txt_rule)
            )
        if verifier is not None:
            standing.passwords.append(Password(verifier, expires))
    return found


def stored_allow_from(text: str) -> tuple[str, ...]:
    """The entries from the form in which they are stored."""
    return tuple(json.loads(text))


async def save_standings(connection: AsyncConnection, accounts: Mapping[int, Standing], now: int) -> None:
    """Write what has become of accounts that go on: four statements at most."""
    edited = [
        {
            "of_account": number,
            "new_title": standing.title,
            "new_list": json.dumps(standing.allow_from),
            "is_disabled": standing.disabled,
            "new_rule": standing.txt_rule,
        }
        for number, standing in accounts.items()
        if standing.edited
    ]
    if edited:
        await connection.execute(
            update(account)
            .where(account.c.id == bindparam("of_account"))
            .values(
                title=bindparam("new_title"),
                allow_from=bindparam("new_list"),
                disabled=bindparam("is_disabled"),
                txt_rule=bindparam("new_rule"),
            ),
            edited,
        )
    updated = [
        {"of_account": number, "time": now, "address": standing.updated_from}
        for number, standing in accounts.items()
        if standing.updated
    ]
    if updated:
        await connection.execute(
            update(account)
            .where(account.c.id == bindparam("of_account"))
            .values(last_update_at=bindparam("time"), last_update_from=bindparam("address")),
            updated,
        )
    rotated = [number for number, standing in accounts.items() if standing.rotated]
    if rotated:
        await connection.execute(
            delete(credential).where(credential.c.account.in_(rotated), credential.c.kind == PASSWORD)
        )
        await connection.execute(
            insert(credential),
            [
                {"account": number, "kind": PASSWORD, "verifier": password.verifier, "expires": password.expires}
                for number in rotated
                for password in accounts[number].passwords
            ],
        )


async def remove(connection: AsyncConnection, ids: Collection[int]) -> None:
    """Delete accounts with all that belongs to them."""
    if ids:
        await connection.execute(delete(account).where(account.c.id.in_(ids)))


async def retire(connection: AsyncConnection, labels: Collection[str]) -> None:
    """Let nobody ever get these labels again."""
    if labels:
        await connection.execute(insert(retired_label), [{"label": label} for label in labels])


async def unavailable_labels(connection: AsyncConnection, labels: Collection[str]) -> set[str]:
    """Those of these folded labels that an account has, or had."""
    held = select(account.c.label).where(account.c.label.in_(labels))
    retired = select(retired_label.c.label).where(retired_label.c.label.in_(labels))
    return set(await connection.scalars(held.union(retired)))


async def write_audit(connection: AsyncConnection, entries: Sequence[Entry], now: int) -> None:
    """Append to the audit log: one statement."""
    if entries:
        await connection.execute(
            insert(audit),
            [
                {
                    "at": now,
                    "actor": one.actor,
                    "source": one.source,
                    "action": one.action,
                    "subject": one.subject,
                    "result": one.result,
                    "details": json.dumps(one.details),
                }
                for one in map(fit_to_keep, entries)
            ],
        )


async def prune_audit(connection: AsyncConnection, before: int) -> None:
    """Delete entries of the audit log from before that time, a bounded number at once, the oldest first."""
    oldest = select(audit.c.id).where(audit.c.at < before).order_by(audit.c.at).limit(PRUNED_AT_ONCE)
    await connection.execute(delete(audit).where(audit.c.id.in_(oldest)))


async def drop_expired_passwords(connection: AsyncConnection, now: int) -> None:
    """Delete passwords whose grace is over; they were of no use from that moment on."""
    await connection.execute(delete(credential).where(credential.c.expires.is_not(None), credential.c.expires <= now))
