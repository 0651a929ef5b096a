"""Paths, methods and what is at neither."""

import pytest

from tests.api.running import credential, value
from tests.api.wire import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPDATE_PATHS = [
    "/update",
    "//update",
    "/update/",
    "///update//",
    "/UPDATE",
    "/Update/",
    "/update?x=1",
    "//update?x=/register",
    "/%75pdate",
    "/update#fragment",
    "http://localhost/update",
    "http://localhost//update",
]


@pytest.mark.parametrize("target", UPDATE_PATHS)
async def test_update_is_served_directly_however_its_path_is_written(api, target):
    """A base URL with a final slash gives `//update`, and a redirect would lose the body (clients #1, #4, #17)."""
    account = await api.register()
    body = b'{"subdomain":"%s","txt":"%s"}' % (account["subdomain"].encode(), value(1).encode())
    reply = await api.post(target, body, credential(account))
    assert (reply.status, reply.json) == (200, {"txt": value(1)})


@pytest.mark.parametrize("target", ["/register", "//register", "/register/", "/REGISTER", "//register//?a=b"])
async def test_register_is_served_directly_however_its_path_is_written(api, target):
    """Likewise (clients #4)."""
    assert (await api.post(target)).status == 201


@pytest.mark.parametrize(
    "target",
    ["/", "//", "/nothing", "/updates", "/update/x", "/register/update", "/../update", "/update%00", "/%", "/health/x"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"])
async def test_unknown_path_is_404_in_json(api, method, target):
    """Whatever the method (clients #7)."""
    reply = await api.ask(request(method, target))
    assert (reply.status, reply.json) == (404, {"error": "not_found"})


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", "/update", "DELETE, OPTIONS, POST"),
        ("HEAD", "//update", "DELETE, OPTIONS, POST"),
        ("PUT", "/update/", "DELETE, OPTIONS, POST"),
        ("GET", "/register", "OPTIONS, POST"),
        ("DELETE", "/register", "OPTIONS, POST"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
        ("TRACE", "/health/ready", "GET, HEAD, OPTIONS"),
    ],
)
async def test_wrong_method_is_405_in_json_with_allow(api, method, target, allow):
    """And names what would be right (clients #7)."""
    reply = await api.ask(request(method, target))
    assert reply.status == 405
    assert reply.header("allow") == allow
    if method != "HEAD":
        assert reply.json == {"error": "method_not_allowed"}


async def test_plain_options_names_the_methods(api):
    """As acme-dns's router answers it."""
    reply = await api.ask(request("OPTIONS", "/update"))
    assert (reply.status, reply.header("allow"), reply.body) == (200, "DELETE, OPTIONS, POST", b"")


@pytest.mark.parametrize(
    "octets", [b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_other_forms_of_target_find_nothing(api, octets):
    """Asterisk and authority form (RFC 9112 3.2)."""
    reply = await api.ask(octets)
    assert (reply.status, reply.json) == (404, {"error": "not_found"})
