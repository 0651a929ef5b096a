"""The operator's changes and reads in the store, on both engines: order within a group, pages, pruning, what is retired."""

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from acmedns_py.accounts import tokens
from acmedns_py.accounts.directory import (
    ClearValues,
    Delete,
    Filter,
    Rotate,
    SetAllowFrom,
    SetDisabled,
    SetTitle,
    SetValue,
)
from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.errors import LabelTaken, Refused, UnknownAccount, UnknownToken, Unusable
from acmedns_py.feed.changes import ChallengeChange, StaticData
from acmedns_py.store import standing, writer
from tests.store.conftest import APEX, HandClock, Opened, OpenStore, Sql, a_value, owner

ENTRY = Entry("user:test", "test", "tested", "somebody")


async def many(sql: Sql, count: int) -> None:
    """Make accounts behind the store's back, the i-th called "host i", every tenth disabled."""
    digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
    await sql(
        f"""INSERT INTO account (username, label, title, allow_from, disabled, created_at)
        SELECT CAST(n AS VARCHAR(9)), CAST(n AS VARCHAR(9)), CAST('host ' || n AS VARCHAR(20)), '[]', n % 10 = 0, n
        FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n
              FROM ({digits}) a, ({digits}) b, ({digits}) c, ({digits}) e) AS numbers
        WHERE n < {count} ORDER BY numbers.n"""  # noqa: S608 - numbers of the test's own
    )


async def test_pages_go_through_all_accounts_once(open_store: OpenStore, sql: Sql):
    """Also where some are deleted, and others made, between two pages."""
    await (await open_store()).store.close()
    await many(sql, 10_000)
    opened = await open_store()
    seen: list[str] = []
    after = 0
    while page := await opened.store.listed(Filter(), after=after, most=1_000):
        assert len(page) <= 1_000
        seen += [one.username for one in page]
        after = page[-1].id
        if len(seen) == 3_000:
            await opened.store.change(page[0].id, Delete(), ENTRY)
            await opened.new_account()
    assert len(seen) == len(set(seen)) == 10_001
    assert seen[:10_000] == [str(number) for number in range(10_000)]


async def test_a_page_is_found_by_its_key(opened: Opened, sql: Sql):
    """No engine sorts or goes through what lies before it."""
    await many(sql, 10_000)
    statement = "SELECT id FROM account WHERE id > 9000 ORDER BY id LIMIT 10"
    if opened.store._place.path is not None:
        (plan,) = await sql(f"EXPLAIN QUERY PLAN {statement}")
        assert "USING INTEGER PRIMARY KEY (rowid>?)" in str(plan)
    else:
        plan = await sql("ANALYZE account", f"EXPLAIN {statement}")
        assert "account_pkey" in str(plan)


async def test_filters_and_pages_go_together(opened: Opened, sql: Sql):
    """A page holds what is wanted, not what is left of so many."""
    await many(sql, 3_000)
    first = await opened.store.listed(Filter(disabled=True), after=0, most=100)
    second = await opened.store.listed(Filter(disabled=True), after=first[-1].id, most=100)
    assert [one.title for one in first + second] == [f"host {number}" for number in range(0, 2_000, 10)]
    found = await opened.store.listed(Filter(title="HOST 29", disabled=True), after=0, most=100)
    assert [one.title for one in found] == ["host 290", *(f"host {number}" for number in range(2_900, 3_000, 10))]
    assert await opened.store.listed(Filter(title="host_1"), after=0, most=100) == [], "no character stands for others"
    assert await opened.store.listed(Filter(title="%"), after=0, most=100) == []


