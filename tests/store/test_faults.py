"""What becomes of acknowledged and of waiting writes when the database dies, hangs, fills up or is taken away."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from acmedns_py.accounts.administration import Administration, Credential, Operator
from acmedns_py.accounts.credentials import Credentials
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.issued_tokens import IssuedTokens, TokenWish
from acmedns_py.accounts.register import Registration, Wish
from acmedns_py.accounts.tokens import Tokens, digest
from acmedns_py.errors import OutcomeUnknown, StoreRefused, StoreUnavailable
from acmedns_py.store import engine
from tests.postgres import Postgres
from tests.store.conftest import Opened, OpenStore, a_value, execute, owner
from tests.store.link import Link

T = TypeVar("T")
HERE = Path(__file__).parent
ROUNDS = 4
MANY_ATTEMPTS = 2_000
LOCK_BACKENDS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short limits, so that a database that hangs is given up soon."""
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 0.4)
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.4)


@pytest.fixture
def killable(postgres: Postgres) -> Iterator[Postgres]:
    """The session's server, which runs again after the test whatever became of it."""
    yield postgres
    if postgres.pid is None:
        postgres.start()


async def test_what_a_killed_process_acknowledged_is_there(database_url: str, open_store: OpenStore):
    """SIGKILL in the middle of group commits, again and again: every value that a client heard of stays."""
    acknowledged: set[tuple[str, str]] = set()
    for _ in range(ROUNDS):
        writing = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "writing_process.py"), database_url,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        )  # fmt: skip
        assert writing.stdout is not None
        for _line in range(200):
            acknowledged.add(_pair(await writing.stdout.readline()))
        writing.kill()
        while (line := await writing.stdout.readline()).endswith(b"\n"):
            acknowledged.add(_pair(line))
        await writing.wait()
    opened = await open_store()
    names = {name[1:37]: values for name, values in opened.image.state().challenges.items()}
    assert len(acknowledged) >= ROUNDS * 200
    for name, value in acknowledged:
        assert value == "-" or value.encode() in names[name.encode()]


def _pair(line: bytes) -> tuple[str, str]:
    name, value = line.decode().split()
    return name, value


async def test_acknowledged_values_outlive_a_killed_postgresql(
    open_at: OpenStore, killable: Postgres, postgres_url: str
):
    """Writers at work, the server killed under them and started again: nothing acknowledged is lost, and it goes on."""
    opened = await open_at(postgres_url, max_values=100_000)
    accounts = [await opened.new_account() for _ in range(4)]
    acknowledged: set[tuple[bytes, bytes]] = set()
    enough = asyncio.Event()

    async def client(number: int, goal: int) -> None:
        account = accounts[number % 4]
        while True:
            value = a_value()
            try:
                await opened.store.add_value(account, value)
            except StoreUnavailable:
                return
            acknowledged.add((owner(account), value.encode()))
            if len(acknowledged) >= goal:
                enough.set()

    for _ in range(ROUNDS):
        enough.clear()
        clients = [asyncio.ensure_future(client(number, len(acknowledged) + 100)) for number in range(8)]
        await enough.wait()
        killable.kill()
        await asyncio.gather(*clients)
        with pytest.raises(StoreUnavailable):
            await opened.store.account(accounts[0].username)
        assert not await opened.store.ready()
        killable.start()
        await _write_succeeds(opened)
        assert await opened.store.ready()
    state = await opened.store.load()
    assert state == opened.image.state()
    assert all(value in state.challenges[name] for name, value in acknowledged)


async def _write_succeeds(opened: Opened) -> None:
    """Write until it is done: a restart has nothing to be told."""
    for _attempt in range(MANY_ATTEMPTS):
        with suppress(StoreUnavailable):
            await opened.new_account()
            return
    pytest.fail("the store did not recover by itself")


async def test_a_restart_between_two_writes_is_not_noticed(open_at: OpenStore, killable: Postgres, postgres_url: str):
    """Idle connections that died with the server are replaced without an error to anybody."""
    opened = await open_at(postgres_url)
    account = await opened.new_account()
    killable.kill()
    killable.start()
    assert await opened.store.account(account.username) == account
    await opened.store.add_value(account, a_value())
    assert await opened.loaded(account) == opened.values(account) != ()


