"""GET /health and /health/ready."""

import pytest

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
