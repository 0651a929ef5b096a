"""POST and DELETE /update on the wire."""

import asyncio
import json
from ipaddress import ip_network

import pytest

from acmedns_py.accounts.hashing import HashPool, Work
from acmedns_py.api.client import ForwardedBy
from acmedns_py.errors import NotServed, StoreUnavailable
from tests.api.running import credential, running, value
from tests.api.wire import Wire, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORBIDDEN = (401, {"error": "forbidden"})


async def test_answer_quotes_the_value_and_the_value_is_live(api):
    """Exactly 200, one line, the value in double quotes (clients #1, #5, #6)."""
    account = await api.register()
    reply = await api.update(account, value(1))
    assert reply.status == 200
    assert reply.body == b'{"txt":"%s"}' % value(1).encode()
    assert reply.header("content-type") == "application/json"
    assert await api.live(account) == [value(1)]


async def test_repeat_is_answered_alike_and_is_one_record(api):
    """Clients retry (clients #6, #10)."""
    account = await api.register()
    first, again = await api.update(account, value(1)), await api.update(account, value(1))
    assert (again.status, again.body) == (200, first.body)
    assert await api.live(account) == [value(1)]


async def test_hundred_values_of_one_account_are_live(api):
    """acme.sh puts all names of a certificate into one account (clients #10)."""
    account = await api.register()
    wire = await Wire.open(api.port)
    for number in range(100):
        body = json.dumps({"subdomain": account["subdomain"], "txt": value(number)}).encode()
        await wire.send(request("POST", "/update", body, credential(account)))
        assert (await wire.reply()).status == 200
    await wire.close()
    assert await api.live(account) == [value(number) for number in range(100)]


async def test_two_updates_at_one_instant_are_both_live(api):
    """Caddy orders base and wildcard side by side (clients #10)."""
    account = await api.register()
    replies = await asyncio.gather(api.update(account, value(1)), api.update(account, value(2)))
    assert [reply.status for reply in replies] == [200, 200]
    assert sorted(await api.live(account)) == [value(1), value(2)]


@pytest.mark.parametrize(
    "txt", ["__VOID__", "short", value(1) + "x", value(1)[:-1] + "=", "é" * 43, "\ud800" * 43, "\0"]
)
async def test_refused_txt_never_removes_a_live_value(api, txt):
    """Cert Warden cleans up with `__VOID__` (clients #11)."""
    account = await api.register()
    await api.update(account, value(1))
    reply = await api.update(account, txt)
    assert (reply.status, reply.json) == (400, {"error": "bad_txt"})
    assert await api.live(account) == [value(1)]


@pytest.mark.parametrize("txt", [None, 5, 1.5, True, [], {}, [value(2)]])
async def test_txt_that_is_no_text_is_bad_and_changes_nothing(api, txt):
    """Only an explicit empty text clears."""
    account = await api.register()
    await api.update(account, value(1))
    reply = await api.update(account, txt)
    assert (reply.status, reply.json) == (400, {"error": "bad_txt"})
    assert await api.live(account) == [value(1)]


async def test_missing_txt_is_bad_and_changes_nothing(api):
    """A key forgotten is no order to clear."""
    account = await api.register()
    await api.update(account, value(1))
    body = json.dumps({"subdomain": account["subdomain"]}).encode()
    reply = await api.post("/update", body, credential(account))
    assert (reply.status, reply.json) == (400, {"error": "bad_txt"})
    assert await api.live(account) == [value(1)]


async def test_empty_txt_clears_all_values(api):
    """And says so; clearing what is clear is no failure."""
    account = await api.register()
    await api.update(account, value(1))
    await api.update(account, value(2))
    for _ in range(2):
        reply = await api.update(account, "")
        assert (reply.status, reply.body) == (200, b'{"txt":""}')
        assert await api.live(account) == []


async def test_delete_removes_one_value(api):
    """And answers alike where it is gone already."""
    account = await api.register()
    await api.update(account, value(1))
    await api.update(account, value(2))
    for _ in range(2):
        reply = await api.update(account, value(1), method="DELETE")
        assert (reply.status, reply.json) == (200, {"txt": value(1)})
        assert await api.live(account) == [value(2)]


@pytest.mark.parametrize("txt", ["", "__VOID__", None, 5])
async def test_delete_of_no_proper_value_is_bad_txt(api, txt):
    """An empty text does not clear here."""
    account = await api.register()
    await api.update(account, value(1))
    reply = await api.update(account, txt, method="DELETE")
    assert (reply.status, reply.json) == (400, {"error": "bad_txt"})
    assert await api.live(account) == [value(1)]


TYPES = [
    "application/json",
    "application/json; charset=utf8",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
    "text/plain; charset=utf-16",
    "multipart/form-data",
    "nonsense",
    "",
    None,
]


