"""The Argon2 threads and the line in front of them."""

import asyncio
import os
import threading

import bcrypt
import pytest

from acmedns_py.accounts.hashing import (
    MOST_ARGON2_KIB,
    MOST_ARGON2_LANES,
    MOST_ARGON2_PASSES,
    MOST_BCRYPT_COST,
    NOBODY,
    HashPool,
    Work,
    bcrypt_cost,
    outdated,
)
from acmedns_py.errors import Overloaded, Refused


@pytest.fixture
def pool():
    made = HashPool(threads=1, most_waiting=2)
    yield made
    made.close()


async def test_hash_is_argon2id_with_the_stated_cost(pool):
    """19 MiB, two passes, one lane; and it verifies."""
    async with pool.turn(Work.LOGIN):
        verifier = await pool.hash("password")
        assert verifier.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await pool.verify(verifier, "password")
        assert not await pool.verify(verifier, "Password")


async def test_nobody_costs_the_same_and_fits_nothing(pool):
    """The verifier for unknown usernames has the same parameters and lengths as a real one."""
    async with pool.turn(Work.LOGIN):
        verifier = await pool.hash("password")
        assert not await pool.verify(NOBODY, "password")
    assert [len(part) for part in NOBODY.split("$")] == [len(part) for part in verifier.split("$")]
    assert NOBODY.split("$")[:4] == verifier.split("$")[:4]


BCRYPT = bcrypt.hashpw(b"password", bcrypt.gensalt(4, prefix=b"2b")).decode()


@pytest.mark.parametrize(
    "verifier", ["plain", "", BCRYPT[:-1], BCRYPT.replace("$2b$", "$2x$"), BCRYPT.replace("$04$", "$03$")]
)
async def test_foreign_verifier_is_refused_with_its_reason(pool, verifier):
    """A stored text that is neither Argon2's nor bcrypt's is not taken for a wrong password."""
    async with pool.turn(Work.LOGIN):
        with pytest.raises(Refused, match="unreadable_verifier"):
            await pool.verify(verifier, "password")


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
async def test_bcrypt_verifies_under_each_of_its_names(pool, prefix):
    """Go's, PHP's and Python's hashes of a password are the same but for the prefix."""
    verifier = BCRYPT.replace("$2b$", f"${prefix}$")
    async with pool.turn(Work.LOGIN):
        assert await pool.verify(verifier, "password")
        assert not await pool.verify(verifier, "Password")
    assert outdated(verifier)
    assert not outdated(NOBODY)


async def test_a_bcrypt_cost_above_the_limit_is_refused_unhashed(pool, monkeypatch):
    """Cost 31 would take days; the one at the limit is tried."""
    tried = []
    monkeypatch.setattr(bcrypt, "checkpw", lambda _password, verifier: tried.append(verifier) or True)
    at_the_limit = BCRYPT.replace("$04$", f"${MOST_BCRYPT_COST}$")
    async with pool.turn(Work.LOGIN):
        for cost in (MOST_BCRYPT_COST + 1, 31, 99):
            with pytest.raises(Refused, match="bcrypt_cost_too_high"):
                await pool.verify(BCRYPT.replace("$04$", f"${cost}$"), "password")
        assert await pool.verify(at_the_limit, "password")
    assert tried == [at_the_limit.encode()]
    assert bcrypt_cost(at_the_limit) == MOST_BCRYPT_COST


@pytest.mark.parametrize(
    "cost",
    [
        f"m={MOST_ARGON2_KIB + 1},t=1,p=1",
        f"m=8,t={MOST_ARGON2_PASSES + 1},p=1",
        f"m=1024,t=1,p={MOST_ARGON2_LANES + 1}",
        f"m={10**20},t=1,p=1",
    ],
)
async def test_an_argon2_cost_above_the_limit_is_refused(pool, cost):
    """A restored verifier may ask for any; what is at the limit is tried."""
    verifier = NOBODY.replace("m=19456,t=2,p=1", cost)
    async with pool.turn(Work.LOGIN):
        with pytest.raises(Refused, match="argon2_cost_too_high"):
            await pool.verify(verifier, "password")
        at_the_limit = f"m={8 * MOST_ARGON2_LANES},t={MOST_ARGON2_PASSES},p={MOST_ARGON2_LANES}"
        assert not await pool.verify(NOBODY.replace("m=19456,t=2,p=1", at_the_limit), "password")


