"""Logins against a real store: who gets in, at which cost, and what is remembered."""

import asyncio
import math
import sqlite3
from contextlib import closing
from ipaddress import ip_address

import bcrypt
import pytest

from acmedns_py.accounts import credentials as module
from acmedns_py.accounts.attempts import REGISTRATION_SECONDS_EACH, REGISTRATIONS, SOURCE_FAILURES, USERNAME_FAILURES
from acmedns_py.accounts.credentials import Credentials, Login, canonical_username, fresh_name, fresh_password
from acmedns_py.accounts.hashing import NOBODY, HashPool, Work
from acmedns_py.dns import name
from acmedns_py.errors import Overloaded, Refused, StoreUnavailable, TooManyAttempts
from acmedns_py.store.store import SqlStore

SOURCE = ip_address("192.0.2.1")
STRANGER = ip_address("198.51.100.9")
ABSENT = "00000000-0000-4000-8000-000000000000"


class CountingStore:
    """The real store, with a count of the accounts that were read."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.reads: list[str] = []

    async def account(self, username):
        self.reads.append(username)
        return await self.store.account(username)

    async def replace_verifier(self, account, verifier):
        return await self.store.replace_verifier(account, verifier)


class CountingPool(HashPool):
    """The real pool, with a list of the verifiers that were checked."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.checked: list[str] = []

    async def verify(self, verifier, password):
        self.checked.append(verifier)
        return await super().verify(verifier, password)


@pytest.fixture
async def store(tmp_path):
    opened = await SqlStore.open(
        f"sqlite:///{tmp_path}/acmedns.db",
        apex=name.from_text("auth.example.org"),
        window_seconds=3600,
        max_values=100,
        on_commit=lambda _: None,
    )
    yield CountingStore(opened)
    await opened.close()


@pytest.fixture
def pool():
    made = CountingPool()
    yield made
    made.close()


@pytest.fixture
def credentials(store, pool):
    return Credentials(store=store, pool=pool, clock=lambda: 0.0)


@pytest.fixture
async def good(store, credentials):
    """A login that is right."""
    password = fresh_password()
    login = Login(username=fresh_name(), password=password, source=SOURCE)
    verifier = await credentials.hashed(password, SOURCE)
    await store.store.register(username=login.username, label=fresh_name(), allow_from=(), verifier=verifier)
    return login


def wrong(login, **changes):
    """The same login with something changed."""
    return Login(**({"username": login.username, "password": "x" * 40, "source": login.source} | changes))


def test_password_is_40_characters_of_the_alphabet():
    """And each of the 64 characters occurs."""
    passwords = {fresh_password() for _ in range(200)}
    assert len(passwords) == 200
    assert {len(password) for password in passwords} == {40}
    assert set("".join(passwords)) == set(module.ALPHABET)
    assert len(module.ALPHABET) == 64


def test_names_are_random_uuids_of_version_4():
    """In the form that acme-dns gives."""
    found = fresh_name()
    assert (len(found), found[14], found) == (36, "4", found.lower())
    assert fresh_name() != found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6ba7b810-9dad-41d1-80b4-00c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        ("6BA7B810-9DAD-41D1-80B4-00C04FD430C8", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        ("urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        ("{6ba7b810-9dad-41d1-80b4-00c04fd430c8}", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        ("6ba7b8109dad41d180b400c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        ("", None),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430c8\n", None),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430c", None),
        ("{6ba7b810-9dad-41d1-80b4-00c04fd430c8", None),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430cg", None),
        ("६ba7b810-9dad-41d1-80b4-00c04fd430c8", None),
        ("non-uuid-user", None),
    ],
)
def test_username_is_read_in_every_form_that_acme_dns_reads(text, expected):
    """Google's uuid.Parse: plain, upper case, URN, braces, without dashes."""
    assert canonical_username(text) == expected


async def test_right_password_gives_the_account(credentials, good):
    """Also with the username in another form."""
    account = await credentials.authenticate(good)
    assert account.username == good.username
    shouted = wrong(good, username=good.username.upper(), password=good.password)
    assert await credentials.authenticate(shouted) == account


async def test_known_credential_needs_neither_database_nor_hash(credentials, good, store, pool):
    """The second login costs microseconds."""
    account = await credentials.authenticate(good)
    assert (len(store.reads), len(pool.checked)) == (1, 1)
    assert await credentials.authenticate(good) is account
    assert (len(store.reads), len(pool.checked)) == (1, 1)


async def test_wrong_password_is_not_let_in_by_the_memory(credentials, good, pool):
    """A remembered username still has its password checked."""
    await credentials.authenticate(good)
    with pytest.raises(Refused, match="wrong_password"):
        await credentials.authenticate(wrong(good))
    assert len(pool.checked) == 2


