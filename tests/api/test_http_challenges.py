"""Proofs over HTTP (RFC 8555 8.3), by octets: the texts of the running order at their paths, and nothing else."""

import socket
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from acmedns_py.api.http_challenges import HttpChallenges
from acmedns_py.api.listen import ApiListener
from tests.api.wire import Reply, Wire, request

PATH = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
TEXT = f"{PATH.rpartition('/')[2]}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"


class Place:
    """A listener with one text, and who asks it."""

    def __init__(self, port: int, challenges: HttpChallenges) -> None:
        self.port = port
        self.challenges = challenges

    async def ask(self, octets: bytes) -> tuple[Reply, bytes]:
        """Send octets on a connection of their own; gives the reply, and what comes behind it until the end."""
        wire = await Wire.open(self.port)
        try:
            await wire.send(octets)
            reply = await wire.reply(head=octets.startswith(b"HEAD"))
            return reply, await wire.ended()
        finally:
            await wire.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    bound = socket.create_server(("127.0.0.1", 0))
    challenges = HttpChallenges()
    challenges.show({PATH: TEXT})
    listener = ApiListener(most_connections=4)
    await listener.start([bound], challenges)
    yield Place(bound.getsockname()[1], challenges)
    await listener.stop(5.0)


async def test_text_is_answered_for_as_long_as_it_is_shown(place):
    """200 with the key authorization alone, in a connection that ends; one line of the log says who has asked."""
    with capture_logs() as logs:
        reply, rest = await place.ask(request("GET", PATH))
    assert (reply.status, reply.body, rest) == (200, TEXT.encode(), b"")
    assert reply.header("content-type") == "application/octet-stream"
    assert reply.header("server") is None
    assert reply.header("connection") == "close"
    assert [(line["event"], line["path"], line["source"]) for line in logs] == [
        ("http_challenge_answered", PATH, "127.0.0.1")
    ]
    reply, rest = await place.ask(request("HEAD", PATH))
    assert (reply.status, reply.header("content-length"), rest) == (200, str(len(TEXT)), b"")
    place.challenges.show({})
    assert (await place.ask(request("GET", PATH)))[0].status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/update",
        "/register",
        "/health",
        "/admin/v1/accounts",
        "/.well-known/acme-challenge/",
        PATH[:-1],
        PATH + "/",
        PATH + "?x=1",
        "/" + PATH,
        PATH.lower(),
        PATH.replace("-", "%2D"),
        f"http://127.0.0.1{PATH}",
        "/.well-known/acme-challenge/../acme-challenge/x",
    ],
)
async def test_whatever_else_is_asked_for_is_not_found(place, target):
    """No route of the API, no other spelling of the path, and no redirect."""
    reply, rest = await place.ask(request("GET", target))
    assert (reply.status, rest) == (404, b"")
    assert reply.header("location") is None
    assert TEXT.encode() not in reply.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"])
async def test_other_methods_find_nothing(place, method):
    """Whether the path is one of ours or not."""
    for path in (PATH, "/"):
        assert (await place.ask(request(method, path)))[0].status in (400, 404)


async def test_body_is_not_waited_for(place):
    """The answer comes before a body that never does."""
    for method in ("POST", "GET"):
        wire = await Wire.open(place.port)
        await wire.send(f"{method} {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx".encode())
        assert (await wire.reply()).status == (404 if method == "POST" else 200)
        await wire.close()


async def test_octets_that_are_no_http_are_answered_by_400(place):
    """And the listener goes on."""
    for octets in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n"):
        reply, rest = await place.ask(octets)
        assert (reply.status, reply.body, rest) == (400, b"", b"")
    assert (await place.ask(request("GET", PATH)))[0].status == 200


async def test_silent_connections_keep_nobody_out(place):
    """Four that say nothing hold every place: the oldest gives way."""
    silent = [await Wire.open(place.port, source=f"127.0.0.{number}") for number in range(2, 6)]
    assert (await place.ask(request("GET", PATH)))[0].status == 200
    for wire in silent:
        await wire.close()
