"""What a write commits, publishes and answers, on both engines."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Account, Written
from acmedns_py.errors import LabelTaken, Overloaded, Refused, StoreUnavailable
from acmedns_py.feed.changes import ChallengeChange, StaticChange, StaticData
from acmedns_py.store import changes, expiry, writer
from acmedns_py.store.engine import Use, connect
from acmedns_py.store.live import Rule
from tests.store.conftest import APEX, HandClock, Opened, OpenStore, Sql, a_value, owner

WWW = b"\x03www" + APEX
A, TXT = 1, 16


async def test_the_first_cursor_is_the_unix_time(opened: Opened):
    """A zone that is new to its database starts at the time, so that its serial lies above every older server's."""
    assert abs(opened.image.cursor - time.time()) < 60


async def test_registering_commits_a_name_without_values(opened: Opened):
    """The name exists from the cursor on that registration is answered with."""
    before = opened.image.cursor
    account = await opened.new_account()
    assert [c.challenges for c in opened.commits] == [(ChallengeChange(owner(account), None, ()),)]
    assert opened.image.cursor == before + 1
    assert (await opened.store.load()) == opened.image.state()


async def test_an_account_is_found_as_it_was_registered(opened: Opened):
    """Label, permitted addresses and verifier come back as they were given."""
    label, username = str(uuid.uuid4()), str(uuid.uuid4())
    await opened.store.register(username=username, label=label, allow_from=["192.0.2.1/32", "::/0"], verifier="hash")
    found = await opened.store.account(username)
    assert found is not None
    assert (found.username, found.label, found.allow_from, found.verifier) == (
        username, label, ("192.0.2.1/32", "::/0"), "hash",
    )  # fmt: skip


@pytest.mark.parametrize("username", ["", str(uuid.uuid4()), "a\0b", "\udcff", "ü" * 9, "x" * 100_000, "' OR 1=1"])
async def test_an_unknown_username_is_none(opened: Opened, username: str):
    """No text in place of a username fails the look-up, or that of others that share its statement."""
    known = await opened.new_account()
    found = await asyncio.gather(opened.store.account(username), opened.store.account(known.username))
    assert found == [None, known]