async def test_a_commit_of_unknown_outcome_is_published_when_it_was_done(
    open_at: OpenStore, postgres: Postgres, postgres_url: str, link: Link
):
    """The answer to COMMIT is lost: the client hears 503, and what was committed is served before anything later."""
    opened = await open_at(link.url(postgres_url))
    account = await opened.new_account()
    lost, later = a_value(), a_value()
    link.cut = "after"
    with pytest.raises(StoreUnavailable):
        await opened.store.add_value(account, lost)
    await opened.store.add_value(account, later)
    assert opened.values(account) == (lost.encode(), later.encode())
    assert (await opened.store.load()) == opened.image.state()


@pytest.mark.parametrize("cut", ["after", "before"])
async def test_no_secret_is_lost_with_the_answer_to_its_commit(
    open_at: OpenStore, postgres: Postgres, postgres_url: str, link: Link, cut: str
):
    """What was done is told, since nobody else knows it; what was not done fails, and the former password stays good."""
    opened = await open_at(link.url(postgres_url))
    store, root = opened.store, Operator("user:root", "here")
    with closing(HashPool()) as pool:
        administration = Administration(
            directory=store,
            publisher=Served(),
            pool=pool,
            forget=lambda _username: None,
            zone="auth.example",
            traces=None,
        )
        issued = IssuedTokens(keeper=store, now=lambda: datetime.now(UTC))
        first = await administration.create(root, label="first")

        async def ended(work: Awaitable[T]) -> T | None:
            link.cut = cut
            if cut == "after":
                return await work
            with pytest.raises(OutcomeUnknown, match=r"is not known .*: look before you repeat it"):
                await work
            return None

        made = await ended(administration.create(root, label="second"))
        rotated = await ended(administration.rotate(root, "first"))
        token = await ended(issued.issue(root, TokenWish("fleet")))

        async def lets_in(credential: Credential) -> bool:
            account = await store.account(credential.username)
            assert account is not None
            return await pool.verify(account.verifier, credential.password)

        assert await lets_in(first) is (rotated is None)
        if made is None or rotated is None or token is None:
            assert (made, rotated, token) == (None, None, None)
            assert (await store.statistics()).accounts == 1
            assert await store.issued_tokens(after=0, most=9) == []
        else:
            assert await lets_in(made)
            assert await lets_in(rotated)
            assert await store.token(digest(token)) is not None
    actions = [(one.entry.action, one.entry.result) for one in await store.audit(since=None, after=0, most=9)]
    done = ["account_created", "account_created", "password_rotated", "token_created"]
    assert actions == [(action, "done") for action in (done if cut == "after" else done[:1])]


@pytest.mark.parametrize("cut", ["after", "before"])
async def test_a_registration_whose_commit_was_not_answered_is_taken_back(
    open_at: OpenStore, postgres: Postgres, postgres_url: str, link: Link, cut: str
):
    """The client hears 503 and drops the password: nobody could use the account."""
    opened = await open_at(link.url(postgres_url))
    with closing(HashPool()) as pool:
        registration = Registration(
            credentials=Credentials(store=opened.store, pool=pool, clock=lambda: 0.0),
            tokens=Tokens(store=opened.store, clock=lambda: 0.0),
            store=opened.store,
            publisher=Served(),
            zone="auth.example",
            token_required=False,
        )
        link.cut = cut
        with pytest.raises(OutcomeUnknown):
            await registration.register(Wish(), None)
    assert (await opened.store.statistics()).accounts == 0
    assert opened.image.state().challenges == (await opened.store.load()).challenges


class Served:
    """Workers that have applied everything."""

    async def served(self, cursor: int) -> None:
        """Return at once."""


async def test_a_lost_commit_is_published_although_nobody_writes(
    open_at: OpenStore, postgres: Postgres, postgres_url: str, link: Link, monkeypatch: pytest.MonkeyPatch
):
    """The store looks by itself; no later write is needed."""
    opened = await open_at(link.url(postgres_url))
    account = await opened.new_account()
    value = a_value()
    published = asyncio.Event()
    apply = opened.on_commit
    monkeypatch.setattr(opened.store._writer, "_on_commit", lambda commit: (apply(commit), published.set()))
    link.cut = "after"
    with pytest.raises(StoreUnavailable):
        await opened.store.add_value(account, value)
    await asyncio.wait_for(published.wait(), 20)
    assert opened.values(account) == (value.encode(),)


