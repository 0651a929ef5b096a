"""CORS and HSTS: the options of acme-dns."""

import pytest

from acmedns_py.api.app import hsts_header
from tests.api.running import running
from tests.api.wire import request

# On SQLite only: what is tested here ends before a database is asked.

PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], "https://anything.example", "*"),
        (["https://app.example"], "https://app.example", "https://app.example"),
        (["https://APP.example"], "https://app.EXAMPLE", "https://app.EXAMPLE"),
        (["https://app.example"], "http://app.example", None),
        (["https://app.example"], "https://app.example.evil.test", None),
        (["https://*.example"], "https://a.b.example", "https://a.b.example"),
        (["https://*.example"], "https://example", None),
        (["https://a*a.example"], "https://a.example", None),
        (["http://one.example", "https://app.example"], "https://app.example", "https://app.example"),
        (["https://app.example"], "null", None),
    ],
)
async def test_listed_origins_are_let_in(sqlite_url, origins, origin, allowed):
    """By name, without case, with one `*` inside, or all."""
    async with running(sqlite_url, cors_origins=origins) as api:
        for octets in (
            request("GET", "/health", None, {"Origin": origin}),
            request("POST", "/update", b"{}", {"Origin": origin}),
            request("OPTIONS", "/update", None, {**PREFLIGHT, "Origin": origin}),
        ):
            reply = await api.ask(octets)
            assert reply.header("access-control-allow-origin") == allowed
            assert "Origin" in [value for name, value in reply.headers if name == "vary"]


async def test_preflight_allows_what_an_update_needs(sqlite_url):
    """204 without a body; the credential headers are among those allowed."""
    async with running(sqlite_url, cors_origins=["*"]) as api:
        for method in ("POST", "DELETE", "GET"):
            headers = {
                "Origin": "https://app.example",
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "X-Api-User, x-api-key,content-type",
            }
            reply = await api.ask(request("OPTIONS", "//update/", None, headers))
            assert (reply.status, reply.body) == (204, b"")
            assert reply.header("access-control-allow-methods") == method
            assert reply.header("access-control-allow-headers") == "x-api-user, x-api-key, content-type"
            assert [value for name, value in reply.headers if name == "vary"] == [
                "Origin",
                "Access-Control-Request-Method",
                "Access-Control-Request-Headers",
            ]


@pytest.mark.parametrize(
    "changes",
    [
        {"Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Headers": "x-api-key, x-other"},
        {"Origin": "https://evil.test"},
        {"Origin": ""},
    ],
)
async def test_preflight_for_more_gets_no_permission(sqlite_url, changes):
    """Still 204: the browser reads the silence."""
    async with running(sqlite_url, cors_origins=["https://app.example"]) as api:
        reply = await api.ask(request("OPTIONS", "/update", None, {**PREFLIGHT, **changes}))
        assert reply.status == 204
        assert reply.header("access-control-allow-origin") is None


async def test_without_origins_nothing_is_said(sqlite_url):
    """Off is silent, and a preflight is an ordinary OPTIONS request."""
    async with running(sqlite_url) as api:
        options = await api.ask(request("OPTIONS", "/update", None, PREFLIGHT))
        assert (options.status, options.header("allow")) == (200, "DELETE, OPTIONS, POST")
        for reply in (options, await api.post("/register", None, PREFLIGHT)):
            assert not [name for name, _ in reply.headers if name.startswith("access-control") or name == "vary"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_age": 31_536_000, "include_subdomains": False, "preload": False}, "max-age=31536000"),
        ({"max_age": 60, "include_subdomains": True, "preload": True}, "max-age=60; includeSubDomains; preload"),
        ({"max_age": 0, "include_subdomains": False, "preload": True}, "max-age=31536000; preload"),
        ({"max_age": -1, "include_subdomains": True, "preload": False}, "max-age=31536000; includeSubDomains"),
    ],
)
def test_hsts_value_is_acme_dns_s(options, expected):
    """An age that is not positive means a year."""
    assert hsts_header(**options) == expected


async def test_hsts_is_on_every_response_where_it_is_on(sqlite_url):
    """On failures too."""
    async with running(sqlite_url, hsts="max-age=60") as api:
        for octets in (request("GET", "/health"), request("GET", "/nothing"), b"GARBAGE\r\n\r\n"):
            assert (await api.ask(octets)).header("strict-transport-security") == "max-age=60"


async def test_hsts_is_absent_where_it_is_off(sqlite_url):
    """As acme-dns's default."""
    async with running(sqlite_url) as api:
        assert (await api.ask(request("GET", "/health"))).header("strict-transport-security") is None
