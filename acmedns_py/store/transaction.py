"""What one write transaction does: read all that its requests touch, compute in memory, write the difference.

`together` takes a group in a fixed number of statements. `apart` takes the same group one by one, each in a savepoint:
it is used after `together` failed over the data of some request, and finds out whose it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.directory import (
    ClearValues,
    Delete,
    RemoveValue,
    Rotate,
    SetAllowFrom,
    SetDisabled,
    SetTitle,
    SetTxtRule,
    SetValue,
    shown_value,
)
from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.accounts.txt_rule import TxtRule, objection, too_many
from acmedns_py.dns.table import Values
from acmedns_py.errors import AcmednsError, BadInput, Refused, TokenRefused, UnknownAccount, Unusable
from acmedns_py.feed.changes import ChallengeChange, Commit, StaticChange
from acmedns_py.store import changes, expiry, rights, static_records, stored, tokens
from acmedns_py.store.accounts import NewAccount, live_rows, padded, save
from acmedns_py.store.live import LiveValues, Rule
from acmedns_py.store.registration import register
from acmedns_py.store.requests import (
    AccountChange,
    Action,
    Audited,
    Expiry,
    Issue,
    Keeping,
    Note,
    Request,
    Revocation,
    StaticWrite,
    TokenUse,
    ValueWrite,
    VerifierWrite,
    Withdrawal,
)
from acmedns_py.store.schema import Clock, account, zone
from acmedns_py.store.standing import (
    Standing,
    remove,
    retire,
    save_standings,
    standings,
    write_audit,
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What all transactions of a store share: the zone and the rules."""

    zone_id: int
    apex: bytes
    rule: Rule
    audit_days: int
    clock: Clock

    def owner(self, label: str) -> bytes:
        """The challenge name of a label: directly below the apex, folded, in wire form."""
        octets = label.lower().encode("ascii")
        return bytes([len(octets)]) + octets + self.apex


@dataclass(frozen=True, slots=True)
class Moment:
    """The zone's cursor, the database's time and the holder of the right to write, while the zone's row is locked."""

    cursor: int
    now: int
    holder: str

    @property
    def next_cursor(self) -> int:
        """What the transaction takes if it changes anything."""
        return self.cursor + 1


@dataclass(slots=True)
class Outcome:
    """What became of each request, in their order, and what changed; `commit` is None where nothing did."""

    results: list[int | AcmednsError]
    commit: Commit | None
    audit_rows: int

    def written(self, moment: Moment) -> list[Written | AcmednsError]:
        """The answers; without a commit the cursor that was not taken stands for the last one that was."""
        last = moment.next_cursor if self.commit else moment.cursor
        return [one if isinstance(one, AcmednsError) else Written(min(one, last)) for one in self.results]


@dataclass(slots=True)
class _Changes:
    challenges: list[ChallengeChange] = field(default_factory=list)
    static: list[StaticChange] = field(default_factory=list)

    def commit(self, cursor: int) -> Commit | None:
        if not self.challenges and not self.static:
            return None
        return changes.merged(self.challenges, self.static, cursor=cursor)


async def moment(connection: AsyncConnection, ground: Ground) -> Moment:
    """Take the zone's row for this transaction, and with it the order of commits; then read what it says."""
    mine = select(zone.c.cursor, zone.c.holder).where(zone.c.id == ground.zone_id)
    cursor, holder = (await connection.execute(mine.with_for_update())).one()
    # A statement of its own: the time must be that at which the lock was had, not that at which it was asked for.
    now = await connection.scalar(select(ground.clock()))
    assert now is not None, "a clock gives a time"
    return Moment(cursor, now, holder)


async def take_cursor(connection: AsyncConnection, ground: Ground) -> None:
    """Count the zone's cursor up by one."""
    await connection.execute(update(zone).where(zone.c.id == ground.zone_id).values(cursor=zone.c.cursor + 1))


async def touch(connection: AsyncConnection, ground: Ground) -> None:
    """Write something that changes nothing: a database that can be read may be full."""
    await connection.execute(update(zone).where(zone.c.id == ground.zone_id).values(holder=zone.c.holder))