async def test_a_commit_that_never_arrived_is_not_published(
    open_at: OpenStore, postgres: Postgres, postgres_url: str, link: Link
):
    """The client hears 503 as well; the value is nowhere, and its repeat is an ordinary write."""
    opened = await open_at(link.url(postgres_url))
    account = await opened.new_account()
    value = a_value()
    link.cut = "before"
    with pytest.raises(StoreUnavailable):
        await opened.store.add_value(account, value)
    assert opened.values(account) == () == await opened.loaded(account)
    await opened.store.add_value(account, value)
    assert opened.values(account) == (value.encode(),)


async def test_a_lost_lock_is_taken_again(open_at: OpenStore, postgres_url: str):
    """Its connection ends; the next write holds the lock before it commits."""
    opened = await open_at(postgres_url)
    account = await opened.new_account()
    await execute(postgres_url, LOCK_BACKENDS)
    await opened.store._lock.heartbeat()
    assert not await opened.store.ready()
    await opened.store.add_value(account, a_value())
    assert await opened.store.ready()
    with pytest.raises(StoreRefused):
        await open_at(postgres_url)


async def test_a_holder_that_did_not_notice_its_loss_commits_nothing(
    open_at: OpenStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The successor's name in the zone's row stops it, however long its own connection seems to live."""
    first = await open_at(postgres_url)
    account = await first.new_account()
    with monkeypatch.context() as patched:
        patched.setattr(first.store._lock, "held", lambda: True)
        patched.setattr(first.store._lock, "heartbeat", first.store._lock.hold)
        await execute(postgres_url, LOCK_BACKENDS)
        second = await open_at(postgres_url)
        with pytest.raises(StoreUnavailable, match="taken over"):
            await first.store.add_value(account, a_value())
    assert second.values(account) == () == await second.loaded(account)
    await second.store.add_value(account, a_value())
    await second.store.close()
    await first.store.add_value(account, a_value())
    assert first.values(account) == await first.loaded(account)
    assert len(first.values(account) or ()) == 2


@pytest.mark.parametrize("rows", ["kept", "pruned"])
async def test_a_store_that_lost_its_lock_catches_up_with_the_other(open_at: OpenStore, postgres_url: str, rows: str):
    """While another holds the lock no commit is made; after it, all that the other did is published first."""
    first = await open_at(postgres_url)
    account = await first.new_account()
    await first.store.add_value(account, a_value())
    taking = asyncio.ensure_future(open_at(postgres_url))
    while await execute(postgres_url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") == [(0,)]:
        assert not taking.done(), "it waits for the lock"
    await execute(postgres_url, LOCK_BACKENDS)
    second = await taking
    with pytest.raises(StoreUnavailable, match="written by acmedns"):
        await first.store.add_value(account, a_value())
    assert not await first.store.ready()
    await second.store.clear_values(account)
    others = await second.new_account()
    await second.store.add_value(others, a_value())
    await second.store.replace_static([])
    await second.store.close()
    if rows == "pruned":
        await execute(postgres_url, "DELETE FROM change")
    value = a_value()
    await first.store.add_value(account, value)
    assert first.values(account) == (value.encode(),)
    assert first.values(others) == second.values(others) != ()
    assert (await first.store.load()) == first.image.state()


async def test_a_hanging_postgresql_is_given_up_in_time(
    open_at: OpenStore, killable: Postgres, postgres_url: str, impatient: None
):
    """A server that answers nothing fails writes and reads instead of keeping them, and is used again when it wakes."""
    opened = await open_at(postgres_url)
    account = await opened.new_account()
    killable.signal(signal.SIGSTOP)
    try:
        results = await asyncio.gather(
            opened.store.add_value(account, a_value()),
            opened.store.account(account.username),
            return_exceptions=True,
        )
        assert [type(one) for one in results] == [StoreUnavailable] * 2
        assert not await opened.store.ready()
    finally:
        killable.signal(signal.SIGCONT)
    await _write_succeeds(opened)
    assert (await opened.store.load()) == opened.image.state()


async def test_a_row_that_somebody_else_locks_is_waited_for_in_bounds(
    open_store: OpenStore, database_url: str, impatient: None
):
    """Another program's transaction makes writes fail, not wait for ever; when it ends they go through."""
    opened = await open_store()
    account = await opened.new_account()
    async with _foreign_lock(database_url):
        with pytest.raises(StoreUnavailable):
            await opened.store.add_value(account, a_value())
        assert await opened.store.account(account.username) == account
        assert not await opened.store.ready()
    await opened.store.add_value(account, a_value())
    assert await opened.store.ready()
    assert len(opened.values(account) or ()) == 1


class _foreign_lock:  # noqa: N801 - used as a function
    """A transaction of another program that holds what the writer needs."""

    def __init__(self, url: str) -> None:
        self._place = engine.target(url)
        self._engine = engine.connect(self._place, engine.Use.LONG)
        self._connection: Any = None

    async def __aenter__(self) -> None:
        self._connection = await self._engine.connect()
        if self._place.path is not None:
            await self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        await self._connection.exec_driver_sql("UPDATE zone SET cursor = cursor")

    async def __aexit__(self, *_: object) -> None:
        await self._connection.rollback()
        await self._connection.close()
        await self._engine.dispose()


async def test_a_database_file_that_was_removed_takes_no_writes(open_at: OpenStore, tmp_path: Path):
    """They would go to a file without a name, and be gone with the process."""
    path = tmp_path / "acmedns.db"
    opened = await open_at(f"sqlite:///{path}")
    account = await opened.new_account()
    hidden = path.rename(tmp_path / "hidden")
    with pytest.raises(StoreUnavailable, match=r"acmedns\.db is gone: No such file.*restart"):
        await opened.store.add_value(account, a_value())
    shutil.copy(hidden, path)
    with pytest.raises(StoreUnavailable, match="was replaced"):
        await opened.store.add_value(account, a_value())
    path.unlink()
    hidden.rename(path)
    await opened.store.add_value(account, a_value())


async def test_a_full_disk_fails_writes_and_loses_nothing(tmp_path: Path):
    """On a file system of two MiB of its own: 503 while it is full, recovery by itself, no acknowledged value lost."""
    done = await asyncio.create_subprocess_exec(
        "unshare", "--map-root-user", "--mount", "sh", "-c",
        'mount -t tmpfs -o size=2m none "$1" && exec "$2" "$3" "$1"',
        "sh", str(tmp_path), sys.executable, str(HERE / "full_disk_process.py"),
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await done.communicate()
    assert done.returncode == 0, output.decode()


async def test_a_transaction_that_writes_nothing_is_no_recovery(open_at: OpenStore, tmp_path: Path):
    """A database that can only be read is not ready, although looking for expired values goes well in it."""
    url = f"sqlite:///{tmp_path / 'acmedns.db'}"
    opened = await open_at(url)
    account = await opened.new_account()
    await execute(url, "CREATE TRIGGER full BEFORE UPDATE ON zone BEGIN SELECT RAISE(ABORT, 'full'); END")
    for attempt in (opened.store.add_value(account, a_value()), opened.store.expire()):
        with pytest.raises(StoreUnavailable):
            await attempt
        assert not await opened.store.ready()
    await execute(url, "DROP TRIGGER full")
    await opened.store.expire()
    assert await opened.store.ready()


async def test_a_publisher_that_fails_hears_of_the_commit_again(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    """A commit is done, its publication is not: its caller hears 503, and it is published before anything later."""
    account = await opened.new_account()
    first, second = a_value(), a_value()

    def fails(_commit: object) -> None:
        raise RuntimeError("no feed")

    with monkeypatch.context() as patched:
        patched.setattr(opened.store._writer, "_on_commit", fails)
        with pytest.raises(StoreUnavailable):
            await opened.store.add_value(account, first)
    await opened.store.add_value(account, second)
    assert opened.values(account) == (first.encode(), second.encode())


async def test_errors_for_clients_hold_no_sql(open_at: OpenStore, tmp_path: Path):
    """The text of an error may reach a log or a page: it has neither statements nor parameters."""
    path = tmp_path / "acmedns.db"
    opened = await open_at(f"sqlite:///{path}")
    account = await opened.new_account()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE txt")
    with pytest.raises(StoreUnavailable) as error:
        await opened.store.add_value(account, "secret-value")
    assert not re.search(r"SELECT|INSERT|secret-value", str(error.value))