async def test_look_ups_that_wait_share_a_statement(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    """Many at once cost the database little, and each gets its own account."""
    accounts = [await opened.new_account() for _ in range(5)]
    batches: list[int] = []
    look_up = opened.store._accounts._find

    async def counted(connection: AsyncConnection, usernames: Sequence[str]) -> Mapping[str, Account]:
        batches.append(len(usernames))
        return await look_up(connection, usernames)

    monkeypatch.setattr(opened.store._accounts, "_find", counted)
    found = await asyncio.gather(*(opened.store.account(one.username) for one in accounts * 3))
    assert found == accounts * 3
    assert batches == [5]


async def test_a_value_is_published_before_its_caller_hears_of_it(opened: Opened):
    """`on_commit` has been called when `add_value` returns, and the database holds the value."""
    account = await opened.new_account()
    value = a_value()
    written = await opened.store.add_value(account, value)
    assert opened.commits[-1].challenges == (ChallengeChange(owner(account), (), (value.encode(),)),)
    assert written == Written(opened.commits[-1].cursor)
    assert await opened.loaded(account) == (value.encode(),)


async def test_a_repeated_value_is_one_record_under_its_first_cursor(opened: Opened):
    """A repeat takes no cursor: it waits for the one under which the value is served."""
    account = await opened.new_account()
    value = a_value()
    first = await opened.store.add_value(account, value)
    await opened.store.add_value(account, a_value())
    commits = len(opened.commits)
    assert await opened.store.add_value(account, value) == first
    assert len(opened.commits) == commits
    assert len(opened.values(account) or ()) == 2


async def test_all_that_wait_share_one_commit(opened: Opened):
    """Fifty writers, one cursor, one transaction."""
    accounts = [await opened.new_account() for _ in range(10)]
    cursor = opened.image.cursor
    written = await asyncio.gather(*(opened.store.add_value(one, a_value()) for one in accounts * 5))
    assert set(written) == {Written(cursor + 1)}
    assert all(len(opened.values(one) or ()) == 5 for one in accounts)
    assert (await opened.store.load()) == opened.image.state()


async def test_values_of_one_group_keep_their_order_of_writing(open_store: OpenStore):
    """With room for two, the last two written in a group stay, although all have one time."""
    opened = await open_store(max_values=2, clock=HandClock())
    account = await opened.new_account()
    values = [a_value() for _ in range(5)][::-1]
    await asyncio.gather(*(opened.store.add_value(account, value) for value in values))
    assert set(opened.values(account) or ()) == {value.encode() for value in values[-2:]}


async def test_one_value_more_than_allowed_pushes_out_the_oldest(open_store: OpenStore):
    """The 101st, at a hundred allowed, takes the place of the one written longest ago."""
    opened = await open_store()
    account = await opened.new_account()
    values = [a_value() for _ in range(101)]
    for value in values[:99]:
        await opened.store.add_value(account, value)
    await opened.store.add_value(account, values[0])
    await opened.store.add_value(account, values[99])
    await opened.store.add_value(account, values[100])
    live = {*values} - {values[1]}
    assert set(opened.values(account) or ()) == {value.encode() for value in live}
    assert await opened.loaded(account) == opened.values(account)


async def test_values_leave_the_window_but_the_last_two_stay(open_store: OpenStore):
    """After the window, expiry is a commit that takes all but the last two."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    account = await opened.new_account()
    values = [a_value() for _ in range(4)]
    for value in values:
        await opened.store.add_value(account, value)
    clock.seconds += 3600
    await opened.store.expire()
    assert len(opened.values(account) or ()) == 4
    clock.seconds += 1
    commits = len(opened.commits)
    await opened.store.expire()
    assert opened.values(account) == tuple(value.encode() for value in values[2:])
    assert len(opened.commits) == commits + 1
    await opened.store.expire()
    assert len(opened.commits) == commits + 1
    assert await opened.loaded(account) == opened.values(account)


async def test_a_repeat_renews_a_value(open_store: OpenStore):
    """A value written again stays for a window from then on."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    account = await opened.new_account()
    values = [a_value() for _ in range(3)]
    for value in values:
        await opened.store.add_value(account, value)
    clock.seconds += 3599
    await opened.store.add_value(account, values[0])
    clock.seconds += 2
    await opened.store.expire()
    assert set(opened.values(account) or ()) == {values[0].encode(), values[2].encode()}


async def test_expiry_goes_by_the_clock_of_the_database(opened: Opened, sql: Sql):
    """What the table says was written long ago goes, without any clock of ours."""
    account = await opened.new_account()
    for _ in range(3):
        await opened.store.add_value(account, a_value())
    await sql("UPDATE txt SET written_at = written_at - CAST(3601000000 AS BIGINT)")
    await opened.store.expire()
    assert len(opened.values(account) or ()) == 2


async def test_the_store_expires_by_itself(opened: Opened, sql: Sql, monkeypatch: pytest.MonkeyPatch):
    """Nobody has to ask: what has left the window is gone soon after."""
    account = await opened.new_account()
    for _ in range(3):
        await opened.store.add_value(account, a_value())
    expired = asyncio.Event()
    apply = opened.on_commit
    monkeypatch.setattr(opened.store._writer, "_on_commit", lambda commit: (apply(commit), expired.set()))
    await sql("UPDATE txt SET written_at = written_at - CAST(3601000000 AS BIGINT)")
    await asyncio.wait_for(expired.wait(), 20)
    assert len(opened.values(account) or ()) == 2


async def test_one_value_is_removed(opened: Opened):
    """The others stay."""
    account = await opened.new_account()
    first, second = a_value(), a_value()
    await opened.store.add_value(account, first)
    await opened.store.add_value(account, second)
    written = await opened.store.remove_value(account, first)
    assert opened.values(account) == (second.encode(),) == await opened.loaded(account)
    assert written == Written(opened.image.cursor)


async def test_removing_a_value_that_is_not_live_changes_nothing(opened: Opened):
    """No error and no cursor: the answer is the last commit's."""
    account = await opened.new_account()
    cursor = opened.image.cursor
    assert await opened.store.remove_value(account, a_value()) == Written(cursor)
    assert await opened.store.clear_values(account) == Written(cursor)
    assert opened.image.cursor == cursor


async def test_clearing_leaves_a_registered_name_without_values(opened: Opened):
    """Empty is not deleted."""
    account = await opened.new_account()
    await opened.store.add_value(account, a_value())
    await opened.store.add_value(account, a_value())
    await opened.store.clear_values(account)
    assert opened.values(account) == () == await opened.loaded(account)


async def test_a_group_that_comes_to_nothing_takes_no_cursor(opened: Opened):
    """A value added and removed in one transaction was never there; both hear of the last cursor there is."""
    account = await opened.new_account()
    cursor = opened.image.cursor
    value = a_value()
    written = await asyncio.gather(opened.store.add_value(account, value), opened.store.remove_value(account, value))
    assert written == [Written(cursor)] * 2
    assert opened.image.cursor == cursor
    assert opened.values(account) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET disabled = true",
        "UPDATE credential SET verifier = 'another'",
        "UPDATE credential SET expires = 1",
        "DELETE FROM credential",
        "DELETE FROM account",
    ],
)
async def test_a_credential_is_judged_inside_the_transaction(opened: Opened, sql: Sql, statement: str):
    """What was verified a moment ago counts for nothing if the account is another by then; others are not hurt."""
    account = await opened.new_account()
    await sql(statement)
    other = await opened.new_account()
    written = await asyncio.gather(
        opened.store.add_value(account, a_value()),
        opened.store.remove_value(account, a_value()),
        opened.store.clear_values(account),
        opened.store.add_value(other, a_value()),
        return_exceptions=True,
    )
    assert [type(one) for one in written] == [Refused, Refused, Refused, Written]