async def together(connection: AsyncConnection, ground: Ground, at: Moment, requests: Sequence[Request]) -> Outcome:
    """Do all requests at once; raises what the database raises where the data of any is at fault."""
    made = _Changes()
    refusals = await rights.refusals(connection, requests, at.now)
    judged = list(zip(requests, refusals, strict=True))
    new = [request for request, refusal in judged if isinstance(request, NewAccount) and refusal is None]
    verdicts = iter(await register(connection, ground.zone_id, ground.apex, new, at.now) if new else ())
    touched = await _touched(connection, ground, at, requests)
    results: list[int | AcmednsError] = []
    entries: list[Entry] = []
    for request, refusal in judged:
        if refusal is not None:
            results.append(refusal)
            continue
        match request:
            case ValueWrite():
                results.append(_write_value(request, touched, at))
            case VerifierWrite():
                results.append(_replace_verifier(request, touched) or at.cursor)
            case AccountChange():
                results.append(_change_account(request, touched, at))
            case Withdrawal():
                results.append(_withdraw(request, touched, at))
            case StaticWrite(rrsets):
                made.static += await static_records.replace(connection, ground.zone_id, rrsets)
                results.append(at.next_cursor)
            case NewAccount(label=label):
                wrong = next(verdicts)
                if wrong is None:
                    made.challenges.append(ChallengeChange(ground.owner(label), None, ()))
                results.append(wrong or at.next_cursor)
            case Note() | Expiry():
                results.append(at.next_cursor)
            case Keeping():
                # Nothing that is served has changed.
                results.append(await stored.keep(connection, request, at.now) or at.cursor)
            case TokenUse(number):
                await tokens.note_use(connection, number, at.now)
                results.append(at.cursor)
            case Issue() | Revocation():
                results.append(await _write_token(connection, request, at))
        if isinstance(request, Audited) and request.entry and isinstance(results[-1], int):
            entries.append(request.entry)
    for values in touched.values.values():
        values.settle(at.now)
    await save(connection, touched.values)
    await save_standings(connection, touched.standings, at.now)
    await _remove_deleted(connection, touched.deleted)
    await write_audit(connection, entries, at.now)
    made.challenges += [
        ChallengeChange(ground.owner(touched.standings[number].label), values.before(), values.after())
        for number, values in touched.values.items()
        if values.before() != values.after()
    ]
    made.challenges += [
        ChallengeChange(ground.owner(gone.label), gone.values, None) for gone in touched.deleted.values()
    ]
    return Outcome(results, made.commit(at.next_cursor), len(entries))


async def apart(
    connection: AsyncConnection,
    ground: Ground,
    at: Moment,
    requests: Sequence[Request],
    *,
    blame: Callable[[Exception], AcmednsError],
) -> Outcome:
    """Do the requests one by one; `blame` gives a failed one's error, or raises where the database is at fault."""
    made = _Changes()
    results: list[int | AcmednsError] = []
    audit_rows = 0
    for request in requests:
        savepoint = await connection.begin_nested()
        try:
            outcome = await together(connection, ground, at, [request])
        except Exception as error:  # noqa: BLE001 - whatever one request causes must stay with it
            results.append(blame(error))
            await savepoint.rollback()
            continue
        await savepoint.commit()
        results += outcome.results
        audit_rows += outcome.audit_rows
        if outcome.commit:
            made.challenges += outcome.commit.challenges
            made.static += outcome.commit.static
    return Outcome(results, made.commit(at.next_cursor), audit_rows)


async def _remove_deleted(connection: AsyncConnection, deleted: Mapping[int, "_Gone"]) -> None:
    await retire(connection, [gone.label for gone in deleted.values() if gone.retired])
    # Before the accounts, with which the trace of who made them goes.
    await tokens.give_back(connection, [number for number, gone in deleted.items() if not gone.retired])
    await remove(connection, list(deleted))


class _Gone(NamedTuple):
    label: str
    values: Values
    retired: bool = True


@dataclass(slots=True)
class _Touched:
    standings: dict[int, Standing] = field(default_factory=dict)
    values: dict[int, LiveValues] = field(default_factory=dict)
    deleted: dict[int, _Gone] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)


async def _touched(connection: AsyncConnection, ground: Ground, at: Moment, requests: Sequence[Request]) -> _Touched:
    """Read the accounts of the requests, and their values, in two statements."""
    withdrawn = await _ids(connection, [request.username for request in requests if isinstance(request, Withdrawal)])
    ids = {request.account.id for request in requests if isinstance(request, (ValueWrite, VerifierWrite))}
    ids.update(withdrawn.values())
    ids.update(request.account for request in requests if isinstance(request, AccountChange))
    if any(isinstance(request, Expiry) for request in requests):
        ids.update(await expiry.due(connection, ground.rule, at.now))
    if not ids:
        return _Touched()
    asked = padded(sorted(ids))
    found = await standings(connection, asked, at.now)
    rows = await live_rows(connection, asked)
    return _Touched(
        found,
        {
            number: LiveValues(
                rows.get(number, {}), rule=ground.rule, txt_rule=found[number].txt_rule, next_cursor=at.next_cursor
            )
            for number in sorted(found)
        },
        withdrawn=withdrawn,
    )


async def _ids(connection: AsyncConnection, usernames: Sequence[str]) -> dict[str, int]:
    """Give the numbers of the accounts that have these usernames."""
    if not usernames:
        return {}
    rows = await connection.execute(
        select(account.c.username, account.c.id).where(account.c.username.in_(padded(usernames)))
    )
    return {row.username: row.id for row in rows}


