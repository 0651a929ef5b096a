"""Registrations that the workers do not confirm: nothing is left of them, so that the next try finds all free."""

import asyncio

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncTransaction

from acmedns_py.accounts import tokens
from acmedns_py.accounts.directory import Filter, Rotate
from acmedns_py.accounts.ports import Entry
from acmedns_py.dns import name
from acmedns_py.errors import NotServed
from acmedns_py.store import writer
from tests.api.running import ZONE, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENTRY = Entry("user:test", "test", "tested", "account")


class Late:
    """A publisher whose workers do not confirm for as long as it is told so; `meanwhile` is awaited before."""

    def __init__(self):
        self.late = True
        self.meanwhile = None

    async def served(self, cursor):
        if self.meanwhile:
            await self.meanwhile()
        if self.late:
            raise NotServed(cursor, "a worker is gone")


async def accounts(api):
    return await api.store.listed(Filter(), after=0, most=10)


async def test_the_next_try_gets_the_label_and_the_last_use_of_the_token(database_url):
    """No client keeps a password that came with a 503 (clients #4, #7)."""
    async with running(database_url, registration="token", publisher=Late()) as api:
        token = await tokens.issue(api.store, "fleet", labels="*", uses=1)
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(2):
            reply = await api.post("/register", b'{"subdomain":"web-1"}', headers)
            assert (reply.status, reply.json) == (503, {"error": "not_served"})
            assert await accounts(api) == []
            assert name.from_text(f"web-1.{ZONE}") not in (await api.store.load()).challenges
        assert [change.after for commit in api.commits for change in commit.challenges] == [(), None, (), None]
        api.publisher.late = False
        reply = await api.post("/register", b'{"subdomain":"web-1"}', headers)
        assert (reply.status, reply.json["subdomain"]) == (201, "web-1")
        assert (await api.post("/register", b'{"subdomain":"web-2"}', headers)).status == 401, "its one use"
        entries = [one.entry.action for one in await api.store.audit(since=None, after=0, most=10)]
        assert entries == [*["account_registered", "registration_withdrawn"] * 2, "account_registered", "token_shown"]


async def test_tokens_without_a_limit_and_random_labels_are_no_different(database_url):
    """Also many at once, in one transaction."""
    async with running(database_url, publisher=Late()) as api:
        token = await tokens.issue(api.store, "fleet")
        replies = await asyncio.gather(
            *(api.post("/register", None, {"Authorization": f"Bearer {token}"} if one % 2 else {}) for one in range(6))
        )
        assert {reply.status for reply in replies} == {503}
        assert await accounts(api) == []
        assert (await api.store.statistics()).retired_labels == 0
        api.publisher.late = False
        assert (await api.post("/register", None, {"Authorization": f"Bearer {token}"})).status == 201


async def test_what_an_operator_has_taken_charge_of_stays(database_url):
    """Its password is another by then; the log says what is left."""
    async with running(database_url, publisher=Late()) as api:

        async def rotate():
            (account,) = await accounts(api)
            await api.store.change(account.id, Rotate("v2", 0), ENTRY)

        api.publisher.meanwhile = rotate
        with structlog.testing.capture_logs() as logged:
            assert (await api.post("/register")).status == 503
        (account,) = await accounts(api)
        (line,) = [one for one in logged if one["event"] == "registration_left_behind"]
        assert (line["log_level"], line["account"]) == ("error", account.username)
        assert "rotate" in line["cure"]


async def test_an_account_that_is_committed_when_nobody_waits_any_more_is_taken_back(database_url, monkeypatch):
    """The database took longer than a client is kept waiting."""
    async with running(database_url) as api:
        given_up = asyncio.Event()
        commit, withdraw = AsyncTransaction.commit, api.store.withdraw

        async def slow(transaction):
            await given_up.wait()
            await commit(transaction)

        async def patient(*arguments):
            monkeypatch.setattr(writer, "CALLER_SECONDS", 10.0)
            given_up.set()
            return await withdraw(*arguments)

        monkeypatch.setattr(AsyncTransaction, "commit", slow)
        monkeypatch.setattr(writer, "CALLER_SECONDS", 0.1)
        monkeypatch.setattr(api.store, "withdraw", patient)
        reply = await api.post("/register")
        assert reply.status == 503
        assert await accounts(api) == []
        assert [change.after for commit in api.commits for change in commit.challenges] == [(), None]


async def test_a_registration_that_can_not_be_taken_back_is_in_the_log(database_url, lose_database):
    """The client is told the same."""
    async with running(database_url, publisher=Late()) as api:

        async def lose():
            lose_database()

        api.publisher.meanwhile = lose
        with structlog.testing.capture_logs() as logged:
            reply = await api.post("/register")
        assert (reply.status, reply.json) == (503, {"error": "not_served"})
        assert [one["event"] for one in logged if one["event"] == "registration_left_behind"]