async def test_accounts_are_listed_by_the_token_that_made_them(opened: Opened):
    """In pages, together with other filters; each account tells its token, and an unknown one is no empty list."""
    made: dict[str | None, list[str]] = {"fleet": [], "web": [], None: []}
    found = {}
    for name in ("fleet", "web"):
        found[name] = await opened.store.token(tokens.digest(await tokens.issue(opened.store, name)))
    for _ in range(3):
        for name, usernames in made.items():
            username = str(uuid.uuid4())
            usernames.append(username)
            await opened.store.register(
                username=username, label=username, allow_from=[], verifier="v", token=found.get(name or "")
            )
    for name in ("fleet", "web"):
        first = await opened.store.listed(Filter(made_by=name), after=0, most=2)
        rest = await opened.store.listed(Filter(made_by=name), after=first[-1].id, most=2)
        assert [one.username for one in first + rest] == made[name]
        assert {one.made_by for one in first + rest} == {name}
    assert await opened.store.listed(Filter(made_by="web", disabled=True), after=0, most=9) == []
    every = await opened.store.listed(Filter(), after=0, most=9)
    assert {one.username: one.made_by for one in every} == {
        username: name for name, usernames in made.items() for username in usernames
    }
    shown = await opened.store.shown(every[0].id)
    assert shown is not None
    assert shown.account.made_by == "fleet"
    for unknown in ("flet", "", "fleet\0", "\udc80"):
        with pytest.raises(UnknownToken, match="no token of the name"):
            await opened.store.listed(Filter(made_by=unknown), after=0, most=9)


async def test_unused_accounts_are_those_neither_updated_nor_made_since(open_store: OpenStore):
    """A new account is not unused because it has not been updated yet."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    old, used = await opened.new_account(), await opened.new_account()
    clock.seconds += 1_000
    line = datetime.fromtimestamp(clock.seconds, UTC)
    clock.seconds += 1
    await opened.store.add_value(used, a_value(), source=ip_address("2001:db8::7"))
    await opened.new_account()
    found = await opened.store.listed(Filter(unused_since=line), after=0, most=10)
    assert [one.username for one in found] == [old.username]
    (updated,) = await opened.store.listed(Filter(never_updated=False), after=0, most=10)
    assert (updated.username, updated.last_update_at, updated.last_update_from) == (
        used.username,
        line + timedelta(seconds=1),
        "2001:db8::7",
    )
    (updated,) = await opened.store.listed(Filter(last_update_from="2001:db8::7"), after=0, most=10)
    assert updated.username == used.username


async def test_each_write_of_the_account_is_its_last_update(open_store: OpenStore):
    """A repeat and a removal too; what was refused is none."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    account, value = await opened.new_account(), a_value()
    for write in (
        lambda: opened.store.add_value(account, value),
        lambda: opened.store.add_value(account, value),
        lambda: opened.store.remove_value(account, value),
        lambda: opened.store.clear_values(account),
    ):
        clock.seconds += 10
        await write()
        shown = await opened.store.shown(account.id)
        assert shown is not None
        assert shown.account.last_update_at == datetime.fromtimestamp(clock.seconds, UTC)
        assert shown.account.last_update_from is None
    clock.seconds += 10
    with pytest.raises(Refused):
        await opened.store.add_value(replace(account, verifier="another"), value)
    again = await opened.store.shown(account.id)
    assert again is not None
    assert again.account == shown.account


