"""The OpenAPI document against the API that it describes."""

import asyncio
import threading

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from acmedns_py.api.openapi import document
from tests.api.running import credential, running, value
from tests.api.wire import request

ANSWER_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(document(registration_open=True))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def base_url(request, tmp_path_factory):
    """An API on each engine in a loop of its own, since schemathesis asks from ordinary functions."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('openapi')}/acmedns.db"
    else:
        url = request.getfixturevalue("postgres_module_url")
    started: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve():
        over = asyncio.Event()
        async with running(url) as api:
            started.append((api.port, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(timeout=20)
    port, loop, over = started[0]
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(over.set)
    thread.join(timeout=20)


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_api_keeps_what_its_document_promises(case, base_url):
    """Every status, type and body is in the document, whatever is sent."""
    case.call_and_validate(base_url=base_url, checks=[*ANSWER_CHECKS, unsupported_method])


async def test_document_is_served_and_names_the_routes(database_url):
    """OpenAPI 3.1, /register in it."""
    async with running(database_url) as api:
        reply = await api.ask(request("GET", "/openapi.json"))
        assert reply.status == 200
        assert reply.json == document(registration_open=True)
        assert reply.json["openapi"].startswith("3.1")
        assert set(reply.json["paths"]) == {
            "/register",
            "/update",
            "/account",
            "/storage",
            "/storage/{domain}",
            "/health",
            "/health/ready",
            "/openapi.json",
        }


async def test_document_leaves_out_what_is_closed(database_url):
    """No /register where registration is off."""
    async with running(database_url, registration="off") as api:
        reply = await api.ask(request("GET", "/openapi.json"))
        assert "/register" not in reply.json["paths"]


async def test_good_answers_fit_the_document(database_url):
    """What schemathesis can't reach without a credential: 200 of all methods."""
    async with running(database_url) as api:
        account = await api.register()
        for method in ("POST", "DELETE"):
            fits("/update", method, account, await api.update(account, value(1), method=method), body={})
            fits("/account", "GET", account, await api.ask(request("GET", "/account", headers=credential(account))))


def fits(path, method, account, reply, **parts):
    """Hold a good reply against the document."""
    assert reply.status == 200
    response = schemathesis.Response(
        status_code=reply.status,
        headers={name: [text] for name, text in reply.headers},
        content=reply.body,
        request=requests.Request(method, f"http://localhost{path}", credential(account)).prepare(),
        elapsed=0.1,
        verify=False,
    )
    SCHEMA[path][method].Case(**parts).validate_response(response, checks=ANSWER_CHECKS)