async def test_a_disabled_account_is_found_as_such(opened: Opened, sql: Sql):
    """The rules say so to the log; its name goes on to be served."""
    account = await opened.new_account()
    assert not account.disabled
    await sql("UPDATE account SET disabled = true")
    assert await opened.store.account(account.username) == replace(account, disabled=True)
    assert await opened.loaded(account) == ()


@pytest.mark.parametrize(("taken", "error"), [("username", StoreUnavailable), ("label", LabelTaken)])
async def test_a_bad_item_fails_alone(opened: Opened, taken: str, error: type[Exception]):
    """A registration that the database refuses takes down none of those that share its transaction."""
    account = await opened.new_account()
    new = {"username": str(uuid.uuid4()), "label": str(uuid.uuid4())}
    new[taken] = getattr(account, taken)
    values = [a_value() for _ in range(9)]
    results = await asyncio.gather(
        *(opened.store.add_value(account, value) for value in values),
        opened.store.register(**new, allow_from=[], verifier="v", chosen=True),
        opened.store.replace_static([(WWW, A, StaticData(60, (b"\xc0\x00\x02\x01",)))]),
        opened.store.register(username=str(uuid.uuid4()), label="good", allow_from=[], verifier="v"),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [Written] * 9 + [error] + [Written] * 2
    assert {one for one in results if isinstance(one, Written)} == {Written(opened.image.cursor)}
    assert set(opened.values(account) or ()) == {value.encode() for value in values}
    assert (await opened.store.load()) == opened.image.state()
    assert opened.store._writer.works


async def test_static_records_are_replaced_by_their_difference(opened: Opened):
    """One change for all that differs: what is new, what is another, what is gone."""
    old = StaticData(60, (b"\xc0\x00\x02\x01",))
    new = StaticData(60, (b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"))
    note = StaticData(300, (b"\x01x",))
    await opened.store.replace_static([(WWW, A, old), (APEX, TXT, note)])
    written = await opened.store.replace_static([(WWW, A, new), (WWW, TXT, note)])
    assert opened.commits[-1].cursor == written.cursor == opened.image.cursor
    assert opened.commits[-1].static == (
        StaticChange(WWW, A, old, new),
        StaticChange(WWW, TXT, None, note),
        StaticChange(APEX, TXT, note, None),
    )
    assert (await opened.store.load()) == opened.image.state()


async def test_the_same_static_records_take_no_cursor(opened: Opened):
    """A restart with an unchanged file leaves the serial as it is."""
    rrsets = [(WWW, A, StaticData(60, (b"\xc0\x00\x02\x01",)))]
    written = await opened.store.replace_static(rrsets)
    assert await opened.store.replace_static(rrsets) == written
    assert opened.image.cursor == written.cursor


async def test_everything_is_there_after_a_restart(open_store: OpenStore):
    """What was published is what is loaded, under the same cursor."""
    first = await open_store()
    accounts = [await first.new_account() for _ in range(3)]
    for account in accounts[:2]:
        await first.store.add_value(account, a_value())
        await first.store.add_value(account, a_value())
    await first.store.replace_static([(WWW, A, StaticData(60, (b"\xc0\x00\x02\x01",)))])
    await first.store.close()
    second = await open_store()
    assert second.image.state() == first.image.state()


async def test_another_apex_starts_above_the_cursor_of_the_first(open_store: OpenStore):
    """Accounts move with the database to another zone name, whose serial never falls behind their changes."""
    first = await open_store()
    account = await first.new_account()
    await first.store.close()
    elsewhere = b"\x05other" + APEX
    second = await open_store(apex=elsewhere)
    assert second.image.cursor > first.image.cursor
    assert list(second.image.state().challenges) == [bytes([36]) + account.label.encode() + elsewhere]
    await second.store.close()
    third = await open_store()
    assert third.image.cursor > second.image.cursor


async def test_change_rows_tell_registered_from_absent(opened: Opened, sql: Sql):
    """The side before a registration is NULL, the side after it an empty list."""
    await opened.new_account()
    ((before, after),) = await sql('SELECT "before", "after" FROM change')
    assert before is None
    assert after == b"\x90"


async def test_change_rows_are_pruned_by_number_and_age(opened: Opened, sql: Sql, monkeypatch: pytest.MonkeyPatch):
    """Whole cursors go, the oldest first; the latest stay."""
    monkeypatch.setattr(changes, "KEPT_ROWS", 6)
    monkeypatch.setattr(changes, "PRUNE_ROWS", 2)
    account = await opened.new_account()
    for _ in range(10):
        await opened.store.add_value(account, a_value())
        ((rows,),) = await sql("SELECT count(*) FROM change")
        assert rows <= 6
    cursors = [row[0] for row in await sql("SELECT cursor FROM change ORDER BY cursor")]
    assert cursors == list(range(cursors[0], opened.image.cursor + 1))
    await sql("UPDATE change SET committed_at = committed_at - CAST(604801000000 AS BIGINT)")
    for _ in range(2):
        await opened.store.add_value(account, a_value())
    cursors = [row[0] for row in await sql("SELECT cursor FROM change ORDER BY cursor")]
    assert cursors[-1] == opened.image.cursor
    assert len(cursors) <= 4


async def test_a_full_queue_is_said_at_once(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    """Beyond the bound a write is refused without waiting, and those within it go through."""
    monkeypatch.setattr(writer, "QUEUE_REQUESTS", 3)
    account = await opened.new_account()
    results = await asyncio.gather(
        *(opened.store.add_value(account, a_value()) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in results] == [Written] * 3 + [Overloaded] * 2


async def test_a_caller_that_gave_up_is_not_served_behind_its_back(opened: Opened):
    """A cancelled write that still waited is never committed."""
    account = await opened.new_account()
    given_up = asyncio.ensure_future(opened.store.add_value(account, a_value()))
    stays = asyncio.ensure_future(opened.store.add_value(account, a_value()))
    asyncio.get_running_loop().call_soon(given_up.cancel)
    await asyncio.wait([given_up, stays])
    assert given_up.cancelled()
    assert len(opened.values(account) or ()) in (1, 2)
    assert await opened.loaded(account) == opened.values(account)


async def test_a_closed_store_finishes_what_it_accepted_and_takes_no_more(opened: Opened):
    """Closing answers all that waits; what comes later is told so."""
    account = await opened.new_account()
    waiting = [asyncio.ensure_future(opened.store.add_value(account, a_value())) for _ in range(3)]
    await asyncio.sleep(0)
    await opened.store.close()
    assert [type(one.result()) for one in waiting] == [Written] * 3
    with pytest.raises(StoreUnavailable):
        await opened.store.add_value(account, a_value())


async def test_the_look_for_expired_values_reads_an_index_of_its_own(opened: Opened, sql: Sql):
    """A million accounts that keep their last two values must not be gone through every second."""
    place = opened.store._place
    statement = expiry.due_accounts(Rule(3600, 100), 10**15).compile(
        dialect=connect(place, Use.LOOK).dialect, compile_kwargs={"literal_binds": True}
    )
    if place.path is None:
        plan = await sql("SET enable_seqscan = off", f"EXPLAIN {statement}")
    else:
        plan = await sql(f"EXPLAIN QUERY PLAN {statement}")
    assert "txt_expiry" in str(plan)


async def test_a_verifier_is_replaced_for_whoever_has_the_former_one(opened: Opened, sql: Sql):
    """Nothing that is served changes; of several in one group the first wins, and values of the group still go in."""
    account = await opened.new_account()
    cursor = opened.image.cursor
    results = await asyncio.gather(
        opened.store.replace_verifier(account, "first"),
        opened.store.replace_verifier(account, "second"),
        opened.store.add_value(account, a_value()),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Written, Refused, Written]
    assert await sql("SELECT verifier FROM credential") == [("first",)]
    found = await opened.store.account(account.username)
    assert found is not None
    await opened.store.replace_verifier(found, "third")
    assert opened.image.cursor == cursor + 1, "only the value took one"
    with pytest.raises(Refused, match="replaced_or_expired"):
        await opened.store.add_value(found, a_value())
    with pytest.raises(Refused, match="replaced_or_expired"):
        await opened.store.replace_verifier(found, "fourth")
