"""HTTP itself: sizes, time limits, versions of the protocol, and what no response may say."""

import asyncio
import gc
import gzip
import json
import random
import resource
import socket
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import pytest_asyncio
import structlog

from acmedns_py.api import bodies, connection, listen
from acmedns_py.api.places import Places
from tests.api.running import credential, running, value
from tests.api.wire import Wire, request

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def wire(api):
    opened = await Wire.open(api.port)
    yield opened
    await opened.close()


def update_of(account, number, **options):
    """An update as octets."""
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(number)}).encode()
    return request("POST", "/update", body, credential(account), **options)


async def test_keep_alive_serves_request_after_request(api, wire):
    """HTTP/1.1 as it is by default (clients #12)."""
    account = await api.register()
    for number in range(3):
        await wire.send(update_of(account, number))
        assert (await wire.reply()).json == {"txt": value(number)}


async def test_pipelined_requests_are_answered_in_order(api, wire):
    """RFC 9112 9.3.2."""
    account = await api.register()
    await wire.send(b"".join(update_of(account, number) for number in range(5)))
    assert [(await wire.reply()).json["txt"] for _ in range(5)] == [value(number) for number in range(5)]


async def test_http_1_0_is_answered_and_closed(api, wire):
    """A client that knows no keep-alive sees the end (clients #12)."""
    account = await api.register()
    await wire.send(update_of(account, 1, version="1.0"))
    assert (await wire.reply()).json == {"txt": value(1)}
    assert await wire.ended() == b""


async def test_http_1_0_may_ask_for_keep_alive(api, wire):
    """As wget does (clients #12)."""
    for _ in range(2):
        await wire.send(request("POST", "/register", b"", {"Connection": "keep-alive"}, version="1.0"))
        reply = await wire.reply()
        assert (reply.status, reply.header("connection")) == (201, "keep-alive")


@pytest.mark.parametrize("word", ["100-continue", "100-Continue"])
async def test_expect_100_continue_is_heeded(api, wire, word):
    """PowerShell 5.1 and curl hold the body back until they hear it (clients #12)."""
    account = await api.register()
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    whole = request("POST", "/update", body, {**credential(account), "Expect": word})
    await wire.send(whole[: -len(body)])
    assert (await wire.reply()).status == 100
    await wire.send(body)
    assert (await wire.reply()).json == {"txt": value(1)}


@pytest.mark.parametrize("target", ["/update", "/nothing"])
async def test_unknown_expectation_is_ignored(api, target):
    """A server may (RFC 9110 10.1.1), and no text page with a version comes."""
    reply = await api.post(target, b"{}", {"Expect": "something"})
    assert reply.json in ({"error": "forbidden"}, {"error": "not_found"})


async def test_chunked_body_is_read(api, wire):
    """In pieces of any size."""
    account = await api.register()
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    await wire.send(request("POST", "/update", None, {**credential(account), "Transfer-Encoding": "chunked"}))
    for octet in body:
        await wire.send(b"1\r\n%c\r\n" % octet)
    await wire.send(b"0\r\n\r\n")
    assert (await wire.reply()).json == {"txt": value(1)}


async def test_request_is_read_octet_by_octet(api, wire):
    """However the network cuts it."""
    account = await api.register()
    for octet in update_of(account, 1):
        await wire.send(bytes([octet]))
    assert (await wire.reply()).json == {"txt": value(1)}


@pytest.mark.parametrize("target", ["/register", "/update"])
async def test_body_over_16_kib_is_413(api, wire, target):
    """By its length alone, before it is sent (clients #7)."""
    await wire.send(request("POST", target, None, {"Content-Length": "16385"}))
    reply = await wire.reply()
    assert (reply.status, reply.json) == (413, {"error": "payload_too_large"})


@pytest.mark.parametrize("target", ["/register", "/update"])
async def test_body_of_1_mib_is_413(api, target):
    """The answer can be read although the body was sent whole."""
    reply = await api.post(target, b'{"x":"' + b"x" * 1_048_576 + b'"}')
    assert (reply.status, reply.json) == (413, {"error": "payload_too_large"})


