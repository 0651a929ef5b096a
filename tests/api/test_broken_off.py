"""A stop that can wait no longer for an account that is being made: it is told, or it never was."""

import asyncio
import json

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncTransaction

from acmedns_py.accounts import tokens
from acmedns_py.accounts.directory import Filter
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.dns import name
from acmedns_py.errors import NotServed
from acmedns_py.store import registration, transaction, writer
from acmedns_py.store.store import SqlStore
from tests.api.running import ZONE, ServedAtOnce, running


class Hold:
    """Stops who comes by until it is told to let go; before what is held is done, or behind it."""

    def __init__(self):
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    def put(self, monkeypatch, owner, called, *, behind=False):
        done = getattr(owner, called)

        async def held(*arguments, **options):
            given = await done(*arguments, **options) if behind else None
            self.reached.set()
            await self.let_go.wait()
            return given if behind else await done(*arguments, **options)

        monkeypatch.setattr(owner, called, held)


class Late(ServedAtOnce):
    """Workers that confirm nothing in time, so that the account is being taken back when the stop comes."""

    async def served(self, cursor):
        raise NotServed(cursor, "a worker is gone")


POINTS = {
    "before the password is hashed": (HashPool, "hash", False),
    "behind the hashing": (HashPool, "hash", True),
    "before the writer has it": (SqlStore, "register", False),
    "in the writer's line": (writer, "moment", False),
    "before the account is made": (registration, "create", False),
    "when the account is made": (registration, "create", True),
    "before the cursor is taken": (writer, "take_cursor", False),
    "before the commit": (AsyncTransaction, "commit", False),
    "behind the commit": (AsyncTransaction, "commit", True),
    "when the store has answered": (SqlStore, "register", True),
    "while workers are waited for": (ServedAtOnce, "served", False),
    "when workers have confirmed": (ServedAtOnce, "served", True),
    "before it is taken back": (SqlStore, "withdraw", False),
    "while it is taken back": (transaction, "_remove_deleted", False),
    "when it is taken back": (SqlStore, "withdraw", True),
}


CASES = [
    (door, point)
    for point in POINTS
    for door in ("/register", "/admin/v1/accounts")
    # An operator is told of an account that workers have not confirmed: it is not taken back.
    if door == "/register" or "taken back" not in point
]

MADE = {"account_registered", "account_created"}


async def asked(api, token, door, *, label="web-1"):
    """Have an account made; gives the status, or None where the connection ends without an answer."""
    body, headers = json.dumps({"subdomain": label}).encode(), {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return (await api.post(door, body, headers)).status
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def break_off(api, asking, hold):
    """Stop while it is held; it gets no answer."""
    await hold.reached.wait()
    await api.listener.stop(0.0)
    assert await asking is None


@pytest.mark.parametrize(("door", "point"), CASES)
async def test_there_is_no_account_that_nobody_was_told_of(database_url, monkeypatch, door, point):
    """Wherever it was broken off; and the next try gets the same name, by the token's only use."""
    late = "taken back" in point
    options = {"labels": "*", "uses": 1} if door == "/register" else {"scopes": ["read", "write"]}
    owner, called, behind = POINTS[point]
    async with running(database_url, publisher=Late() if late else None) as api:
        token = await tokens.issue(api.store, "fleet", **options)
        # That the token is used is written once a minute: not by the transaction that is held.
        assert await asked(api, token, door, label="-") == 400
        await api.store.expire()
        hold = Hold()
        with monkeypatch.context() as patched:
            hold.put(patched, owner, called, behind=behind)
            await break_off(api, asyncio.create_task(asked(api, token, door)), hold)
            hold.let_go.set()
    async with running(database_url) as api:
        assert await api.store.listed(Filter(), after=0, most=10) == []
        assert name.from_text(f"web-1.{ZONE}") not in (await api.store.load()).challenges
        entries = [one.entry.action for one in await api.store.audit(since=None, after=0, most=10)]
        assert len([one for one in entries if one in MADE]) == entries.count("registration_withdrawn")
        assert await asked(api, token, door) == 201


async def test_a_stop_that_has_the_time_lets_it_be_told(database_url, monkeypatch):
    """What is answered is there."""
    async with running(database_url) as api:
        hold = Hold()
        with monkeypatch.context() as patched:
            hold.put(patched, AsyncTransaction, "commit")
            asking = asyncio.create_task(api.post("/register"))
            await hold.reached.wait()
            stopping = asyncio.create_task(api.listener.stop(20.0))
            hold.let_go.set()
            assert (await asking).status == 201
            await stopping
    async with running(database_url) as api:
        assert len(await api.store.listed(Filter(), after=0, most=10)) == 1


async def test_one_that_the_server_ends_before_is_in_the_log(sqlite_url, monkeypatch):
    """A database that hangs does not hold the exit; who reads the log can look."""
    async with running(sqlite_url) as api:
        hold, hanging = Hold(), Hold()
        with monkeypatch.context() as patched, structlog.testing.capture_logs() as logged:
            hold.put(patched, SqlStore, "register", behind=True)
            hanging.put(patched, SqlStore, "withdraw")
            await break_off(api, asyncio.create_task(asked(api, None, "/register")), hold)
            await hanging.reached.wait()
            (taking_back,) = [task for task in asyncio.all_tasks() if task.get_name() == "withdrawal"]
            taking_back.cancel()
            await asyncio.wait({taking_back})
        (line,) = [one for one in logged if one["event"] == "registration_left_behind"]
        (account,) = await api.store.listed(Filter(), after=0, most=10)
        assert (line["account"], line["subdomain"]) == (account.username, account.label)