@pytest.mark.parametrize("kind", TYPES)
async def test_content_type_does_not_matter(api, kind):
    """acme.sh sends JSON as a form, Certify as text, the certbot hook without a type (clients #2)."""
    headers = {} if kind is None else {"Content-Type": kind}
    reply = await api.post("/register", b'{"allowfrom":["127.0.0.0/8"]}', headers)
    assert reply.status == 201
    body = json.dumps({"subdomain": reply.json["subdomain"], "txt": value(1)}).encode()
    assert (await api.post("/update", body, {**credential(reply.json), **headers})).status == 200


async def test_key_names_have_no_case_and_unknown_ones_are_ignored(api):
    """The first goacmedns sends `SubDomain` and `Txt`; simple-acme indents with CRLF (clients #3)."""
    account = await api.register()
    body = f'{{\r\n  "SubDomain": "{account["subdomain"]}",\r\n  "Txt": "{value(1)}",\r\n  "x": [{{}}]\r\n}}\r\n'
    reply = await api.post("/update", body.encode(), credential(account))
    assert (reply.status, reply.json) == (200, {"txt": value(1)})


@pytest.mark.parametrize("basic", ["Basic", "Basic ", "Basic dXNlcg", "Basic _-_-", "Basic ???", "Bearer x", ""])
async def test_authorization_is_as_if_absent(api, basic):
    """Empty, unpadded, URL-safe or broken: simple-acme and Certify send such (clients #9)."""
    reply = await api.post("/register", None, {"Authorization": basic})
    assert reply.status == 201
    body = json.dumps({"subdomain": reply.json["subdomain"], "txt": value(1)}).encode()
    headers = {**credential(reply.json), "Authorization": basic}
    assert (await api.post("/update", body, headers)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Api-User": None},
        {"X-Api-Key": None},
        {"X-Api-User": ""},
        {"X-Api-Key": ""},
        {"X-Api-User": "nobody"},
        {"X-Api-User": "00000000-0000-4000-8000-000000000000"},
        {"X-Api-User": "\xe9\xe9"},
        {"X-Api-User": "\udcff\udcfe"},
        {"X-Api-Key": "x" * 40},
        {"X-Api-Key": "x" * 39},
        {"X-Api-Key": "\udcff" * 40},
        {"X-Api-Key": "é" * 40},
        {"X-Api-Key": "x" * 7000},
    ],
)
async def test_wrong_credential_is_forbidden(api, changes):
    """Absent, empty, of another form, unknown, wrong, not ASCII: one and the same answer."""
    account = await api.register()
    headers = {name: text for name, text in {**credential(account), **changes}.items() if text is not None}
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    reply = await api.post("/update", body, headers)
    assert (reply.status, reply.json) == FORBIDDEN
    assert await api.live(account) == []


@pytest.mark.parametrize("doubled", ["X-Api-User", "X-Api-Key"])
async def test_doubled_credential_header_is_forbidden(api, doubled):
    """Even where both say the same: a proxy and we might choose differently."""
    account = await api.register()
    headers = [*credential(account).items(), (doubled, credential(account)[doubled])]
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    reply = await api.post("/update", body, headers)
    assert (reply.status, reply.json) == FORBIDDEN


@pytest.mark.parametrize(
    "body", [None, b"", b"{", b"null", b"[]", b"[" * 10_000, b'{"txt":"\xff', b"\xef\xbb\xbf{}", b"\0"]
)
async def test_unreadable_body_is_forbidden(api, body):
    """As acme-dns: a body that does not decode names no subdomain."""
    account = await api.register()
    reply = await api.post("/update", body, credential(account))
    assert (reply.status, reply.json) == FORBIDDEN


async def test_other_subdomain_is_forbidden(api):
    """A credential writes its own name and nothing else."""
    account, other = await api.register(), await api.register()
    body = json.dumps({"subdomain": other["subdomain"], "txt": value(1)}).encode()
    reply = await api.post("/update", body, credential(account))
    assert (reply.status, reply.json) == FORBIDDEN
    assert await api.live(other) == []


async def test_bad_credential_comes_before_bad_txt(api):
    """The order of acme-dns's checks."""
    account = await api.register()
    reply = await api.update({**account, "password": "x" * 40}, "bad")
    assert (reply.status, reply.json) == FORBIDDEN


async def test_source_outside_the_list_is_forbidden(api):
    """The list is checked against the connection's address."""
    account = await api.register(allowfrom=["127.0.0.2/32"])
    reply = await api.update(account, value(1))
    assert (reply.status, reply.json) == FORBIDDEN
    assert (await api.update(account, value(1), source="127.0.0.2")).status == 200


