"""The API's own challenge among the static records: served beside them, and never left behind."""

from contextlib import asynccontextmanager

import pytest

from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset, txt_rdata
from acmedns_py.service.static import StaticRecords
from acmedns_py.store.store import SqlStore
from tests.api.running import ServedAtOnce

APEX = name.from_text("auth.example.org")
OWNER = name.from_text("_acme-challenge.auth.example.org")
KEY = (OWNER, RRType.TXT)
FILE = (RRset(name.from_text("www.auth.example.org"), RRType.TXT, 300, (txt_rdata(b"file"),)),)


@pytest.fixture
def opened(tmp_path):
    @asynccontextmanager
    async def run():
        commits = []
        store = await SqlStore.open(
            f"sqlite:///{tmp_path}/db", apex=APEX, window_seconds=3600, max_values=100, on_commit=commits.append
        )
        try:
            yield store, commits, StaticRecords(store, txt_ttl=1)
        finally:
            await store.close()

    return run


async def static(store):
    return (await store.load()).static


async def test_challenge_is_served_until_it_is_taken_back(opened):
    """Two values of one name (dns-correctness #81): a change of the zone each time, waited for by its cursor."""
    async with opened() as (store, commits, records):
        publisher = ServedAtOnce()
        await records.replace(FILE)
        await records.challenge({OWNER: (b"one", b"two")}, publisher)
        found = (await static(store))[KEY]
        assert (found.ttl, found.rdatas) == (1, (b"\x03one", b"\x03two"))
        await records.challenge({}, publisher)
        assert KEY not in await static(store)
        assert publisher.asked == [commit.cursor for commit in commits[-2:]]
        assert len(await static(store)) == 1


async def test_reload_of_the_file_leaves_the_challenge(opened):
    """SIGHUP in the middle of an order must not fail it."""
    async with opened() as (store, _commits, records):
        await records.replace(FILE)
        await records.challenge({OWNER: (b"one",)}, ServedAtOnce())
        await records.replace(())
        assert list(await static(store)) == [KEY]


async def test_value_of_the_file_at_the_same_name_stays(opened):
    """A TXT of the operator's and ours are one set, with the lower TTL."""
    async with opened() as (store, _commits, records):
        await records.replace([RRset(OWNER, RRType.TXT, 300, (txt_rdata(b"file"),))])
        await records.challenge({OWNER: (b"one",)}, ServedAtOnce())
        assert (await static(store))[KEY].rdatas == (b"\x04file", b"\x03one")
        await records.challenge({}, ServedAtOnce())
        assert (await static(store))[KEY].rdatas == (b"\x04file",)


async def test_crash_leaves_no_challenge_behind(opened):
    """What a killed process had served is taken away by the next start."""
    async with opened() as (store, _commits, records):
        await records.replace(FILE)
        await records.challenge({OWNER: (b"one",)}, ServedAtOnce())
    async with opened() as (store, _commits, records):
        assert KEY in await static(store)
        await records.replace(FILE)
        assert KEY not in await static(store)


async def test_canaries_and_the_challenge_leave_each_other_alone(opened):
    """A check in the middle of an order, and the end of either."""
    async with opened() as (store, _commits, records):
        canary = name.from_text("a._acmedns-check.auth.example.org")
        await records.challenge({OWNER: (b"one",)}, ServedAtOnce())
        await records.canaries({canary: (b"two",)}, ServedAtOnce())
        assert set(await static(store)) == {KEY, (canary, RRType.TXT)}
        await records.replace(FILE)
        await records.challenge({}, ServedAtOnce())
        assert set(await static(store)) == {(canary, RRType.TXT), (FILE[0].owner, RRType.TXT)}
        await records.canaries({}, ServedAtOnce())
        assert set(await static(store)) == {(FILE[0].owner, RRType.TXT)}
