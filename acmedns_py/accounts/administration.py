"""Administration: what an operator may do with accounts; each change is durable, served and audited when it returns.

An account is named by its username, its label or its complete name in DNS. A disabled account keeps its name, which is
answered without values; a deleted one is gone from DNS, and its label is never handed out again.
"""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address

from acmedns_py.accounts import labels
from acmedns_py.accounts.allow_from import MOST_ENTRIES, canonical_entries
from acmedns_py.accounts.audit import note_refusal, tell
from acmedns_py.accounts.credentials import canonical_username, fresh_name, fresh_password
from acmedns_py.accounts.directory import (
    ClearValues,
    Delete,
    Directory,
    Filter,
    Listed,
    OperatorChange,
    Recorded,
    RemoveValue,
    Rotate,
    SetAllowFrom,
    SetDisabled,
    SetTitle,
    SetTxtRule,
    SetValue,
    Shown,
    Statistics,
)
from acmedns_py.accounts.hashing import HashPool, Work
from acmedns_py.accounts.labels import MOST_NAME_CHARACTERS
from acmedns_py.accounts.persist_record import remark
from acmedns_py.accounts.ports import Entry, Publisher, Token, Written
from acmedns_py.accounts.title import MOST_CHARACTERS
from acmedns_py.accounts.trace import Traced, Traces
from acmedns_py.accounts.txt_rule import TxtRule, objection
from acmedns_py.accounts.withdrawal import Withdrawals
from acmedns_py.errors import AcmednsError, BadInput, NotServed, OutcomeUnknown, UnknownAccount, Unusable
from acmedns_py.log import quoted

MOST_LISTED = 1_000
"""Accounts, or entries of the audit log, in one page."""