async def test_client_can_not_name_its_own_address(database_url):
    """Only our own proxy's word counts, and of it only the last hop that is not ours; acme-dns takes any."""
    ours = ForwardedBy("X-Forwarded-For", (ip_network("127.0.0.9/32"),))
    async with running(database_url, forwarded_by=ours) as api:
        account = await api.register(allowfrom=["192.0.2.0/24"])
        body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()

        async def update(forwarded, source):
            headers = {**credential(account), "X-Forwarded-For": forwarded}
            return (await api.post("/update", body, headers, source=source)).status

        assert await update("192.0.2.1", "127.0.0.1") == 401
        assert await update("192.0.2.1, 203.0.113.5", "127.0.0.9") == 401
        assert await update("203.0.113.5, 192.0.2.1", "127.0.0.9") == 200


class Failing:
    """A publisher whose workers do not confirm."""

    async def served(self, cursor):
        raise NotServed(cursor, "a worker is gone")


async def test_unconfirmed_update_is_503_and_the_value_stays(database_url):
    """A committed value is never taken back; Retry-After says when to ask again (clients #7)."""
    async with running(database_url) as api:
        account = await api.register()
        good, api.publisher.served = api.publisher.served, Failing().served
        reply = await api.update(account, value(1))
        assert (reply.status, reply.json) == (503, {"error": "not_served"})
        assert int(reply.header("retry-after")) > 0
        assert await api.live(account) == [value(1)]
        assert (await api.update(account, value(1))).status == 503
        assert (await api.post("/register")).status == 503
        api.publisher.served = good
        assert (await api.update(account, value(1))).status == 200


async def test_lost_database_is_503_without_internals(database_url, monkeypatch):
    """acme-dns's word, our status; the reason is in the log alone."""
    async with running(database_url) as api:
        account = await api.register()

        async def lost(*_args, **_options):
            raise StoreUnavailable("disk is full at /var/lib/secret")

        for method in ("account", "add_value", "register"):
            monkeypatch.setattr(api.store, method, lost)
        for reply in (await api.update(account, value(1)), await api.post("/register")):
            assert (reply.status, reply.json) == (503, {"error": "db_error"})
            assert int(reply.header("retry-after")) > 0


async def test_database_that_goes_away_is_503(database_url, lose_database):
    """A real loss on each engine is never a 500, for known and unknown credentials, and tells nothing of a driver."""
    async with running(database_url) as api:
        account, unknown = await api.register(), await api.register()
        assert (await api.update(account, value(1))).status == 200
        lose_database()
        for reply in (
            await api.update(account, value(2)),
            await api.update(unknown, value(1)),
            await api.update(account, value(1), method="DELETE"),
            await api.post("/register"),
        ):
            assert (reply.status, reply.json) == (503, {"error": "db_error"})
            assert int(reply.header("retry-after")) > 0


async def test_full_line_for_hashing_is_503(database_url):
    """With Retry-After; a known credential goes on."""
    pool = HashPool(threads=1, most_waiting=0)
    async with running(database_url, pool=pool) as api:
        account, stranger = await api.register(), await api.register()
        assert (await api.update(account, value(1))).status == 200
        async with pool.turn(Work.LOGIN):
            for reply in (await api.post("/register"), await api.update(stranger, value(1))):
                assert (reply.status, reply.json) == (503, {"error": "overloaded"})
                assert int(reply.header("retry-after")) > 0
            assert (await api.update(account, value(2))).status == 200


async def test_many_failed_logins_are_429_and_the_known_host_goes_on(database_url):
    """The limit counts failures of a source; a host that is known shares its address unharmed."""
    async with running(database_url, clock=lambda: 0.0) as api:
        account = await api.register()
        assert (await api.update(account, value(1))).status == 200
        wrong = {**account, "password": "x" * 40}
        statuses = [(await api.update(wrong, value(2))).status for _ in range(21)]
        assert statuses == [401] * 20 + [429]
        reply = await api.update(wrong, value(2))
        assert reply.json == {"error": "too_many_requests"}
        assert int(reply.header("retry-after")) > 0
        assert (await api.update(account, value(3))).status == 200
        other = await api.register()
        assert (await api.update(other, value(1), source="127.0.0.2")).status == 200


async def test_unforeseen_failure_is_500_without_its_text(database_url, monkeypatch):
    """No stack, no message; the log has both."""
    async with running(database_url) as api:
        account = await api.register()

        async def broken(*_args, **_options):
            raise RuntimeError("secret detail")

        monkeypatch.setattr(api.store, "add_value", broken)
        reply = await api.update(account, value(1))
        assert (reply.status, reply.body) == (500, b'{"error":"internal_error"}')