@pytest.mark.parametrize("target", ["/register", "/update"])
@pytest.mark.parametrize("pieces", [1, 3])
async def test_chunked_body_over_16_kib_is_413(api, wire, target, pieces):
    """A length that is not declared is counted."""
    await wire.send(request("POST", target, None, {"Transfer-Encoding": "chunked"}))
    size = 16_385 // pieces + 1
    for _ in range(pieces):
        await wire.send(b"%x\r\n%s\r\n" % (size, b" " * size))
    await wire.send(b"0\r\n\r\n")
    reply = await wire.reply()
    assert (reply.status, reply.json) == (413, {"error": "payload_too_large"})


async def test_body_of_16_kib_is_read(api):
    """The limit itself is allowed."""
    body = b'{"x":"' + b"x" * (16_384 - 8) + b'"}'
    assert len(body) == 16_384
    assert (await api.post("/register", body)).status == 201


@pytest.mark.parametrize("header", ["X-Api-Key", "X-Api-User", "X-Other"])
@pytest.mark.parametrize("size", [8_200, 1_048_576])
async def test_header_over_8_kib_is_431(api, wire, header, size):
    """And the connection ends."""
    wire.writer.write(request("POST", "/update", b"{}", {header: "x" * size}))
    reply = await wire.reply()
    assert (reply.status, reply.json) == (431, {"error": "header_too_large"})


async def test_path_over_8_kib_is_431(api, wire):
    """Likewise the request line."""
    await wire.send(request("GET", "/" + "x" * 9_000))
    assert (await wire.reply()).status == 431


async def test_too_many_headers_are_400(api, wire):
    """128 are enough for everyone."""
    await wire.send(request("GET", "/health", None, [(f"X-{number}", "x") for number in range(200)]))
    reply = await wire.reply()
    assert (reply.status, reply.json) == (400, {"error": "bad_request"})


BROKEN = [
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"POST /update HTTP/1.1\r\n\r\n",
    b"POST /update HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /update HTTP/1.1\r\nHost: x\r\nX-Api-Key: a\0b\r\n\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
]


@pytest.mark.parametrize("octets", BROKEN)
async def test_what_is_no_http_is_400_in_json_and_the_end(api, wire, octets):
    """Without a word about the software, or about what was wrong."""
    wire.writer.write(octets)
    reply = await wire.reply()
    assert (reply.status, reply.body) == (400, b'{"error":"bad_request"}')
    assert await wire.ended() == b""


async def test_broken_chunk_is_400(api, wire):
    """A body that can't be read is not a fault of ours."""
    await wire.send(request("POST", "/register", None, {"Transfer-Encoding": "chunked"}))
    await wire.send(b"zz\r\n{}\r\n0\r\n\r\n")
    reply = await wire.reply()
    assert (reply.status, reply.json) == (400, {"error": "bad_request"})


async def test_compressed_body_is_not_unpacked(api):
    """acme-dns doesn't either, and a bomb stays packed."""
    reply = await api.post("/register", gzip.compress(b"{}"), {"Content-Encoding": "gzip"})
    assert (reply.status, reply.json) == (400, {"error": "malformed_json_payload"})


