"""The use cases over a real store: what is committed, what is waited for, what stale memory may not do."""

import asyncio
import sqlite3
import time
from ipaddress import ip_address

import pytest

from acmedns_py.accounts.credentials import Credentials, Login
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.register import Registration, Wish
from acmedns_py.accounts.tokens import Tokens
from acmedns_py.accounts.trace import Traces
from acmedns_py.accounts.update import Change, Updates
from acmedns_py.dns import name
from acmedns_py.errors import BadInput, NotServed, Refused
from acmedns_py.store.store import SqlStore

SOURCE = ip_address("192.0.2.1")
ZONE = "auth.example.org"
VALUE = "a" * 43


class HeldPublisher:
    """Workers that apply nothing until they are released."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[int] = asyncio.Queue()
        self.released = asyncio.Event()
        self.released.set()
        self.fails = False

    async def served(self, cursor):
        self.asked.put_nowait(cursor)
        await self.released.wait()
        if self.fails:
            raise NotServed(cursor, "no live worker")


class World:
    """A store with the rules over it."""

    def __init__(self, store: SqlStore, pool: HashPool) -> None:
        self.store = store
        self.publisher = HeldPublisher()
        self.credentials = Credentials(store=store, pool=pool, clock=lambda: 0.0)
        parts = {"credentials": self.credentials, "store": store, "publisher": self.publisher}
        self.registration = Registration(
            tokens=Tokens(store=store, clock=lambda: 0.0), zone="auth.example.org", token_required=False, **parts
        )
        self.updates = Updates(traces=Traces(time.time, window_seconds=3600, ca_networks=4), **parts)

    async def account(self, *allow_from):
        fresh = await self.registration.register(Wish(allow_from), SOURCE)
        assert await self.publisher.asked.get()
        return fresh, Login(username=fresh.username, password=fresh.password, source=SOURCE)

    async def values(self, fresh):
        state = await self.store.load()
        return [value.decode() for value in state.challenges[name.from_text(f"{fresh.label}.{ZONE}")]]


@pytest.fixture
async def world(tmp_path):
    store = await SqlStore.open(
        f"sqlite:///{tmp_path}/acmedns.db",
        apex=name.from_text(ZONE),
        window_seconds=3600,
        max_values=100,
        on_commit=lambda _: None,
    )
    pool = HashPool(threads=1)
    yield World(store, pool)
    pool.close()
    await store.close()


def direct(tmp_path, statement, *parameters):
    """Change the database behind the program's back."""
    connection = sqlite3.connect(tmp_path / "acmedns.db")
    with connection:
        connection.execute(statement, parameters)
    connection.close()


async def test_registration_waits_until_its_name_is_served(world):
    """No account is told to anyone before every live worker knows its name."""
    world.publisher.released.clear()
    registering = asyncio.create_task(world.registration.register(Wish(), SOURCE))
    await world.publisher.asked.get()
    assert not registering.done()
    world.publisher.released.set()
    assert await world.values(await registering) == []


async def test_wrong_allow_from_registers_nothing(world):
    """It is refused before anything is hashed or committed."""
    with pytest.raises(BadInput):
        await world.registration.register(Wish(("192.0.2.1",)), SOURCE)
    assert not (await world.store.load()).challenges


async def test_update_waits_until_its_value_is_served(world):
    """And the value is durable before the wait begins."""
    fresh, login = await world.account()
    world.publisher.released.clear()
    updating = asyncio.create_task(world.updates.apply(login, Change(fresh.label, VALUE)))
    await world.publisher.asked.get()
    assert await world.values(fresh) == [VALUE]
    assert not updating.done()
    world.publisher.released.set()
    await updating


async def test_repeat_waits_for_the_cursor_of_its_value(world):
    """Never a success because a value is there already."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    first = await world.publisher.asked.get()
    world.publisher.fails = True
    with pytest.raises(NotServed):
        await world.updates.apply(login, Change(fresh.label, VALUE))
    assert await world.publisher.asked.get() == first
    assert await world.values(fresh) == [VALUE]


@pytest.mark.parametrize("method", ["clear", "remove"])
async def test_clearing_and_removing_are_waited_for_too(world, method):
    """What is gone must be gone everywhere before the client hears of it."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    first = await world.publisher.asked.get()
    change = Change(fresh.label, "") if method == "clear" else Change(fresh.label, VALUE, remove=True)
    await world.updates.apply(login, change)
    assert await world.publisher.asked.get() > first
    assert await world.values(fresh) == []


