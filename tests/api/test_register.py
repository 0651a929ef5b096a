"""POST /register on the wire."""

import asyncio
import json
import uuid

import pytest

from acmedns_py.accounts.attempts import REGISTRATIONS
from acmedns_py.accounts.hashing import HashPool
from tests.api.running import ZONE, running, value
from tests.api.wire import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODIES = [
    None,
    b"",
    b"null\n",
    b"{}",
    b'{"AllowFrom":[]}',
    b'{"allowfrom":null}',
]


@pytest.mark.parametrize("body", BODIES)
async def test_register_takes_no_body_and_every_empty_one(api, body):
    """Without a length, of length 0, null, an empty object (clients #2)."""
    assert (await api.post("/register", body)).status == 201


async def test_answer_is_what_sed_can_read(api):
    """One line from `{` to `}`, five keys once, no blank before a colon, `allowfrom` a list (clients #1, #5)."""
    reply = await api.post("/register")
    assert reply.status == 201
    assert reply.header("content-type") == "application/json"
    text = reply.body.decode()
    assert text == text.strip().replace("\r", "").replace("\n", "")
    assert text.startswith("{")
    assert text.endswith("}")
    pairs = json.loads(text, object_pairs_hook=list)
    assert [key for key, _ in pairs] == ["username", "password", "fulldomain", "subdomain", "allowfrom"]
    assert all(f'"{key}":' in text for key, _ in pairs)
    assert dict(pairs)["allowfrom"] == []


async def test_fields_are_of_acme_dns_form(api):
    """UUIDs, a password of 40 characters, the first label of fulldomain is subdomain (clients #8)."""
    account = await api.register()
    assert uuid.UUID(account["username"]).version == 4
    assert str(uuid.UUID(account["subdomain"])) == account["subdomain"]
    assert account["fulldomain"] == f"{account['subdomain']}.{ZONE}"
    assert len(account["password"]) == 40
    for field in ("username", "password", "fulldomain", "subdomain"):
        assert set(account[field]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


async def test_name_is_in_the_zone_from_the_201_on(api):
    """Committed, empty, and served before the answer (clients #13, #15)."""
    account = await api.register()
    assert await api.live(account) == []
    state = await api.store.load()
    assert api.publisher.asked[-1] == state.cursor


async def test_allow_from_comes_back_as_a_list_trimmed_and_without_brackets(api):
    """As acme-dns answers, and Certify expects (clients #3)."""
    account = await api.register(allowfrom=["192.0.2.7/24", "[2001:db8::1]/64", " 198.51.100.0/24"])
    assert account["allowfrom"] == ["192.0.2.7/24", "2001:db8::1/64", "198.51.100.0/24"]


@pytest.mark.parametrize("entry", ["192.0.2.1", "192.0.2.0/33", "host", "", "::1/129", "[::1]"])
async def test_wrong_allow_from_is_named(api, entry):
    """400 with acme-dns's word."""
    reply = await api.post("/register", json.dumps({"allowfrom": [entry]}).encode())
    assert (reply.status, reply.json) == (400, {"error": "invalid_allowfrom_cidr"})


async def test_as_many_allow_from_entries_as_fit_are_kept(api):
    """A body just below 16 KiB is an ordinary one."""
    entries = [f"10.{100 + number // 256}.{number % 256}.0/24" for number in range(930)]
    body = json.dumps({"allowfrom": entries}, separators=(",", ":")).encode()
    assert 15_000 < len(body) <= 16_384
    reply = await api.post("/register", body)
    assert reply.status == 201
    assert reply.json["allowfrom"] == entries


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"allowfrom":"192.0.2.0/24"}', b"[" * 10_000, b"\xff\xfe"])
async def test_malformed_body_is_named(api, body):
    """400 with acme-dns's word."""
    reply = await api.post("/register", body)
    assert (reply.status, reply.json) == (400, {"error": "malformed_json_payload"})


async def test_two_registrations_share_nothing(api):
    """Every secret is random."""
    one, other = await api.register(), await api.register()
    assert not {one[key] for key in ("username", "password", "subdomain")} & {
        other[key] for key in ("username", "password", "subdomain")
    }


async def test_closed_registration_is_go_s_plain_404(sqlite_url):
    """A JSON object would be kept as an account by clients that never look at the status (clients #7)."""
    async with running(sqlite_url, registration="off") as api:
        for octets in (
            request("POST", "/register", b"{}"),
            request("POST", "//register/"),
            request("GET", "/register"),
        ):
            reply = await api.ask(octets)
            assert reply.status == 404
            assert reply.body == b"404 page not found\n"
            assert reply.header("content-type") == "text/plain; charset=utf-8"
            assert reply.header("x-content-type-options") == "nosniff"
        assert not (await api.store.load()).challenges


async def test_flood_of_registrations_lets_every_first_login_through(database_url):
    """After a restart no credential is remembered, and a stranger must not make renewals fail."""
    async with running(database_url) as api:
        accounts = [await api.register() for _ in range(10)]
    async with running(database_url, pool=HashPool(threads=1)) as api:
        flood = [asyncio.create_task(api.post("/register", source="127.0.9.1")) for _ in range(80)]
        # An answer is there: the others stand in line, or were sent away.
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        replies = await asyncio.gather(
            *(api.update(account, value(1), source=f"127.0.{number}.2") for number, account in enumerate(accounts))
        )
        assert [reply.status for reply in replies] == [200] * 10
        refused = [reply for reply in await asyncio.gather(*flood) if reply.status != 201]
        assert refused
        assert {reply.status for reply in refused} == {503}


async def test_too_many_registrations_of_a_network_are_429(sqlite_url):
    """With Retry-After; its hosts may still log in, and other networks may register."""
    async with running(sqlite_url, clock=lambda: 0.0) as api:
        account = await api.register()
        for number in range(REGISTRATIONS - 1):
            assert (await api.post("/register", source=f"127.0.0.{1 + number % 200}")).status == 201
        reply = await api.post("/register")
        assert (reply.status, reply.json) == (429, {"error": "too_many_requests"})
        assert reply.header("retry-after") == "1"
        assert (await api.update(account, value(1))).status == 200
        assert (await api.post("/register", source="127.0.1.1")).status == 201