async def test_no_answer_is_compressed(api):
    """Whatever the client could unpack (clients #12)."""
    reply = await api.post("/register", None, {"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert reply.header("content-encoding") is None
    assert reply.json["allowfrom"] == []


@pytest.mark.parametrize(
    "octets",
    [
        request("GET", "/health"),
        request("POST", "/register"),
        request("POST", "/update", b"{}"),
        request("GET", "/nothing"),
        request("GET", "/update"),
        request("POST", "/nothing", b"{}", {"Expect": "x"}),
        request("POST", "/update", None, {"Content-Length": "99999"}),
        b"GARBAGE\r\n\r\n",
        request("GET", "/", None, {"X": "x" * 9000}),
    ],
)
async def test_no_response_names_the_software_and_each_has_a_request_id(api, octets):
    """No Server header, no HTML, no name."""
    wire = await Wire.open(api.port)
    wire.writer.write(octets)
    reply = await wire.reply()
    await wire.close()
    assert reply.header("server") is None
    assert reply.header("x-request-id")
    text = repr(reply).lower()
    assert not [word for word in ("aiohttp", "python", "html", "traceback") if word in text]


async def test_request_ids_differ(api):
    """One for each request."""
    replies = [await api.ask(request("GET", "/health")) for _ in range(3)]
    assert len({reply.header("x-request-id") for reply in replies}) == 3


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /update HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_slow_head_ends_the_connection(api, monkeypatch, sent):
    """From the connection's start, whether something came or not (slow loris)."""
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.05)
    wire = await Wire.open(api.port)
    if sent:
        await wire.send(sent)
    assert await wire.ended() == b""
    await wire.close()


async def test_slow_head_of_a_later_request_ends_the_connection(api, monkeypatch):
    """Idle time between requests is longer than a head may take, so a head has a clock of its own."""
    wire = await Wire.open(api.port)
    await wire.send(request("GET", "/health"))
    assert (await wire.reply()).status == 200
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.05)
    await wire.send(b"GET /health HT")
    assert await wire.ended() == b""
    await wire.close()


async def test_idle_connection_outlives_the_time_of_a_head(api, monkeypatch):
    """Between requests only the idle limit counts."""
    wire = await Wire.open(api.port)
    await wire.send(request("GET", "/health"))
    assert (await wire.reply()).status == 200
    served = api.listener._connections.connections[-1]
    assert served._deadline is None
    assert served.keepalive_timeout == connection.IDLE_SECONDS
    await wire.close()


async def test_slow_body_is_408(sqlite_url, monkeypatch):
    """The client is told, and the connection ends (clients #7)."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.05)
    async with running(sqlite_url) as api:
        wire = await Wire.open(api.port)
        await wire.send(request("POST", "/update", None, {"Content-Length": "10"}) + b"{")
        reply = await wire.reply()
        assert (reply.status, reply.json) == (408, {"error": "request_timeout"})
        assert await wire.ended() == b""
        await wire.close()


async def test_full_server_closes_the_connection_that_waits_longest(sqlite_url):
    """Idle strangers can't keep a client out."""
    async with running(sqlite_url, most_connections=2) as api:
        first, second = await Wire.open(api.port), await Wire.open(api.port)
        for wire in (first, second):
            await wire.send(request("GET", "/health"))
            assert (await wire.reply()).status == 200
        third = await Wire.open(api.port)
        await third.send(request("GET", "/health"))
        assert (await third.reply()).status == 200
        assert await first.ended() == b""
        await second.send(request("GET", "/health"))
        assert (await second.reply()).status == 200
        for wire in (first, second, third):
            await wire.close()