@pytest.mark.parametrize(
    ("password", "source", "label", "value", "expected"),
    [
        ("x" * 40, "203.0.113.1", "other", "bad", "wrong_password"),
        (None, "203.0.113.1", "other", "bad", "address_not_allowed"),
        (None, "203.0.113.1", None, None, "address_not_allowed"),
        (None, "192.0.2.1", None, None, "malformed_json_payload"),
        (None, "192.0.2.1", "other", "bad", "subdomain_mismatch"),
        (None, "192.0.2.1", "", VALUE, "subdomain_mismatch"),
        (None, "192.0.2.1", "SAME", VALUE, "subdomain_mismatch"),
        (None, "192.0.2.1", "same", "bad", "bad_txt"),
    ],
)
async def test_first_failing_check_is_acme_dns_first(world, password, source, label, value, expected):
    """Credential, then address, then name, then value; names are compared with their case."""
    fresh, login = await world.account("192.0.2.0/24")
    shown = Login(username=login.username, password=password or login.password, source=ip_address(source))
    labels = {"same": fresh.label, "SAME": fresh.label.upper()}
    with pytest.raises((Refused, BadInput), match=expected):
        await world.updates.apply(shown, Change(labels.get(label, label), value))
    assert await world.values(fresh) == []


@pytest.mark.parametrize("value", [None, "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 43 + "\n", "ä" * 43, "__VOID__"])
async def test_wrong_value_changes_nothing(world, value):
    """A refused txt never takes a live value away (clients #11)."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    for remove in (False, True):
        with pytest.raises(BadInput, match="bad_txt"):
            await world.updates.apply(login, Change(fresh.label, value, remove=remove))
    with pytest.raises(BadInput, match="bad_txt"):
        await world.updates.apply(login, Change(fresh.label, "", remove=True))
    assert await world.values(fresh) == [VALUE]


async def test_remembered_credential_that_was_replaced_is_refused(world, tmp_path):
    """The writer sees the other verifier, and the second look at the database finds the password wrong."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    verifier = await world.credentials.hashed("y" * 40, SOURCE)
    direct(tmp_path, "UPDATE credential SET verifier = ?", verifier)
    with pytest.raises(Refused, match="wrong_password"):
        await world.updates.apply(login, Change(fresh.label, "b" * 43))
    assert await world.values(fresh) == [VALUE]
    changed = Login(username=login.username, password="y" * 40, source=SOURCE)
    await world.updates.apply(changed, Change(fresh.label, "b" * 43))


async def test_same_password_under_a_fresh_verifier_goes_on(world, tmp_path):
    """A rehash behind the memory's back costs one more login, not the client's update."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    verifier = await world.credentials.hashed(fresh.password, SOURCE)
    direct(tmp_path, "UPDATE credential SET verifier = ?", verifier)
    await world.updates.apply(login, Change(fresh.label, "b" * 43))
    assert await world.values(fresh) == [VALUE, "b" * 43]


async def test_second_look_applies_every_check_again(world, tmp_path):
    """An allow-list that was narrowed together with the verifier counts at once."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    verifier = await world.credentials.hashed(fresh.password, SOURCE)
    direct(tmp_path, "UPDATE credential SET verifier = ?", verifier)
    direct(tmp_path, "UPDATE account SET allow_from = ?", '["203.0.113.0/24"]')
    with pytest.raises(Refused, match="address_not_allowed"):
        await world.updates.apply(login, Change(fresh.label, "b" * 43))
    assert await world.values(fresh) == [VALUE]


async def test_disabled_account_is_refused_although_it_is_remembered(world, tmp_path):
    """Memory is no right."""
    fresh, login = await world.account()
    await world.updates.apply(login, Change(fresh.label, VALUE))
    direct(tmp_path, "UPDATE account SET disabled = 1")
    with pytest.raises(Refused):
        await world.updates.apply(login, Change(fresh.label, "b" * 43))
    assert await world.values(fresh) == [VALUE]