async def test_unknown_username_takes_the_same_path_as_a_wrong_password(credentials, good, store, pool):
    """One read, one hash of the same cost, the same exception; only the log's reason differs."""
    with pytest.raises(Refused, match="wrong_password"):
        await credentials.authenticate(wrong(good))
    real = pool.checked[-1]
    with pytest.raises(Refused, match="unknown_user"):
        await credentials.authenticate(wrong(good, username=ABSENT))
    assert store.reads == [good.username, ABSENT]
    assert pool.checked == [real, NOBODY]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"username": "nobody"}, "unknown_user"),
        ({"username": ""}, "unknown_user"),
        ({"password": ""}, "bad_key_format"),
        ({"password": "x" * 39}, "bad_key_format"),
        ({"password": "x" * 41}, "bad_key_format"),
        ({"password": "x" * 39 + "+"}, "bad_key_format"),
        ({"password": "x" * 40 + "\n"}, "bad_key_format"),
        ({"password": "ü" * 40}, "bad_key_format"),
        ({"password": "\udcff" * 40}, "bad_key_format"),
    ],
)
async def test_impossible_credential_costs_nothing(credentials, good, store, pool, changes, reason):
    """What no account can have is refused before database and hash, remembered username or not."""
    await credentials.authenticate(good)
    del store.reads[:], pool.checked[:]
    with pytest.raises(Refused, match=reason):
        await credentials.authenticate(wrong(good, **changes))
    assert (store.reads, pool.checked) == ([], [])


async def test_right_password_of_a_disabled_account_counts_against_the_account_alone(credentials, good, tmp_path, pool):
    """A fleet behind one address goes on renewing when one of its hosts was locked out; it still costs one hash."""
    password = fresh_password()
    neighbour = Login(username=fresh_name(), password=password, source=SOURCE)
    verifier = await credentials.hashed(password, SOURCE)
    await credentials._store.store.register(
        username=neighbour.username, label=fresh_name(), allow_from=(), verifier=verifier
    )
    with closing(sqlite3.connect(tmp_path / "acmedns.db")) as direct, direct:
        direct.execute("UPDATE account SET disabled = 1 WHERE username = ?", (good.username,))
    for number in range(USERNAME_FAILURES):
        with pytest.raises(Refused, match="account_disabled"):
            await credentials.authenticate(good)
        assert len(pool.checked) == number + 1
    with pytest.raises(TooManyAttempts, match="username"):
        await credentials.authenticate(good)
    assert (await credentials.authenticate(neighbour)).username == neighbour.username


async def test_forgotten_credential_is_verified_afresh(credentials, good, store):
    """The database has the last word."""
    await credentials.authenticate(good)
    credentials.forget(good.username.upper())
    await credentials.authenticate(good)
    assert len(store.reads) == 2


async def test_replaced_verifier_is_not_remembered(credentials, good, tmp_path):
    """After `forget`, an exchanged password locks the old one out."""
    await credentials.authenticate(good)
    verifier = await credentials.hashed("y" * 40, SOURCE)
    with sqlite3.connect(tmp_path / "acmedns.db") as direct:
        direct.execute("UPDATE credential SET verifier = ?", (verifier,))
    direct.close()
    credentials.forget(good.username)
    with pytest.raises(Refused, match="wrong_password"):
        await credentials.authenticate(good)
    await credentials.authenticate(wrong(good, password="y" * 40))


async def test_memory_is_bounded_and_keeps_what_was_used_last(credentials, good, store, monkeypatch):
    """The credential unused longest is forgotten."""
    monkeypatch.setattr(module, "MOST_REMEMBERED", 1)
    other = Login(username=fresh_name(), password=fresh_password(), source=SOURCE)
    verifier = await credentials.hashed(other.password, SOURCE)
    await store.store.register(username=other.username, label=fresh_name(), allow_from=(), verifier=verifier)
    await credentials.authenticate(good)
    await credentials.authenticate(other)
    await credentials.authenticate(other)
    assert len(store.reads) == 2
    await credentials.authenticate(good)
    assert len(store.reads) == 3


async def test_memory_holds_no_password(credentials, good):
    """A dump of what is remembered has neither the password nor a plain hash of it."""
    await credentials.authenticate(good)
    digest, _ = credentials._remembered[good.username]
    assert len(digest) == 32
    assert good.password not in repr(credentials._remembered)
    other = Credentials(store=credentials._store, pool=credentials._pool, clock=lambda: 0.0)
    await other.authenticate(good)
    assert other._remembered[good.username][0] != digest


async def test_twenty_logins_at_once_hash_once(credentials, good, pool):
    """Twenty names in one order through one account: who waited finds the credential remembered."""
    accounts = await asyncio.gather(*(credentials.authenticate(good) for _ in range(20)))
    assert len(set(accounts)) == 1
    assert len(pool.checked) == 1