async def test_burst_of_connections_stays_within_the_limit(sqlite_url):
    """Many that come in one turn of the loop each need a place of their own."""
    async with running(sqlite_url, most_connections=2) as api:
        wires = [await Wire.open(api.port) for _ in range(2)]
        wires += await asyncio.gather(*(Wire.open(api.port) for _ in range(10)))
        pending = {asyncio.create_task(wire.ended()) for wire in wires}
        while len(pending) > 2:
            finished, pending = await asyncio.wait(pending, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            assert finished, "more connections than places"
        assert len([each for each in api.listener._connections.connections if each.connected]) == 2
        for task in pending:
            task.cancel()
        for wire in wires:
            await wire.close()


@asynccontextmanager
async def request_in_hand(api, headers=()):
    """An update that waits for the workers: its connection, at both ends, and the event that lets it go on."""
    account = await api.register()
    asked, release = asyncio.Event(), asyncio.Event()

    async def held(_cursor):
        asked.set()
        await release.wait()

    api.publisher.served = held
    wire = await Wire.open(api.port)
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    await wire.send(request("POST", "/update", body, {**credential(account), **dict(headers)}))
    async with asyncio.timeout(20):
        await asked.wait()
    (served,) = [each for each in api.listener._connections.connections if each.busy]
    yield wire, served, release
    release.set()
    await wire.close()


async def test_newcomer_waits_where_every_place_is_busy(sqlite_url):
    """It is neither let in nor turned away; the one that was there is answered, and then gives its place."""
    async with running(sqlite_url, most_connections=1) as api, request_in_hand(api) as (busy, _, release):
        newcomer = await Wire.open(api.port)
        await newcomer.send(request("GET", "/health"))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while api.listener._accepting:
                await asyncio.sleep(0)
        assert len(api.listener._places) == 1
        failures: list[object] = []
        loop.set_exception_handler(lambda _, context: failures.append(context))
        release.set()
        assert (await busy.reply()).json == {"txt": value(1)}
        assert (await newcomer.reply()).status == 200
        assert await busy.ended() == b""
        assert not failures
        await newcomer.close()


async def test_newcomers_do_not_throw_each_other_out(sqlite_url):
    """Who has just come gets the time for a request, however many come behind."""
    async with running(sqlite_url, most_connections=1, tenure_seconds=3_600.0) as api:
        first = await Wire.open(api.port)
        others = [await Wire.open(api.port) for _ in range(10)]
        async with asyncio.timeout(20):
            while not len(api.listener._places) or api.listener._accepting:
                await asyncio.sleep(0)
        await first.send(request("GET", "/health"))
        assert (await first.reply()).status == 200
        for before, wire in pairwise([first, *others]):
            await before.close()
            await wire.send(request("GET", "/health"))
            assert (await wire.reply()).status == 200
        await others[-1].close()


async def test_places_are_free_again_after_their_connections(sqlite_url):
    """However a connection ends."""
    async with running(sqlite_url, most_connections=2) as api:
        for number in range(6):
            wire = await Wire.open(api.port)
            await wire.send(request("GET", "/health") if number % 2 else b"GARBAGE\r\n\r\n")
            await wire.reply()
            if number % 3:
                wire.writer.transport.abort()
            else:
                await wire.close()
        async with asyncio.timeout(20):
            while len(api.listener._places):
                await asyncio.sleep(0)


async def test_accepting_goes_on_when_descriptors_are_free_again(sqlite_url, monkeypatch):
    """The log says why a client waits."""
    monkeypatch.setattr(listen, "ACCEPT_AGAIN_SECONDS", 0.01)
    loop = asyncio.get_running_loop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with running(sqlite_url) as api:
        with socket.socket() as client, structlog.testing.capture_logs() as log:
            client.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                async with asyncio.timeout(20):
                    await loop.sock_connect(client, ("127.0.0.1", api.port))
                    while not log:
                        await asyncio.sleep(0)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert (log[0]["event"], log[0]["log_level"]) == ("connection_not_accepted", "error")
            await loop.sock_sendall(client, request("GET", "/health", None, {"Connection": "close"}))
            async with asyncio.timeout(20):
                assert (await loop.sock_recv(client, 12)) == b"HTTP/1.1 200"


class ClosedTransport(asyncio.Transport):
    """One whose end has come already."""

    def close(self):
        """Nothing is left to close."""


async def test_connection_that_is_lost_as_it_is_made_is_no_fault(sqlite_url):
    """Both in one turn of the loop."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with running(sqlite_url) as api:
        places = Places(1, on_change=lambda: None)
        with socket.socket() as accepted:
            lost = api.listener._connections.connection(places.take(accepted, "127.0.0.1"))
            lost.connection_made(ClosedTransport())
            task = lost._task_handler
            lost.connection_lost(None)
            await asyncio.wait({task})
        assert len(places) == 0
        del task, lost
    gc.collect()
    assert not failures


async def test_junk_behind_a_request_is_not_kept(sqlite_url):
    """The request is answered, the junk once, however much it is."""
    async with running(sqlite_url) as api, request_in_hand(api) as (wire, served, release):
        for _ in range(1_000):
            served.data_received(b"x" * 1_000)
        assert len(served._messages) == 1
        assert not served.transport.is_reading()
        release.set()
        assert (await wire.reply()).json == {"txt": value(1)}
        assert (await wire.reply()).status == 400
        assert await wire.ended() == b""


LARGE = request("GET", "/health", None, {"X-Large": "x" * 4_000})


@pytest.mark.parametrize(
    "headers", [{}, {"Connection": "Upgrade", "Upgrade": "websocket"}], ids=["pipelined", "behind an upgrade"]
)
async def test_client_that_is_far_ahead_is_not_read_until_its_answers_are_out(sqlite_url, headers):
    """What is kept of one connection has a bound, and nothing that was taken is lost."""
    async with running(sqlite_url) as api, request_in_hand(api, headers) as (wire, served, release):
        taken = 0
        while served.transport.is_reading():
            served.data_received(LARGE)
            taken += 1
        assert taken * len(LARGE) < connection.AHEAD_OCTETS + 2 * len(LARGE)
        release.set()
        await wire.send(LARGE)
        for _ in range(1 + taken + 1):
            assert (await wire.reply()).status == 200


async def test_body_of_a_later_request_is_bounded_too(sqlite_url):
    """It is read when its turn comes."""
    async with running(sqlite_url) as api, request_in_hand(api) as (wire, served, release):
        served.data_received(request("POST", "/register", None, {"Content-Length": "100000"}))
        left = 100_000
        while served.transport.is_reading():
            served.data_received(b"x" * 1_000)
            left -= 1_000
        assert 100_000 - left < connection.AHEAD_OCTETS + 2_000
        release.set()
        assert (await wire.reply()).status == 200
        assert (await wire.reply()).status == 413
        await wire.send(b"x" * left)
        assert await wire.ended() == b""


async def test_many_pipelined_requests_are_all_answered(api, wire):
    """More than is kept at once."""
    sending = asyncio.create_task(wire.send(LARGE * 200))
    for _ in range(200):
        assert (await wire.reply()).status == 200
    await sending


async def test_body_in_the_smallest_chunks_is_read(api, wire):
    """On the wire it is larger than what is kept of later requests."""
    chunks = b"".join(b"1\r\n%c\r\n" % octet for octet in b'{"x":"' + b"x" * 16_000 + b'"}')
    assert len(chunks) > 2 * connection.AHEAD_OCTETS
    await wire.send(request("POST", "/register", None, {"Transfer-Encoding": "chunked"}) + chunks + b"0\r\n\r\n")
    assert (await wire.reply()).status == 201


async def test_stop_answers_what_is_in_hand_and_then_closes(database_url):
    """A request that was read is answered; an idle connection is not waited for."""
    async with running(database_url) as api:
        account = await api.register()
        idle, busy = await Wire.open(api.port), await Wire.open(api.port)
        await idle.send(request("GET", "/health"))
        await idle.reply()
        asked, release = asyncio.Event(), asyncio.Event()

        async def held(_cursor):
            asked.set()
            await release.wait()

        api.publisher.served = held
        await busy.send(update_of(account, 1))
        await asked.wait()
        stopping = asyncio.create_task(api.listener.stop(5.0))
        assert await idle.ended() == b""
        assert not stopping.done()
        release.set()
        assert (await busy.reply()).json == {"txt": value(1)}
        await stopping
        assert await busy.ended() == b""
        with pytest.raises(ConnectionRefusedError):
            await Wire.open(api.port)
        await idle.close()
        await busy.close()


async def test_client_that_leaves_does_not_undo_its_update(api):
    """What was asked is carried out; the next client finds the server well."""
    account = await api.register()
    wire = await Wire.open(api.port)
    await wire.send(update_of(account, 1))
    wire.writer.transport.abort()
    half = await Wire.open(api.port)
    await half.send(request("POST", "/update", None, {"Content-Length": "10"}) + b"{")
    half.writer.transport.abort()
    assert (await api.update(account, value(2))).status == 200


async def test_stop_ends_what_outlives_the_grace(database_url):
    """A worker that never confirms can't keep the process."""
    async with running(database_url) as api:
        account = await api.register()
        asked = asyncio.Event()

        async def never(_cursor):
            asked.set()
            await asyncio.Event().wait()

        api.publisher.served = never
        busy = await Wire.open(api.port)
        await busy.send(update_of(account, 1))
        await asked.wait()
        async with asyncio.timeout(20):
            await api.listener.stop(0.05)
        assert await busy.ended() == b""
        await busy.close()


async def test_client_that_never_reads_is_cut_off(sqlite_url, monkeypatch):
    """Thousands of questions and no look at the answers: the connection does not stay for ever."""
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.2)
    async with running(sqlite_url) as api:
        wire = await Wire.open(api.port)
        wire.writer.transport.pause_reading()
        wire.writer.write(request("GET", "/openapi.json") * 5_000)

        async def ask_on():
            async with asyncio.timeout(20):
                while True:
                    wire.writer.write(request("GET", "/openapi.json") * 100)
                    await wire.writer.drain()

        with pytest.raises(ConnectionError):
            await ask_on()
        wire.writer.transport.abort()