async def test_bcrypt_takes_nothing_for_a_password_that_it_would_cut(pool):
    """72 octets count; what is longer, or has a NUL, is wrong even where its beginning is right."""
    long = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    async with pool.turn(Work.LOGIN):
        assert await pool.verify(long, "x" * 72)
        assert not await pool.verify(long, "x" * 73)
        assert not await pool.verify(long, "ü" * 72)
        with_nul = bcrypt.hashpw(b"password\0more", bcrypt.gensalt(4)).decode()
        assert not await pool.verify(with_nul, "password\0more")
        assert not await pool.verify(BCRYPT, "\udcff")


async def test_threads_have_the_lowest_priority_and_the_loop_keeps_its_own(pool):
    """Hashing yields to everything else on the machine."""
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    native = await asyncio.get_running_loop().run_in_executor(pool._threads, threading.get_native_id)
    assert os.getpriority(os.PRIO_PROCESS, native) == 19
    assert os.sched_getscheduler(native) == os.SCHED_IDLE
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_full_line_is_overloaded(pool):
    """Who finds it full is told to come back; who waits in it gets a turn."""
    done = []

    async def wait(number):
        async with pool.turn(Work.LOGIN):
            done.append(number)

    async with pool.turn(Work.LOGIN):
        waiting = [asyncio.create_task(wait(number)) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as full:
            async with pool.turn(Work.LOGIN):
                pass
        assert full.value.retry_after > 0
    await asyncio.gather(*waiting)
    assert done == [0, 1]


async def test_line_without_places_still_gives_free_threads():
    """Only those who would have to wait are sent away."""
    pool = HashPool(threads=1, most_waiting=0)
    try:
        async with pool.turn(Work.LOGIN):
            with pytest.raises(Overloaded):
                async with pool.turn(Work.LOGIN):
                    pass
    finally:
        pool.close()


async def test_too_long_a_wait_is_overloaded():
    """A line that does not move is left, and the place in it is free again."""
    pool = HashPool(threads=1, most_waiting=1, patience_seconds=0.0)
    try:
        async with pool.turn(Work.LOGIN):
            for _ in range(2):
                with pytest.raises(Overloaded, match="no thread"):
                    async with pool.turn(Work.LOGIN):
                        pass
        async with pool.turn(Work.LOGIN):
            pass
    finally:
        pool.close()


async def test_logins_overtake_registrations():
    """Whoever came first: a renewal has a deadline."""
    pool = HashPool(threads=1)
    done = []

    async def wait(work):
        async with pool.turn(work):
            done.append(work)

    try:
        async with pool.turn(Work.LOGIN):
            waiting = [
                asyncio.create_task(wait(work))
                for work in (Work.REGISTRATION, Work.REGISTRATION, Work.LOGIN, Work.LOGIN)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
    finally:
        pool.close()
    assert done == [Work.LOGIN, Work.LOGIN, Work.REGISTRATION, Work.REGISTRATION]


async def test_registrations_take_only_some_of_the_places():
    """The others are for logins; together they are no more than the line holds."""
    pool = HashPool(threads=1, most_waiting=3, most_registrations_waiting=1)
    done = []

    async def wait(work):
        try:
            async with pool.turn(work):
                done.append(work)
        except Overloaded:
            done.append("full")

    try:
        async with pool.turn(Work.REGISTRATION):
            waiting = [asyncio.create_task(wait(work)) for work in [Work.REGISTRATION] * 3 + [Work.LOGIN] * 3]
            await asyncio.sleep(0)
            assert done == ["full"] * 3
        await asyncio.gather(*waiting)
    finally:
        pool.close()
    assert done[3:] == [Work.LOGIN, Work.LOGIN, Work.REGISTRATION]


@pytest.mark.parametrize("granted", [False, True])
async def test_turn_of_one_who_gives_up_goes_to_the_next(pool, granted):
    """Whether it leaves the line, or its turn has just come: no thread is lost, none is given twice."""
    done = []

    async def wait(number):
        async with pool.turn(Work.LOGIN):
            done.append(number)

    async with pool.turn(Work.LOGIN):
        waiting = [asyncio.create_task(wait(number)) for number in range(2)]
        await asyncio.sleep(0)
        if not granted:
            waiting[0].cancel()
    if granted:
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [1]
    async with pool.turn(Work.LOGIN):
        waiting = [asyncio.create_task(wait(2))]
        await asyncio.sleep(0)
        assert done == [1]
    await asyncio.gather(*waiting)
    assert done == [1, 2]


async def test_default_threads_leave_a_core(monkeypatch):
    """One less than the cores, at least one and at most four."""
    for cores, expected in ((1, 1), (2, 1), (4, 3), (64, 4), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        pool = HashPool()
        assert pool._threads._max_workers == expected
        pool.close()