async def test_failures_are_limited_and_a_known_credential_is_not(credentials, good, pool):
    """The limit stands in front of the hash; a host that is known passes it."""
    await credentials.authenticate(good)
    for _ in range(SOURCE_FAILURES):
        with pytest.raises(Refused):
            await credentials.authenticate(wrong(good, username=ABSENT))
    hashes = len(pool.checked)
    with pytest.raises(TooManyAttempts):
        await credentials.authenticate(wrong(good, username=ABSENT))
    assert len(pool.checked) == hashes
    await credentials.authenticate(good)
    with pytest.raises(Refused):
        await credentials.authenticate(wrong(good, username=ABSENT, source=STRANGER))


async def test_flood_that_waits_in_line_is_limited_before_it_hashes(credentials, good, pool):
    """Attempts that came together past the first check meet the second one."""
    results = await asyncio.gather(
        *(credentials.authenticate(wrong(good, username=ABSENT)) for _ in range(50)), return_exceptions=True
    )
    assert {type(result) for result in results} == {Refused, TooManyAttempts}
    assert len(pool.checked) == 20


async def test_registrations_of_a_network_are_limited_where_they_begin_to_cost(credentials, monkeypatch):
    """A flood that waits in line hashes no more than the limit; logins and other networks go on."""
    hashes = []

    async def hashed(_password):
        hashes.append(1)
        await asyncio.sleep(0)

    monkeypatch.setattr(credentials._pool, "hash", hashed)
    for _ in range(REGISTRATIONS - 5):
        await credentials.hashed("x", SOURCE)
    results = await asyncio.gather(*(credentials.hashed("x", SOURCE) for _ in range(10)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * 5 + [TooManyAttempts] * 5
    assert results[-1].retry_after == math.ceil(REGISTRATION_SECONDS_EACH)
    assert len(hashes) == REGISTRATIONS
    await credentials.hashed("x", STRANGER)


async def test_registration_that_finds_the_line_full_is_not_counted(credentials, pool, monkeypatch):
    """It has cost nothing, and its sender is to come back."""
    async with pool.turn(Work.LOGIN):
        monkeypatch.setattr(pool, "_most_waiting", 0)
        for _ in range(REGISTRATIONS):
            with pytest.raises(Overloaded):
                await credentials.hashed("x", SOURCE)
    await credentials.hashed("x", SOURCE)


@pytest.fixture
async def brought(store):
    """A login whose account came from acme-dns."""
    login = Login(username=fresh_name(), password=fresh_password(), source=SOURCE)
    verifier = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    await store.store.register(username=login.username, label=fresh_name(), allow_from=(), verifier=verifier)
    return login


def stored(tmp_path):
    """The verifiers in the database."""
    with closing(sqlite3.connect(tmp_path / "acmedns.db")) as direct:
        return [verifier for (verifier,) in direct.execute("SELECT verifier FROM credential")]


async def test_first_good_login_makes_bcrypt_argon2(credentials, brought, store, pool, tmp_path):
    """It is committed when the login returns, good for a write, and remembered; a wrong one changes nothing."""
    with pytest.raises(Refused, match="wrong_password"):
        await credentials.authenticate(wrong(brought))
    assert stored(tmp_path)[0].startswith("$2a$04$")
    account = await credentials.authenticate(brought)
    assert account.verifier == stored(tmp_path)[0]
    assert account.verifier.startswith("$argon2id$")
    await store.store.add_value(account, "v" * 43)
    assert await credentials.authenticate(brought) is account
    credentials.forget(brought.username)
    assert await credentials.authenticate(brought) == account
    assert [verifier[:4] for verifier in pool.checked] == ["$2a$", "$2a$", "$arg"]


@pytest.mark.parametrize("trouble", ["unavailable", "slow"])
async def test_login_goes_well_where_its_verifier_can_not_be_replaced(
    credentials, brought, store, pool, tmp_path, monkeypatch, trouble
):
    """The former one is as good, and the next login tries again."""

    async def fails(_account, _verifier):
        if trouble == "slow":
            await asyncio.Event().wait()
        raise StoreUnavailable("no")

    with monkeypatch.context() as patched:
        patched.setattr(store, "replace_verifier", fails)
        patched.setattr(module, "REPLACE_SECONDS", 0.0)
        account = await credentials.authenticate(brought)
        assert account.verifier.startswith("$2a$04$")
        await store.store.add_value(account, "v" * 43)
    again = await credentials.authenticate(brought)
    assert again.verifier == stored(tmp_path)[0]
    assert again.verifier.startswith("$argon2id$")


async def test_logins_of_one_moment_replace_a_verifier_once(store, brought, tmp_path):
    """Two threads verify the same hash; whoever comes second does not undo what the first has committed."""
    pool = HashPool(threads=2)
    try:
        credentials = Credentials(store=store, pool=pool, clock=lambda: 0.0)
        accounts = await asyncio.gather(*(credentials.authenticate(brought) for _ in range(2)))
        (verifier,) = stored(tmp_path)
        assert sorted(account.verifier == verifier for account in accounts) in ([False, True], [True, True])
        assert (await credentials.authenticate(brought)).verifier == verifier
    finally:
        pool.close()