GRACE_SECONDS = 90 * 86_400
"""The longest time that a replaced password may live on: a host that has not renewed by then does not renew."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asks, for the audit log: `name` as "user:root", and where from; `token` is what they showed, if anything."""

    name: str
    source: str
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A password that has just been made, with the account it is for; it is known nowhere else.

    `stored_for` are domains, each with the name of a token, for which clients keep the password before (`storage`).
    """

    username: str
    password: str = field(repr=False)
    label: str
    title: str
    allow_from: tuple[str, ...]
    served: bool = True
    """False where not every worker answers for the name yet; it was told all the same, as nobody else knows it."""
    stored_for: tuple[tuple[str, str], ...] = ()


class Administration:
    """The use cases of the operator's hand, over whatever carries them: command line, socket, HTTP.

    All that change anything raise `TokenNotAccepted` where the token that was shown has ended meanwhile.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        publisher: Publisher,
        pool: HashPool,
        forget: Callable[[str], None],
        zone: str,
        traces: Traces | None,
    ) -> None:
        """`forget` drops what is remembered of a username's logins; `zone` is its name without a final dot.

        `traces` are those of a running server.
        """
        self._directory = directory
        self._withdrawals = Withdrawals(directory)
        self._publisher = publisher
        self._pool = pool
        self._forget = forget
        self._zone = zone
        self._traces = traces

    async def listed(self, wanted: Filter, *, after: int = 0, most: int = MOST_LISTED) -> list[Listed]:
        """Give the next page of accounts, by ids above `after`; raises `Unusable`, `StoreUnavailable`."""
        if wanted.title is not None:
            _title(wanted.title)
        if wanted.last_update_from is not None:
            wanted = replace(wanted, last_update_from=_address(wanted.last_update_from))
        return await self._directory.listed(wanted, after=after, most=min(most, MOST_LISTED))

    async def shown(self, name: str) -> Shown:
        """Give one account; raises `UnknownAccount`, `Unusable` where two are meant, `StoreUnavailable`."""
        found = await self._directory.shown((await self._find(name)).id)
        if found is None:
            raise UnknownAccount(name)
        return found

    async def traced(self, name: str) -> tuple[Shown, Traced]:
        """Give one account and who asked for its name; raises as `shown` does, and `Unusable` without a server."""
        if self._traces is None:
            raise Unusable("who asked is known to a running server alone; start acmedns serve")
        shown = await self.shown(name)
        return shown, self._traces.of(shown.account.label)

    async def statistics(self) -> Statistics:
        """Give numbers of the whole database; raises `StoreUnavailable`."""
        return await self._directory.statistics()

    async def audit(self, *, since: datetime | None, after: int = 0, most: int = MOST_LISTED) -> list[Recorded]:
        """Give the next page of the audit log, oldest first, by ids above `after`; raises `StoreUnavailable`."""
        return await self._directory.audit(since=since, after=after, most=min(most, MOST_LISTED))

    async def create(
        self,
        by: Operator,
        *,
        title: str = "",
        label: str | None = None,
        allow_from: Sequence[str] = (),
        txt_rule: str = TxtRule.ACME,
    ) -> Credential:
        """Make an account, with a label that was chosen or a random one.

        One that the workers did not confirm in time is given all the same, and says so: it is there for good. One whose
        request is broken off is taken back.

        Raises `Unusable` for what can't be used, `LabelTaken`, `Overloaded`, `StoreUnavailable`.
        """
        fresh = Credential(
            username=fresh_name(),
            password=fresh_password(),
            label=fresh_name() if label is None else self._chosen_label(label),
            title=_title(title),
            allow_from=_entries(allow_from),
        )
        rule = _txt_rule(txt_rule)
        entry = self._entry(
            by,
            "account_created",
            fresh.username,
            fresh.label,
            label=fresh.title,
            allowfrom=fresh.allow_from,
            txt_rule=rule,
        )
        verifier = await self._hashed(fresh.password)
        commit = self._directory.register(
            username=fresh.username,
            label=fresh.label,
            allow_from=fresh.allow_from,
            verifier=verifier,
            title=fresh.title,
            txt_rule=rule,
            chosen=label is not None,
            entry=entry,
            by=by.token,
        )
        try:
            return await self._told(fresh, entry, commit)
        except CancelledError:
            await self._withdrawals.withdraw(verifier, replace(entry, action="registration_withdrawn"))
            raise

    async def _told(self, fresh: Credential, entry: Entry, commit: Awaitable[Written]) -> Credential:
        """Have an account committed and served; it is given wherever it is there, as nobody else knows its password."""
        try:
            await self._carry_out(entry, commit)
        except NotServed:
            return replace(fresh, served=False)
        except OutcomeUnknown:
            found = await self._directory.find(username=fresh.username, label=fresh.label)
            if fresh.username not in {one.username for one in found}:
                raise
            tell(entry)
            return replace(fresh, served=False)
        return fresh

    async def rotate(self, by: Operator, name: str, *, grace_seconds: int = 0) -> Credential:
        """Give an account a new password; the present one is valid for the grace only. Raises as `change` does.

        What clients keep of the account (`storage`) is out of date from then on.
        """
        if not 0 <= grace_seconds <= GRACE_SECONDS:
            raise Unusable(f"a grace of {grace_seconds} seconds is not possible; give 0 to {GRACE_SECONDS} (90 days)")
        found = await self._found(by, "password_rotated", name)
        password = fresh_password()
        # Before the change: a password that is made must be told, whatever fails behind it.
        shown = await self._directory.shown(found.id)
        rotation = Rotate(await self._hashed(password), grace_seconds)
        try:
            await self._change(by, "password_rotated", found, rotation, grace_seconds=grace_seconds)
        except OutcomeUnknown:
            # The former one may be refused by now.
            rotated = await self._directory.shown(found.id)
            if rotated is None or rotation.verifier not in rotated.verifiers:
                raise
        return Credential(
            username=found.username,
            password=password,
            label=found.label,
            title=found.title,
            allow_from=found.allow_from,
            stored_for=() if shown is None else shown.stored_for,
        )

    async def set_disabled(self, by: Operator, name: str, *, disabled: bool) -> None:
        """Lock an account, whose values go at once, or let it in again.

        This and all that follow raise `UnknownAccount`, `Unusable`, `StoreUnavailable`, `NotServed`.
        """
        action = "account_disabled" if disabled else "account_enabled"
        await self._change(by, action, await self._found(by, action, name), SetDisabled(disabled))

    async def delete(self, by: Operator, name: str) -> None:
        """Take an account away, its name in DNS with it."""
        await self._change(by, "account_deleted", await self._found(by, "account_deleted", name), Delete())

    async def set_title(self, by: Operator, name: str, title: str) -> None:
        """Call an account something else."""
        found = await self._found(by, "label_set", name)
        await self._change(by, "label_set", found, SetTitle(_title(title)), label=title)

    async def set_allow_from(self, by: Operator, name: str, allow_from: Sequence[str]) -> None:
        """Replace the networks that a credential may be used from."""
        entries = _entries(allow_from)
        found = await self._found(by, "allowfrom_set", name)
        await self._change(by, "allowfrom_set", found, SetAllowFrom(entries), allowfrom=entries)

    async def set_txt_rule(self, by: Operator, name: str, txt_rule: str) -> None:
        """Say which values an account may hold; it can't be acme while there are others."""
        rule = _txt_rule(txt_rule)
        found = await self._found(by, "txt_rule_set", name)
        await self._change(by, "txt_rule_set", found, SetTxtRule(rule), txt_rule=rule)

    async def set_value(self, by: Operator, name: str, value: str) -> list[str]:
        """Add a live value, or renew it; gives what is odd about it, in sentences."""
        found = await self._found(by, "value_set", name)
        await self._change(by, "value_set", found, SetValue(_value(value)))
        if self._traces is not None:
            self._traces.updated(found.label, by.source)
        return remark(found.username, value, datetime.now(UTC))

    async def remove_value(self, by: Operator, name: str, value: str) -> None:
        """Take one value away, if it is there; it is named as it is shown, whatever it is."""
        await self._change(by, "value_removed", await self._found(by, "value_removed", name), RemoveValue(value))

    async def clear_values(self, by: Operator, name: str) -> None:
        """Take all values away."""
        await self._change(by, "values_cleared", await self._found(by, "values_cleared", name), ClearValues())

    async def _change(
        self, by: Operator, action: str, found: Listed, change: OperatorChange, **details: object
    ) -> None:
        entry = self._entry(by, action, found.username, found.label, **details)
        in_dns = not isinstance(change, Rotate | SetTitle | SetAllowFrom | SetTxtRule)
        try:
            await self._carry_out(entry, self._directory.change(found.id, change, entry, by=by.token), in_dns=in_dns)
        finally:
            # Also where it was not served in time: it is durable all the same.
            self._forget(found.username)

    async def _carry_out(self, entry: Entry, commit: Awaitable[Written], *, in_dns: bool = True) -> None:
        """Have a change committed and served; what was refused is entered as such.

        What is not `in_dns` has taken effect when it is durable. A new password could not be told if that failed.
        """
        try:
            written = await commit
        except AcmednsError as error:
            await note_refusal(self._directory.note, entry, error)
            raise
        tell(entry)
        if in_dns:
            await self._publisher.served(written.cursor)

    async def _found(self, by: Operator, action: str, name: str) -> Listed:
        """Find the account that is to be changed; that there is none is entered, too."""
        try:
            return await self._find(name)
        except (UnknownAccount, Unusable) as error:
            subject = name[:MOST_NAME_CHARACTERS]
            await note_refusal(self._directory.note, Entry(by.name, by.source, action, subject), error)
            raise

    async def _find(self, name: str) -> Listed:
        text = name.strip().lower().removesuffix(".")
        label = text.removesuffix(f".{self._zone}")
        if len(text) > MOST_NAME_CHARACTERS or not text.isascii() or not text.isprintable():
            raise UnknownAccount(name[:MOST_NAME_CHARACTERS])
        username = canonical_username(text)
        accounts = await self._directory.find(username=username, label=label)
        if not accounts:
            raise UnknownAccount(name)
        if len(accounts) > 1:
            raise Unusable(f"{name!r} is one account's username and another's name; write the complete name in DNS")
        return accounts[0]

    def _chosen_label(self, text: str) -> str:
        label = text.lower()
        if not labels.is_label(label):
            raise Unusable(
                f"subdomain {quoted(text)} can't be used; write up to 63 letters, digits and inner hyphens, no dots"
            )
        if not labels.fits(label, self._zone):
            raise Unusable(
                f"subdomain {text!r} is too long: {label}.{self._zone} would have more than {MOST_NAME_CHARACTERS} "
                "characters; write a shorter one"
            )
        return label

    async def _hashed(self, password: str) -> str:
        async with self._pool.turn(Work.REGISTRATION):
            return await self._pool.hash(password)

    def _entry(self, by: Operator, action: str, username: str, subdomain: str, **details: object) -> Entry:
        return Entry(by.name, by.source, action, username, details={"subdomain": subdomain, **details})


def _title(text: str) -> str:
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise Unusable(f"label {quoted(text)} can't be used; write up to {MOST_CHARACTERS} printable characters")
    return text


def _entries(allow_from: Sequence[str]) -> tuple[str, ...]:
    """Read each by itself, so that the wrong one is named."""
    if len(allow_from) > MOST_ENTRIES:
        raise Unusable(f"{len(allow_from)} networks are too many; write up to {MOST_ENTRIES}, or wider ones")
    found: list[str] = []
    for text in allow_from:
        try:
            found += canonical_entries([text])
        except BadInput:
            raise Unusable(f"{quoted(text)} is no network; write one such as 192.0.2.0/24 or 2001:db8::1/128") from None
    return tuple(found)


def _value(text: str) -> str:
    """A value that some account can hold; whether this one can, the writer finds out."""
    if wrong := objection(text, TxtRule.ANY):
        raise Unusable(wrong)
    return text


def _txt_rule(text: str) -> TxtRule:
    try:
        return TxtRule(text)
    except ValueError:
        raise Unusable(f"{quoted(text)} is no rule of values; write {' or '.join(TxtRule)}") from None


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise Unusable(f"{quoted(text)} is no address; write one such as 192.0.2.1 or 2001:db8::1") from None
