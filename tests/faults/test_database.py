"""A database that dies, hangs or is held by others: DNS goes on from memory, writes are 503, it recovers by itself."""

import asyncio
import json
import os
import signal
import sqlite3
import time

import asyncpg
import pytest

from tests.ask import ask, from_every_worker, rcode, values
from tests.faults.test_workers import wait_for_workers
from tests.postgres import Postgres
from tests.server import Reply, value


@pytest.fixture
def killable(postgres: Postgres):
    """The session's PostgreSQL, running again at the end of the test."""
    yield postgres
    if postgres.pid is None:
        postgres.start()


def refused(reply) -> bool:
    """Whether a write was put off as it should be: 503, when to come back, and nothing of our insides."""
    if reply.status != 503:
        return False
    assert int(reply.headers["Retry-After"]) >= 1
    assert set(reply.json) == {"error"}
    assert not any(word in reply.body.lower() for word in (b"sql", b"postgres", b"traceback", b"connect"))
    return True


def until_ok(write, seconds=40):
    """Repeat a write, as a client does, until it is acknowledged."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reply = write()
        if reply.status in (200, 201):
            return reply
        assert refused(reply)
    raise AssertionError("writes did not come back")


def until_ready(server, seconds=10):
    """Ask until readiness is back: its look at the database may be a second old."""
    deadline = time.monotonic() + seconds
    while server.request("GET", "/health/ready").status != 200:
        assert time.monotonic() < deadline, "readiness did not come back"
        time.sleep(0.05)


def test_dns_outlives_a_killed_postgresql(make_server, killable, postgres_url):
    """Kill -9 of the database: every value is served, workers are even replaced; after its return writes go on (dns-correctness #33)."""
    server = make_server(database_url=postgres_url).start()
    account = server.register()
    assert server.update(account, value(1)).status == 200
    killable.kill()
    assert refused(server.update(account, value(2)))
    assert refused(server.request("POST", "/register"))
    ready = server.request("GET", "/health/ready")
    assert (ready.status, ready.json["database"]["reachable"]) == (503, False)
    assert server.request("GET", "/health").status == 200
    pids = [worker["pid"] for worker in ready.json["workers"]]
    os.kill(pids[0], signal.SIGKILL)
    wait_for_workers(server, other_than=[pids[0]])
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert value(1) in values(response)
    killable.start()
    until_ok(lambda: server.update(account, value(3)))
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert {value(1), value(3)} <= values(response) or {value(2), value(3)} <= values(response)
    until_ready(server)


def test_what_was_acknowledged_before_the_kill_is_there_after_a_restart(make_server, killable, postgres_url):
    """Database and server die together; whatever was told 200 is served again."""
    server = make_server(database_url=postgres_url).start()
    accounts = [server.register() for _ in range(3)]
    for number, account in enumerate(accounts):
        assert server.update(account, value(number)).status == 200
    killable.kill()
    server.kill()
    killable.start()
    server.start()
    for number, account in enumerate(accounts):
        assert values(ask(server.dns, account["fulldomain"])) == {value(number)}


def test_a_hanging_postgresql_slows_no_answer(make_server, killable, postgres_url):
    """SIGSTOP of the database: writes are put off in bounded time, DNS knows nothing of it."""
    server = make_server(database_url=postgres_url).start()
    account = server.register()
    assert server.update(account, value(1)).status == 200
    killable.signal(signal.SIGSTOP)
    try:
        assert refused(server.update(account, value(2)))
        assert value(1) in values(ask(server.dns, account["fulldomain"]))
        assert rcode(ask(server.dns, f"nope.{server.zone}")) == "NXDOMAIN"
    finally:
        killable.signal(signal.SIGCONT)
    until_ok(lambda: server.update(account, value(3)))
    assert value(3) in values(ask(server.dns, account["fulldomain"]))


def test_a_locked_sqlite_file_puts_writes_off(make_server):
    """Another program holds the write lock: 503 until it lets go, DNS unharmed."""
    server = make_server().start()
    account = server.register()
    assert server.update(account, value(1)).status == 200
    other = sqlite3.connect(server.folder / "acmedns.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert refused(server.update(account, value(2)))
        assert values(ask(server.dns, account["fulldomain"])) == {value(1)}
        other.execute("ROLLBACK")
    finally:
        other.close()
    until_ok(lambda: server.update(account, value(2)))
    assert values(ask(server.dns, account["fulldomain"])) == {value(1), value(2)}


async def test_a_stop_takes_back_the_registrations_that_a_held_database_keeps_waiting(make_server, postgres_url):
    """Those accounts are there that were told, and no others: the stop cuts the clients off, then the row is free."""
    server = make_server(database_url=postgres_url).start()
    told = {server.register()["username"]}
    other = await asyncpg.connect(postgres_url)
    try:
        async with other.transaction():
            await other.execute("SELECT * FROM zone FOR UPDATE")
            asked = [asyncio.create_task(asyncio.to_thread(server.request, "POST", "/register")) for _ in range(3)]
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            while not await other.fetchval(waits):
                await asyncio.sleep(0.05)
            server.signal(signal.SIGTERM)
            replies = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        await other.close()
    told |= {reply.json["username"] for reply in replies if isinstance(reply, Reply) and reply.status == 201}
    assert await asyncio.to_thread(server.process.wait, 20) == 0
    listed = server.acmedns("account", "list", "--json")
    assert {json.loads(line)["username"] for line in listed.stdout.splitlines()} == told