async def test_a_group_keeps_the_order_in_which_it_was_asked(opened: Opened):
    """What comes behind a change in the same transaction meets the account as it then is."""
    account, other = await opened.new_account(), await opened.new_account()
    first, second = a_value(), a_value()
    store = opened.store
    before = opened.image.cursor
    results = await asyncio.gather(
        store.add_value(account, first),
        store.change(account.id, SetDisabled(disabled=True), ENTRY),
        store.add_value(account, second),
        store.change(account.id, SetValue(second), ENTRY),
        store.change(account.id, SetDisabled(disabled=False), ENTRY),
        store.add_value(account, second),
        store.change(account.id, SetAllowFrom(("::/0",)), ENTRY),
        store.add_value(account, first),
        store.change(account.id, Delete(), ENTRY),
        store.add_value(account, first),
        store.change(account.id, SetTitle("gone"), ENTRY),
        store.change(other.id, SetTitle("other"), ENTRY),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [
        Written,
        Written,
        Refused,
        Unusable,
        Written,
        Written,
        Written,
        Refused,
        Written,
        Refused,
        UnknownAccount,
        Written,
    ]
    assert [str(one) for one in results if isinstance(one, Refused)] == [
        "account_disabled",
        "allow_from_changed",
        "account_deleted",
    ]
    assert opened.image.cursor == before + 1, "one transaction"
    assert opened.values(account) is None
    assert [one.title for one in await store.listed(Filter(), after=0, most=10)] == ["other"]
    entries = await store.audit(since=None, after=0, most=100)
    assert len(entries) == 5, "none of those that were refused"


async def test_deleting_publishes_that_the_name_is_gone(opened: Opened):
    """With what it had, so that a transfer can be made of it; and the database serves the same."""
    account, value = await opened.new_account(), a_value()
    await opened.store.add_value(account, value)
    await opened.store.change(account.id, Delete(), ENTRY)
    assert opened.commits[-1].challenges == (ChallengeChange(owner(account), (value.encode(),), None),)
    assert await opened.loaded(account) is None
    assert await opened.store.shown(account.id) is None
    assert await opened.store.account(account.username) is None


async def test_what_changes_no_answer_takes_no_cursor(opened: Opened):
    """The serial grows with the zone, not with its administration."""
    account = await opened.new_account()
    before = opened.image.cursor
    for change in (SetTitle("x"), SetAllowFrom(()), Rotate("v2", 60), ClearValues(), SetDisabled(disabled=False)):
        assert (await opened.store.change(account.id, change, ENTRY)).cursor == before
    await opened.store.note(ENTRY)
    assert opened.image.cursor == before


async def test_a_label_that_is_or_was_taken_is_refused(opened: Opened):
    """To everybody in a group but the first; whatever the case of letters; static names too."""
    account = await opened.new_account(label="First")
    await opened.store.change(account.id, Delete(), ENTRY)
    await opened.store.replace_static([(b"\x03www" + APEX, 1, StaticData(60, (b"\xc0\x00\x02\x01",)))])

    def register(label: str):
        return opened.store.register(
            username=str(uuid.uuid4()), label=label, allow_from=[], verifier="v", chosen=True, entry=ENTRY
        )

    results = await asyncio.gather(
        *(register(label) for label in ("FIRST", "second", "Second", "WWW", "third")), return_exceptions=True
    )
    assert [type(one) for one in results] == [LabelTaken, Written, LabelTaken, LabelTaken, Written]
    assert len(await opened.store.audit(since=None, after=0, most=100)) == 3


async def test_rotation_keeps_one_former_password(open_store: OpenStore, sql: Sql):
    """For the grace, counted by the database's clock; the rows of older ones go."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    account = await opened.new_account()
    await asyncio.gather(
        opened.store.change(account.id, Rotate("second", 100), ENTRY),
        opened.store.change(account.id, Rotate("third", 100), ENTRY),
    )
    found = await opened.store.account(account.username)
    assert found is not None
    assert (found.verifier, found.former) == ("third", "second")
    assert sorted(await sql("SELECT verifier FROM credential")) == [("second",), ("third",)]
    clock.seconds += 99
    await opened.store.add_value(replace(account, verifier="second"), a_value())
    clock.seconds += 1
    with pytest.raises(Refused, match="credential_replaced_or_expired"):
        await opened.store.add_value(replace(account, verifier="second"), a_value())
    found = await opened.store.account(account.username)
    assert found is not None
    assert (found.verifier, found.former) == ("third", None)


async def test_old_entries_and_expired_passwords_are_pruned(
    open_store: OpenStore, sql: Sql, monkeypatch: pytest.MonkeyPatch
):
    """The oldest first, a bounded number at once."""
    monkeypatch.setattr(writer, "PRUNE_SECONDS", 0)
    monkeypatch.setattr(standing, "PRUNED_AT_ONCE", 2)
    clock = HandClock()
    opened = await open_store(clock=clock, audit_days=30)
    account = await opened.new_account()
    await opened.store.change(account.id, Rotate("new", 60), ENTRY)
    for _ in range(3):
        await opened.store.note(ENTRY)
    clock.seconds += 29 * 86_400
    await opened.store.note(replace(ENTRY, details={"kept": True}))
    assert len(await opened.store.audit(since=None, after=0, most=100)) == 5
    assert await sql("SELECT verifier FROM credential") == [("new",)]
    clock.seconds += 86_401
    # Four are too old, one is made each time, two go.
    for left in (4, 3, 4):
        await opened.store.note(ENTRY)
        assert len(await opened.store.audit(since=None, after=0, most=100)) == left
    entries = await opened.store.audit(since=None, after=0, most=100)
    assert json.dumps(entries[0].entry.details) == '{"kept": true}'
