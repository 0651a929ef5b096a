"""GET /health and /health/ready."""

import asyncio

import pytest

from acmedns_py.api.health import ANSWER_SECONDS, Remembered
from tests.api.wire import request

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_health_is_200_and_empty(api):
    """As acme-dns."""
    for method in ("GET", "HEAD"):
        reply = await api.ask(request(method, "/health"))
        assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_readiness_shows_its_document(api, ready, status):
    """200 where all is well, 503 where something is missing; the document says what."""
    api.ready = (ready, {"ready": ready, "database": "up", "workers": [{"applied": 7}]})
    reply = await api.ask(request("GET", "/health/ready"))
    assert (reply.status, reply.json) == (status, api.ready[1])


async def test_costly_look_is_made_once_a_second_for_all():
    """Strangers may ask as often as they like; what is answered is a second old at most."""
    now = 0.0
    looks = []
    answers = iter([True, False])

    async def look():
        looks.append(now)
        await asyncio.sleep(0)
        return next(answers)

    remembered = Remembered(look, lambda: now)
    assert await asyncio.gather(*(remembered() for _ in range(20))) == [True] * 20
    now = ANSWER_SECONDS - 0.01
    assert await remembered()
    assert looks == [0.0]
    now = ANSWER_SECONDS
    assert await asyncio.gather(*(remembered() for _ in range(20))) == [False] * 20
    assert looks == [0.0, ANSWER_SECONDS]


async def test_look_of_one_who_leaves_is_made_by_the_next():
    """Nobody waits for an answer that never comes."""
    began = asyncio.Event()
    release = asyncio.Event()

    async def look():
        began.set()
        await release.wait()
        return True

    remembered = Remembered(look, lambda: 0.0)
    first = asyncio.create_task(remembered())
    await began.wait()
    second = asyncio.create_task(remembered())
    first.cancel()
    release.set()
    assert await second