TARGETS = [b"/", b"//", *[b"/update", b"/register", b"/health", b"/update/"] * 4, b"*", b"http://", b"http://[", b"::1]", b"h", b":99999", b"@", b"%", b"%2f",
    b"?", b"#", b"\\", b"\xff", b"\xc3\xa9", b"..", b";", b"\x7f"]  # fmt: skip
HOSTS = [*[b"Host: localhost"] * 8, b"Host: [", b"Host: \xff", b"Host:"]
HEADERS = [b"Expect: 100-continue", b"Expect: \xff", b"Content-Length: 2",
    b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"Upgrade: websocket\r\nConnection: upgrade",
    b"Upgrade: h2c", b"Connection: close", b"Authorization: Basic", b"X-Api-User: \xff", b"Origin: \xff", b"Cookie: a=\xff",
    b"Origin: https://a.example", b"Access-Control-Request-Method: \xc4\xb0", b"Content-Type: \xff", b"Content-Encoding: br"]  # fmt: skip
METHODS = [*[b"GET", b"POST"] * 3, b"OPTIONS", b"CONNECT", b"DELETE", b"HEAD", b"PRI", b"SEARCH", b"get"]
ENDS = [b"", b"{}", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"\r\n", b"GET / HTTP/1.1\r\n\r\n"]


