"""Lasting values in the store, on both engines: what they outlive, what refuses them, and how they come back."""

import asyncio

import pytest

from acmedns_py.accounts.directory import ClearValues, RemoveValue, SetDisabled, SetTxtRule, SetValue, shown_value
from acmedns_py.accounts.ports import Account, Entry, Written
from acmedns_py.accounts.txt_rule import LONGEST_OCTETS, MOST_LASTING, TxtRule
from acmedns_py.errors import BadInput, Unusable
from tests.store.conftest import HandClock, Opened, OpenStore, Sql, a_value

ENTRY = Entry("user:test", "test", "tested", "somebody")
PERSIST = "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard"


async def any_account(opened: Opened) -> Account:
    """An account that may hold any text."""
    account = await opened.new_account()
    await opened.store.change(account.id, SetTxtRule(TxtRule.ANY), ENTRY)
    found = await opened.store.account(account.username)
    assert found is not None
    assert found.txt_rule is TxtRule.ANY
    return found


async def test_a_lasting_value_outlives_the_window_and_all_challenges(open_store: OpenStore, sql: Sql):
    """It counts neither among the last two nor towards the most, and expiry never looks at it."""
    clock = HandClock()
    opened = await open_store(clock=clock, max_values=3)
    account = await any_account(opened)
    await opened.store.add_value(account, PERSIST)
    challenges = [a_value() for _ in range(5)]
    for challenge in challenges:
        await opened.store.add_value(account, challenge)
    assert opened.values(account) == (PERSIST.encode(), *(one.encode() for one in challenges[-3:]))
    clock.seconds += 365 * 86_400
    await opened.store.expire()
    expected = (PERSIST.encode(), *(one.encode() for one in challenges[-2:]))
    assert opened.values(account) == expected == await opened.loaded(account)
    assert await sql("SELECT count(*) FROM txt WHERE superseded") == [(0,)]


async def test_it_is_there_after_a_restart_and_goes_by_removal_and_clearing_alone(open_store: OpenStore):
    """Byte-exact, whatever it holds (dns-correctness #32)."""
    opened = await open_store()
    account = await any_account(opened)
    texts = [PERSIST, 'a;b "c" \\ \t\n\0 ü', "x" * LONGEST_OCTETS, "ü" * (LONGEST_OCTETS // 2), " "]
    for text in texts:
        await opened.store.add_value(account, text)
    await opened.store.close()
    opened = await open_store()
    assert set(opened.values(account) or ()) == {text.encode() for text in texts}
    shown = await opened.store.shown(account.id)
    assert shown is not None
    assert {one.value for one in shown.values} == {shown_value(text.encode()) for text in texts}
    await opened.store.change(account.id, RemoveValue(shown_value(texts[1].encode())), ENTRY)
    await opened.store.remove_value(account, texts[2])
    assert set(opened.values(account) or ()) == {texts[0].encode(), texts[3].encode(), b" "}
    await opened.store.change(account.id, ClearValues(), ENTRY)
    assert opened.values(account) == ()


async def test_one_too_many_is_refused_and_pushes_nothing_out(opened: Opened):
    """Also where two come in one group; a repeat is none too many."""
    account = await any_account(opened)
    texts = [f"lasting {number}" for number in range(MOST_LASTING)]
    for text in texts[:-1]:
        await opened.store.add_value(account, text)
    results = await asyncio.gather(
        opened.store.add_value(account, texts[-1]),
        opened.store.add_value(account, "one more"),
        opened.store.add_value(account, texts[0]),
        opened.store.change(account.id, SetValue("and another"), ENTRY),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [Written, BadInput, Written, Unusable]
    assert "bad_txt: the account holds 8 lasting values" in str(results[1])
    assert set(opened.values(account) or ()) == {text.encode() for text in texts}


async def test_the_rule_is_not_tightened_over_lasting_values(opened: Opened):
    """They are not dropped by the way: who tightens the rule is told to take them away."""
    account = await any_account(opened)
    await opened.store.add_value(account, PERSIST)
    with pytest.raises(Unusable, match=r"the account holds 1 lasting values, .* --remove TXT"):
        await opened.store.change(account.id, SetTxtRule(TxtRule.ACME), ENTRY)
    assert opened.values(account) == (PERSIST.encode(),)
    await opened.store.change(account.id, RemoveValue(PERSIST), ENTRY)
    challenge = a_value()
    await opened.store.add_value(account, challenge)
    await opened.store.change(account.id, SetTxtRule(TxtRule.ACME), ENTRY)
    assert opened.values(account) == (challenge.encode(),)


async def test_a_rule_that_was_tightened_in_the_same_group_counts(opened: Opened):
    """A write whose account was looked up before meets the rule of its moment."""
    account = await any_account(opened)
    results = await asyncio.gather(
        opened.store.change(account.id, SetTxtRule(TxtRule.ACME), ENTRY),
        opened.store.add_value(account, PERSIST),
        opened.store.change(account.id, SetValue(PERSIST), ENTRY),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [Written, BadInput, Unusable]
    assert opened.values(account) == ()


async def test_disabling_takes_lasting_values_too(opened: Opened):
    """A host that had to be locked out must not leave a standing leave behind."""
    account = await any_account(opened)
    await opened.store.add_value(account, PERSIST)
    await opened.store.change(account.id, SetDisabled(disabled=True), ENTRY)
    assert opened.values(account) == ()


async def test_an_odd_value_that_was_imported_is_no_lasting_one(open_store: OpenStore, sql: Sql, database_url: str):
    """Under the rule acme it is a value like any other: acme-dns may have handed it over, and it must go some day."""
    opened = await open_store()
    account = await opened.new_account()
    await opened.store.close()
    octets = "BYTEA" if database_url.startswith("postgres") else "BLOB"
    await sql(f"INSERT INTO txt VALUES ({account.id}, CAST('odd' AS {octets}), 1, 1, 1 = 0)")  # noqa: S608
    opened = await open_store()
    assert opened.values(account) == (b"odd",)
    for challenge in (a_value(), a_value()):
        await opened.store.add_value(account, challenge)
    assert b"odd" not in (opened.values(account) or ())