def _admitted(number: int, verifier: str, touched: _Touched) -> Standing | Refused:
    """Give what an account is now, or why the credential that was checked is no longer good for a write."""
    standing = touched.standings.get(number)
    if standing is None:
        return Refused("account_deleted")
    if standing.disabled:
        return Refused("account_disabled")
    if not standing.admits(verifier):
        return Refused("credential_replaced_or_expired")
    return standing


def _replace_verifier(request: VerifierWrite, touched: _Touched) -> Refused | None:
    """Put another verifier of the same password in its place; of several in a group the first wins."""
    standing = _admitted(request.account.id, request.account.verifier, touched)
    if isinstance(standing, Refused):
        return standing
    if not standing.replace(request.account.verifier, request.verifier):
        return Refused("credential_replaced_or_expired")
    return None


def _withdraw(request: Withdrawal, touched: _Touched, at: Moment) -> int | AcmednsError:
    """Take an account away that nobody uses: whose password was replaced is an operator's by now."""
    number = touched.withdrawn.get(request.username)
    if number is None:
        return UnknownAccount(request.username)
    standing = _admitted(number, request.verifier, touched)
    if isinstance(standing, Refused):
        return standing
    _remove(number, standing, touched, retired=False)
    return at.next_cursor


def _remove(number: int, standing: Standing, touched: _Touched, *, retired: bool) -> None:
    touched.deleted[number] = _Gone(standing.label, touched.values[number].before(), retired)
    del touched.standings[number], touched.values[number]


def _write_value(request: ValueWrite, touched: _Touched, at: Moment) -> int | AcmednsError:
    standing = _admitted(request.account.id, request.account.verifier, touched)
    if isinstance(standing, Refused):
        return standing
    if standing.allow_from != request.account.allow_from:
        return Refused("allow_from_changed")
    # A value was judged by the rule that the account had when it was looked up.
    judged_anew = standing.txt_rule is not request.account.txt_rule and request.action is not Action.CLEAR
    if judged_anew and (wrong := objection(request.value.decode(), standing.txt_rule)):
        return BadInput("bad_txt", wrong)
    standing.updated = True
    standing.updated_from = None if request.source is None else str(request.source)
    values = touched.values[request.account.id]
    match request.action:
        case Action.ADD:
            if not values.has_room(request.value):
                return BadInput("bad_txt", too_many())
            return values.add(request.value, at.now)
        case Action.REMOVE:
            changed = values.remove(request.value)
        case Action.CLEAR:
            changed = values.clear()
    # Nothing to take away: the client waits for all that was committed, the removal that came first included.
    return at.next_cursor if changed else at.cursor


def _change_account(request: AccountChange, touched: _Touched, at: Moment) -> int | AcmednsError:
    standing = touched.standings.get(request.account)
    if standing is None:
        return UnknownAccount(request.entry.subject)
    values = touched.values[request.account]
    match request.change:
        case SetDisabled(disabled):
            standing.disabled = disabled
            standing.edited = True
            if disabled:
                values.clear()
        case Delete():
            _remove(request.account, standing, touched, retired=True)
        case Rotate(verifier, grace_seconds):
            standing.rotate(verifier, grace_seconds=grace_seconds, now=at.now)
        case SetAllowFrom(entries):
            standing.allow_from = entries
            standing.edited = True
        case SetTitle(title):
            standing.title = title
            standing.edited = True
        case SetTxtRule(txt_rule):
            if txt_rule is TxtRule.ACME and (lasting := values.lasting()):
                # Served under a rule that says otherwise, they would be a leave to validate that nobody looks for.
                return Unusable(
                    f"the account holds {lasting} lasting values, which the rule acme does not know; take them away "
                    "first: acmedns account values ACCOUNT --remove TXT, or acmedns account clear ACCOUNT"
                )
            standing.txt_rule = values.txt_rule = txt_rule
            standing.edited = True
        case SetValue(value):
            if standing.disabled:
                return Unusable("the account is disabled and has no values; enable it first")
            if wrong := objection(value, standing.txt_rule):
                return Unusable(wrong)
            if not values.has_room(value.encode()):
                return Unusable(too_many())
            return values.add(value.encode(), at.now)
        case RemoveValue(value):
            held = values.after()
            # As it is shown; else as it was written, which is another text where it had to be escaped.
            for octets in [one for one in held if shown_value(one) == value] or {value.encode()} & set(held):
                values.remove(octets)
        case ClearValues():
            values.clear()
    return at.next_cursor


async def _write_token(connection: AsyncConnection, request: Issue | Revocation, at: Moment) -> int | AcmednsError:
    try:
        if isinstance(request, Issue):
            await tokens.add(connection, request.token, at.now)
        else:
            await tokens.revoke(connection, request.name, at.now)
    except TokenRefused as refused:
        return refused
    # Nothing that is served has changed.
    return at.cursor
