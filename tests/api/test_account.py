"""GET /account on the wire: what a host may know of its own credential, and that it changes nothing."""

from ipaddress import ip_network

import pytest

from acmedns_py.accounts.directory import Delete, Rotate, SetAllowFrom, SetDisabled, SetTitle
from acmedns_py.accounts.hashing import HashPool, Work
from acmedns_py.accounts.ports import Entry
from acmedns_py.api.client import ForwardedBy
from tests.api.running import credential, running, value
from tests.api.wire import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENTRY = Entry("user:test", "test", "tested", "account")


async def seen(api, account, *, headers=None, **options):
    """Ask as the account's host."""
    return await api.ask(request("GET", "/account", headers={**credential(account), **(headers or {})}), **options)


async def number(api, account):
    """The account's id in the store."""
    return (await api.store.account(account["username"])).id


async def test_an_account_sees_itself(api):
    """Its names, its values with their ages, its last update, its list; never a password or a hash."""
    account = await api.register(allowfrom=["127.0.0.0/8"])
    await api.store.change(await number(api, account), SetTitle("web, both names"), ENTRY)
    fresh = (await seen(api, account)).json
    assert (fresh["last_update"], fresh["last_update_from"], fresh["values"]) == (None, None, [])
    await api.update(account, value(1))
    await api.update(account, value(2))
    reply = await seen(api, account)
    assert reply.header("cache-control") == "no-store"
    shown = reply.json
    assert {key: shown[key] for key in ("username", "fulldomain", "subdomain", "allowfrom")} == {
        key: account[key] for key in ("username", "fulldomain", "subdomain", "allowfrom")
    }
    assert (shown["label"], shown["address"], shown["address_allowed"]) == ("web, both names", "127.0.0.1", True)
    assert [one["txt"] for one in shown["values"]] == [value(1), value(2)]
    assert all(0 <= one["age_seconds"] < 60 for one in shown["values"])
    assert shown["created"] <= shown["last_update"]
    assert shown["last_update_from"] == "127.0.0.1"
    assert account["password"].encode() not in reply.body
    assert b"argon2" not in reply.body


async def test_looking_changes_nothing(api):
    """No cursor is taken, and no value renewed."""
    account = await api.register()
    await api.update(account, value(1))
    before, commits = (await seen(api, account)).json, len(api.commits)
    after = (await seen(api, account)).json
    assert len(api.commits) == commits
    assert before["last_update"] == after["last_update"]
    assert before["values"][0]["written"] == after["values"][0]["written"]


async def test_an_address_that_may_not_update_is_told_so(api):
    """The verdict is there for who set the list wrongly, so it is no reason to refuse."""
    account = await api.register(allowfrom=["192.0.2.0/24", "::/0"])
    reply = await seen(api, account)
    assert reply.status == 200
    assert (reply.json["address"], reply.json["address_allowed"]) == ("127.0.0.1", False)
    await api.store.change(await number(api, account), SetAllowFrom(("127.0.0.1/32",)), ENTRY)
    assert (await seen(api, account)).json["address_allowed"] is True, "as it is now, not as it is remembered"


async def test_the_address_is_the_one_behind_the_proxy(database_url):
    """As for an update; unreadable, it is unknown, and no list lets that in."""
    proxy = ForwardedBy("X-Forwarded-For", [ip_network("127.0.0.1/32")])
    async with running(database_url, forwarded_by=proxy) as api:
        account = await api.register(allowfrom=["192.0.2.7/32"])
        for header, address, allowed in (("192.0.2.7", "192.0.2.7", True), ("nonsense", None, False)):
            shown = (await seen(api, account, headers={"X-Forwarded-For": header})).json
            assert (shown["address"], shown["address_allowed"]) == (address, allowed)


@pytest.mark.parametrize(
    "change", [SetDisabled(disabled=True), Delete(), Rotate("$argon2id$v=19$m=8,t=1,p=1$YWJjZGVmZ2g$YQ", 0)]
)
async def test_a_credential_that_was_taken_away_sees_nothing(api, change):
    """Though it is remembered from a moment ago."""
    account = await api.register()
    assert (await seen(api, account)).status == 200
    await api.store.change(await number(api, account), change, ENTRY)
    reply = await seen(api, account)
    assert (reply.status, reply.json) == (401, {"error": "forbidden"})


async def test_what_is_remembered_is_judged_anew_when_the_database_says_otherwise(api):
    """The same password under another hash is still right."""
    account = await api.register()
    assert (await seen(api, account)).status == 200
    pool = HashPool(threads=1)
    async with pool.turn(Work.LOGIN):
        again = await pool.hash(account["password"])
    pool.close()
    await api.store.change(await number(api, account), Rotate(again, 0), ENTRY)
    assert (await seen(api, account)).status == 200


async def test_a_wrong_password_sees_nothing(api):
    """The same answer as for an unknown user."""
    account = await api.register()
    for headers in ({"X-Api-Key": "x" * 40}, {"X-Api-User": "00000000-0000-4000-8000-000000000000"}):
        reply = await seen(api, account, headers=headers)
        assert (reply.status, reply.json) == (401, {"error": "forbidden"})


async def test_nothing_else_is_possible_there(api):
    """HEAD and OPTIONS apart."""
    account = await api.register()
    reply = await api.ask(request("POST", "/account", b"{}", credential(account)))
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS")
    assert (await api.ask(request("HEAD", "//ACCOUNT/", headers=credential(account)))).status == 200