def odd_request(chance):
    """Something near a request."""
    target = b"".join(chance.choices(TARGETS, k=chance.choice([1, 1, 1, 2, 3])))
    head = [b"%s %s HTTP/1.%d" % (chance.choice(METHODS), target, chance.randrange(2)), chance.choice(HOSTS)]
    head += chance.sample(HEADERS, chance.randrange(3))
    return b"\r\n".join(head) + b"\r\n\r\n" + chance.choice(ENDS)


async def test_no_octets_make_the_server_fail(database_url, monkeypatch):
    """Whatever is sent as a request gets an answer below 500, or the end."""
    for module, limit in (
        (connection, "PATIENCE_SECONDS"),
        (connection, "IDLE_SECONDS"),
        (connection, "LINGER_SECONDS"),
        (bodies, "BODY_SECONDS"),
    ):
        monkeypatch.setattr(module, limit, 0.1)
    chance = random.Random(7)  # noqa: S311 - the same requests each time
    failures: list[object] = []
    answers: list[bytes] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with running(database_url, cors_origins=["https://*.example"]) as api:

        async def try_one(octets):
            wire = await Wire.open(api.port)
            wire.writer.write(octets)
            answer = await wire.ended()
            await wire.close()
            answers.extend(line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1."))
            assert b" 500 " not in answer, octets

        for _ in range(20):
            await asyncio.gather(*(try_one(odd_request(chance)) for _ in range(50)))
        assert (await api.ask(request("GET", "/health"))).status == 200
    assert not failures
    assert {answer.split()[1] for answer in answers} >= {b"200", b"201", b"400", b"401", b"404", b"405"}
