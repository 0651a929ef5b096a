"""The OpenAPI document against the API that it describes."""

import asyncio
import json
import threading
from dataclasses import dataclass

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

from acmedns_py.accounts import tokens
from acmedns_py.api.admin import template
from acmedns_py.api.openapi import document
from acmedns_py.certificate.keeper import Keeper
from acmedns_py.certificate.options import Access, Wanted
from acmedns_py.certificate.state import State
from tests.api.running import credential, running, value
from tests.api.wire import request

ANSWER_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(document(registration_open=True, admin=True))


@dataclass(frozen=True)
class Served:
    """The API's base URL, and a token for its operator's routes."""

    base: str
    token: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request, tmp_path_factory):
    """An API on each engine in a loop of its own, since schemathesis asks from ordinary functions."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('openapi')}/acmedns.db"
    else:
        url = request.getfixturevalue("postgres_module_url")
    started: list[tuple[Served, asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve():
        over = asyncio.Event()
        async with running(url) as api:
            # With one made, the operator's routes are there.
            token = await tokens.issue(api.store, "writer", scopes=["write"])
            base = f"http://127.0.0.1:{api.port}"
            started.append((Served(base, token), asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(timeout=20)
    served, loop, over = started[0]
    yield served
    loop.call_soon_threadsafe(over.set)
    thread.join(timeout=20)


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_api_keeps_what_its_document_promises(case, served):
    """Every status, type and body is in the document, whatever is sent."""
    case.call_and_validate(base_url=served.base, checks=[*ANSWER_CHECKS, unsupported_method])


@SCHEMA.include(path_regex="^/admin/").parametrize()
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_operator_s_routes_keep_it_for_who_shows_a_token(case, served):
    """The same behind the door."""
    headers = {"Authorization": f"Bearer {served.token}"}
    case.call_and_validate(base_url=served.base, headers=headers, checks=ANSWER_CHECKS)


async def test_document_is_served_and_names_the_routes(database_url):
    """OpenAPI 3.1, /register in it."""
    async with running(database_url) as api:
        reply = await api.ask(request("GET", "/openapi.json"))
        assert reply.status == 200
        assert reply.json == document(registration_open=True, admin=False)
        assert "Admin" not in reply.body.decode()
        await tokens.issue(api.store, "reader", scopes=["read"])
        reply = await api.ask(request("GET", "/openapi.json"))
        assert reply.json == document(registration_open=True, admin=True)
        assert reply.json["openapi"].startswith("3.1")
        assert {path for path in reply.json["paths"] if not path.startswith("/admin/")} == {
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


async def test_document_has_each_route_of_the_operator_s(database_url):
    """And no other: all that are asked for in the tests of what each takes."""
    async with running(database_url) as api:
        token = await tokens.issue(api.store, "writer", scopes=["write"])
        paths = (await api.ask(request("GET", "/openapi.json"))).json["paths"]
        for path, operations in paths.items():
            if path.startswith("/admin/"):
                target = path.replace("{name}", "x")
                assert template(target) == path.replace("{name}", "NAME")
                reply = await api.ask(request("PROPFIND", target, None, {"Authorization": f"Bearer {token}"}))
                assert reply.status == 405
                assert reply.header("allow").lower().split(", ") == [one for one in operations if one != "parameters"]
    assert len([path for path in paths if path.startswith("/admin/")]) == 16


async def test_good_answers_of_the_operator_s_routes_fit_the_document(database_url):
    """What schemathesis can't reach without knowing a name."""
    async with running(database_url) as api:
        token = await tokens.issue(api.store, "writer", scopes=["write"])
        name = (await api.register())["username"]
        for method, path, status, body in (
            ("GET", "/admin/v1/accounts", 200, {}),
            ("POST", "/admin/v1/accounts", 201, {"label": "x"}),
            ("GET", "/admin/v1/accounts/{name}", 200, {}),
            ("PATCH", "/admin/v1/accounts/{name}", 200, {"label": "y"}),
            ("POST", "/admin/v1/accounts/{name}/password", 200, {"grace_seconds": 60}),
            ("POST", "/admin/v1/accounts/{name}/values", 200, {"txt": value(1)}),
            ("DELETE", "/admin/v1/accounts/{name}/values", 200, {"txt": value(1)}),
            ("DELETE", "/admin/v1/accounts/{name}/values?all=true", 200, {}),
            ("GET", "/admin/v1/accounts/{name}/trace", 200, {}),
            ("DELETE", "/admin/v1/accounts/{name}", 200, {}),
            ("POST", "/admin/v1/tokens", 201, {"name": name, "scopes": ["read"], "expires": "2999-01-01T00:00:00Z"}),
            ("GET", "/admin/v1/tokens", 200, {}),
            ("GET", "/admin/v1/tokens/{name}", 200, {}),
            ("DELETE", "/admin/v1/tokens/{name}", 200, {}),
            ("GET", "/admin/v1/check", 200, {}),
            ("POST", "/admin/v1/check", 200, {}),
            ("GET", "/admin/v1/audit", 200, {}),
            ("GET", "/admin/v1/stats", 200, {}),
            ("GET", "/admin/v1/top", 200, {}),
        ):
            octets = json.dumps(body).encode() if body else None
            headers = {"Authorization": f"Bearer {token}"}
            reply = await api.ask(request(method, path.format(name=name), octets, headers))
            assert reply.status == status, (method, path, reply)
            route = path.partition("?")[0]
            case = SCHEMA[route][method].Case(path_parameters={"name": name} if "{" in path else {})
            case.validate_response(response_of(method, route, headers, reply), checks=ANSWER_CHECKS)


async def test_answers_about_the_certificate_fit_the_document(database_url, tmp_path):
    """Of a server that gets its own; one that does not says so."""
    wanted = Wanted(("auth.example.org",), "p256", "", "https://ca.example/dir")
    keeper = Keeper(wanted, Access(None, "", "", ""), owners={}, state=State(tmp_path / "state"))
    keeper.prepare()
    routes = (
        ("GET", "/admin/v1/certificate", None, 200),
        ("POST", "/admin/v1/certificate/revocation", {"reason": "keyCompromise"}, 400),
        ("POST", "/admin/v1/certificate/renewal", {"force": True}, 200),
        ("POST", "/admin/v1/certificate/renewal", {"now": True}, 400),
    )
    for each in (keeper, None):
        async with running(database_url, keeper=each) as api:
            token = await tokens.issue(api.store, "writer" if each else "other", scopes=["write"])
            headers = {"Authorization": f"Bearer {token}"}
            for method, path, body, status in routes:
                octets = json.dumps(body).encode() if body is not None else None
                reply = await api.ask(request(method, path, octets, headers))
                assert reply.status == (status if each else 400), (method, path, reply)
                SCHEMA[path][method].Case().validate_response(
                    response_of(method, path, headers, reply), checks=ANSWER_CHECKS
                )


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
    response = response_of(method, path, credential(account), reply)
    SCHEMA[path][method].Case(**parts).validate_response(response, checks=ANSWER_CHECKS)


def response_of(method, path, headers, reply):
    """A reply as schemathesis has it."""
    return schemathesis.Response(
        status_code=reply.status,
        headers={name: [text] for name, text in reply.headers},
        content=reply.body,
        request=requests.Request(method, f"http://localhost{path}", headers).prepare(),
        elapsed=0.1,
        verify=False,
    )
