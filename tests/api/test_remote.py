"""/admin/v1 over TCP: off until there is a token for it, then for who shows one, within what that one may."""

import asyncio
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import pytest_asyncio
import structlog

from acmedns_py.accounts import tokens
from acmedns_py.accounts.attempts import NOTED, NOTED_SECONDS_EACH, SOURCE_FAILURES
from acmedns_py.accounts.directory import Filter, SetTitle
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.ports import Ended, Entry
from acmedns_py.api.answers import OPERATOR_CHALLENGE
from acmedns_py.api.client import ForwardedBy
from tests.api.running import ZONE, running, value
from tests.api.wire import Wire, request

UNKNOWN = "adt_" + "u" * 43
STATS = "/admin/v1/stats"
ORIGIN = {"Origin": "https://app.example.org"}
TARGETS = [
    "/admin/v1",
    "/admin/v1/",
    "/admin/v1/stats",
    "/admin/v1/tokens",
    "/admin/v1/tokens/reader",
    "/admin/v1/accounts?limit=1",
    "/admin/v1/accounts/x/values",
    "/admin/v1/nothing",
    "http://other.example/admin/v1/stats",
]


@pytest_asyncio.fixture
async def remote(database_url):
    """An API on each engine, with pages of one other origin let in."""
    async with running(database_url, cors_origins=[ORIGIN["Origin"]]) as served:
        yield served


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(token):
    return {"Authorization": f"Basic {b64encode(f'any:{token}'.encode()).decode()}"}


async def ask(api, method, target, token=None, document=None, **options):
    """Ask an operator's route."""
    body = None if document is None else json.dumps(document).encode()
    return await api.ask(request(method, target, body, {} if token is None else bearer(token)), **options)


def compared(reply):
    """A reply without what differs between any two."""
    return reply.status, [one for one in reply.headers if one[0] not in ("x-request-id", "date")], reply.body


def ticks(**ahead):
    """A time from now, as tokens have it."""
    return int((datetime.now(UTC) + timedelta(**ahead)).timestamp() * 1_000_000)


async def test_without_such_a_token_the_paths_are_like_any_that_is_none(remote):
    """For everybody, by every method, in every octet; other tokens don't count."""
    register = await tokens.issue(remote.store, "fleet")
    storage = await tokens.issue(remote.store, "lego", scopes=["storage"])
    preflight = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    for headers in ({}, bearer(register), basic(storage), bearer(UNKNOWN), ORIGIN, preflight):
        for method in ("GET", "HEAD", "POST", "PATCH", "OPTIONS"):
            nothing = await remote.ask(request(method, "/nothing", b"{}", headers))
            for target in TARGETS:
                reply = await remote.ask(request(method, target, b"{}", headers))
                assert compared(reply) == compared(nothing), (method, target, headers)
    with structlog.testing.capture_logs() as entries:
        await ask(remote, "GET", STATS, register)
    assert [(one["route"], one["status"]) for one in entries if one["event"] == "request_refused"] == [("none", 404)]


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_the_first_such_token_switches_them_on_for_good(remote, scope):
    """At once; when it ends they stay, and it is refused."""
    assert (await ask(remote, "GET", STATS)).status == 404
    token = await tokens.issue(remote.store, "first", scopes=[scope])
    assert (await ask(remote, "GET", STATS, token)).status == 200
    await tokens.revoke(remote.store, "first")
    assert (await ask(remote, "GET", STATS, token)).status == 401
    assert (await ask(remote, "GET", STATS)).status == 401


async def test_a_look_is_a_use_of_the_token(remote):
    """Last used is told of every scope; a refusal is no use."""
    reader = await tokens.issue(remote.store, "reader", scopes=["read"])
    storage = await tokens.issue(remote.store, "lego", scopes=["storage"])
    assert (await ask(remote, "GET", STATS, storage)).status == 403
    await remote.store.expire()
    issued = await remote.store.issued_token("lego")
    assert issued.token.last_used_at is None
    assert (await remote.ask(request("GET", "/storage", None, basic(storage)))).status == 200
    assert (await remote.ask(request("GET", "/storage", None, basic(reader)))).status == 403
    assert (await ask(remote, "GET", STATS, reader)).status == 200
    await remote.store.expire()
    listed = (await ask(remote, "GET", "/admin/v1/tokens", reader)).json["tokens"]
    assert all(one["last_used"] for one in listed)


async def test_who_shows_no_good_token_is_told_so_in_json(remote):
    """One answer for all reasons; the log has the reason."""
    store = remote.store
    refused = {
        "unknown_token": UNKNOWN,
        "token_expired": await tokens.issue(store, "old", scopes=["read"], expires_at=ticks(seconds=-1)),
        "token_revoked": await tokens.issue(store, "gone", scopes=["read"]),
        "address_not_allowed": await tokens.issue(store, "site", scopes=["read"], sources=["192.0.2.0/24"]),
    }
    await tokens.revoke(store, "gone")
    with structlog.testing.capture_logs() as entries:
        replies = [await remote.ask(request("GET", STATS, None, bearer(token))) for token in refused.values()]
        replies += [
            await remote.ask(request("GET", STATS, None, headers))
            for headers in ({}, {"Authorization": "Basic"}, {"Authorization": "Bearer x"}, {"X-Api-Key": UNKNOWN})
        ]
    told = [one for one in entries if one["event"] == "request_refused"]
    assert [one["reason"] for one in told] == [*refused, *["no_token"] * 4]
    assert [one.get("token") for one in told[:4]] == [None, "old", "gone", "site"]
    assert {one["route"] for one in told} == {STATS}
    for reply in replies:
        assert reply.status == 401
        assert reply.json["error"] == "token_needed"
        assert "none that is good here" in reply.json["detail"]
        assert reply.header("www-authenticate") == OPERATOR_CHALLENGE


@pytest.mark.parametrize("show", [bearer, basic])
async def test_looking_takes_read_and_all_else_write(remote, show):
    """Who may write may look; a good token that may not is told what is missing, and counts as no use."""
    made = {scope: await tokens.issue(remote.store, scope, scopes=[scope]) for scope in tokens.SCOPES}
    account = await remote.register()
    place = f"/admin/v1/accounts/{account['username']}"
    looks = [STATS, "/admin/v1/accounts", place, "/admin/v1/audit", "/admin/v1/tokens", "/admin/v1/tokens/read"]
    changes = [
        ("POST", "/admin/v1/accounts", {}, 201),
        ("PATCH", place, {"label": "x"}, 200),
        ("POST", f"{place}/password", {}, 200),
        ("POST", f"{place}/values", {"txt": value(1)}, 200),
        ("DELETE", f"{place}/values?all=true", None, 200),
        ("POST", "/admin/v1/tokens", {"name": "more"}, 201),
        ("DELETE", "/admin/v1/tokens/more", None, 200),
        ("DELETE", place, None, 200),
        ("OPTIONS", STATS, None, 405),
        ("PROPFIND", STATS, None, 405),
    ]
    for scope, token in made.items():
        for target in looks:
            reply = await remote.ask(request("GET", target, None, show(token)))
            assert reply.status == (200 if scope in ("read", "write") else 403), (scope, target)
            head = await remote.ask(request("HEAD", target, None, show(token)))
            assert (head.status, head.body) == (reply.status, b"")
    for scope in ("register", "storage", "read", "write"):
        for method, target, document, status in changes:
            body = None if document is None else json.dumps(document).encode()
            reply = await remote.ask(request(method, target, body, show(made[scope])))
            assert reply.status == (status if scope == "write" else 403), (scope, method, target)
            if scope != "write":
                assert reply.json["error"] == "scope_lacking"
                assert "has not the scope write, which this takes" in reply.json["detail"]


async def test_a_token_in_the_path_opens_nothing(remote):
    """That is for tokens that may register and no more."""
    token = await tokens.issue(remote.store, "writer", scopes=["write"])
    for target in (f"/{token}/admin/v1/stats", f"/{token}//admin/v1/stats", f"/admin/v1/{token}/stats"):
        assert (await ask(remote, "GET", target)).status in (401, 404)
        assert (await ask(remote, "GET", target, token)).status == 404
    assert (await ask(remote, "GET", f"{STATS}?token={token}")).status == 401


async def test_what_a_token_does_is_audited_under_its_name(remote):
    """With the address that it came from, and what was refused."""
    token = await tokens.issue(remote.store, "ops", scopes=["write"])
    made = (await ask(remote, "POST", "/admin/v1/accounts", token, {"subdomain": "one"}, source="127.0.0.9")).json
    assert made["fulldomain"] == f"one.{ZONE}"
    assert (await ask(remote, "POST", "/admin/v1/accounts", token, {"subdomain": "one"})).status == 409
    assert (await ask(remote, "POST", "/admin/v1/tokens", token, {"name": "n", "labels": "_"})).status == 400
    entries = (await ask(remote, "GET", "/admin/v1/audit", token)).json["entries"]
    assert [(one["actor"], one["source"], one["action"], one["result"][:7]) for one in entries] == [
        ("token:ops", "127.0.0.9", "account_created", "done"),
        ("token:ops", "127.0.0.1", "account_created", "refused"),
        ("token:ops", "127.0.0.1", "token_created", "refused"),
    ]
    assert entries[-1]["subject"] == "n"
    assert token not in json.dumps(entries)


async def test_the_address_is_the_client_s_where_a_proxy_says_it(database_url):
    """As for all other routes: in the log, for networks, for limits."""
    forwarded = ForwardedBy("X-Forwarded-For", [ip_network("127.0.0.0/8")])
    async with running(database_url, forwarded_by=forwarded) as api:
        token = await tokens.issue(api.store, "site", scopes=["write"], sources=["192.0.2.0/24"])

        async def status(client):
            headers = {**bearer(token), "X-Forwarded-For": client}
            return (await api.ask(request("POST", "/admin/v1/accounts", b"{}", headers))).status

        assert [await status(client) for client in ("192.0.2.7", "198.51.100.7", "rubbish")] == [201, 401, 401]
        found = [one.entry for one in await api.store.audit(since=None, after=0, most=10)]
        assert [(one.action, one.source, one.result) for one in found] == [
            ("account_created", "192.0.2.7", "done"),
            ("token_shown", "198.51.100.7", "refused: address_not_allowed"),
            ("token_shown", "unknown", "refused: address_not_allowed"),
        ]


async def test_no_page_of_another_origin_may_ask(remote):
    """Whatever api.cors_origins says, with a token or without."""
    token = await tokens.issue(remote.store, "writer", scopes=["write"])
    preflight = {**ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for method, headers in (("GET", ORIGIN), ("OPTIONS", preflight), ("POST", ORIGIN)):
        for shown in ({}, bearer(token)):
            reply = await remote.ask(request(method, STATS, b"{}", {**headers, **shown}))
            assert [name for name, _ in reply.headers if name.startswith("access-control") or name == "vary"] == []
    allowed = await remote.ask(request("GET", "/health", None, ORIGIN))
    assert allowed.header("access-control-allow-origin") == ORIGIN["Origin"]


WRONG_PLACES = [
    ("GET", "/admin/v1", None, 404, "not_found"),
    ("GET", "/ADMIN/v1/stats", None, 404, "not_found"),
    ("GET", "/admin/v1/nothing", None, 404, "not_found"),
    ("GET", "/admin/v1/tokens/nobody", None, 404, "unknown_token"),
    ("DELETE", "/admin/v1/tokens/nobody", None, 404, "unknown_token"),
    ("GET", "/admin/v1/accounts/nobody", None, 404, "unknown_account"),
    ("GET", "/admin/v1/tokens?limit=0", None, 400, "unusable"),
    ("GET", "/admin/v1/tokens?what=1", None, 400, "unusable"),
    ("POST", "/admin/v1/tokens", b"", 400, "unusable"),
    ("POST", "/admin/v1/tokens", b"{", 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "scope": "read"}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "scopes": "read"}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "expires": "soon"}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "expires": "2001-01-01T00:00:00Z"}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "expires": "0001-01-01T00:00:00+14:00"}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "writer"}', 409, "name_taken"),
    ("POST", "/admin/v1/tokens", b'{"name": "n", "uses": 1, "scopes": ["read"]}', 400, "unusable"),
    ("POST", "/admin/v1/tokens", b'{"name": "' + b"n" * 20_000 + b'"}', 413, "payload_too_large"),
]


async def test_what_can_not_be_is_told_in_json(remote):
    """A word for programs; the text for people is where the word does not say it all."""
    token = await tokens.issue(remote.store, "writer", scopes=["write"])
    with structlog.testing.capture_logs() as entries:
        for method, target, body, status, word in WRONG_PLACES:
            reply = await remote.ask(request(method, target, body, bearer(token)))
            assert (reply.status, reply.json["error"]) == (status, word), (target, body)
    told = [(one["status"], one["reason"]) for one in entries if one["event"] == "request_refused"]
    assert len(told) == len(WRONG_PLACES)
    assert (404, "unknown_token") in told
    assert [one["name"] for one in (await ask(remote, "GET", "/admin/v1/tokens", token)).json["tokens"]] == ["writer"]
    reply = await ask(remote, "PUT", "/admin/v1/tokens", token)
    assert (reply.status, reply.header("allow")) == (405, "GET, POST")


async def test_who_shows_no_token_has_no_body_read(remote):
    """It is refused before."""
    await tokens.issue(remote.store, "writer", scopes=["write"])
    assert (await remote.post("/admin/v1/tokens", b"x" * 100_000)).status == 401


async def test_request_lines_have_the_route_and_the_token_s_name(remote):
    """No name of an account or token stands in the route."""
    token = await tokens.issue(remote.store, "ops", scopes=["write"])
    account = await remote.register()
    place = f"/admin/v1/accounts/{account['username']}"
    with structlog.testing.capture_logs() as entries:
        for method, target in (
            ("GET", "/admin/v1/accounts"),
            ("GET", place),
            ("DELETE", f"{place}/values?all=true"),
            ("POST", f"{place}/password"),
            ("GET", f"{place}/trace"),
            ("GET", "/admin/v1/tokens"),
            ("GET", "/admin/v1/tokens/ops"),
            ("GET", "/admin/v1/audit"),
            ("GET", "/admin/v1/top?limit=1"),
            ("GET", f"{place}/other"),
        ):
            await ask(remote, method, target, token)
    told = [one for one in entries if one["event"].startswith("request_")]
    assert {one["token"] for one in told} == {"ops"}
    assert [one["route"] for one in told] == [
        "/admin/v1/accounts",
        "/admin/v1/accounts/NAME",
        "/admin/v1/accounts/NAME/values",
        "/admin/v1/accounts/NAME/password",
        "/admin/v1/accounts/NAME/trace",
        "/admin/v1/tokens",
        "/admin/v1/tokens/NAME",
        "/admin/v1/audit",
        "/admin/v1/top",
        "/admin/v1",
    ]


async def test_tokens_are_made_shown_and_ended(remote):
    """Its text once; what it was made for; gone for good from the next request on, its own too."""
    token = await tokens.issue(remote.store, "ops", scopes=["write"])
    wish = {
        "name": "fleet",
        "scopes": ["register"],
        "expires": "2999-01-31T00:00:00+01:00",
        "uses": 2,
        "sources": ["127.0.0.0/8"],
        "labels": "Web-*",
    }
    made = await ask(remote, "POST", "/admin/v1/tokens", token, wish)
    assert made.status == 201
    text = made.json["token"]
    assert (await remote.post("/register", b'{"subdomain":"web-1"}', bearer(text))).status == 201
    shown = (await ask(remote, "GET", "/admin/v1/tokens/fleet", token)).json
    assert shown.pop("created") == made.json["created"]
    assert shown.pop("last_used")
    assert shown.pop("id") == made.json["id"]
    assert shown == {
        "name": "fleet",
        "state": "good",
        "scopes": ["register"],
        "accounts": 1,
        "uses_left": 1,
        "expires": "2999-01-30T23:00:00Z",
        "sources": ["127.0.0.0/8"],
        "labels": "web-*",
        "txt_rule": "acme",
        "revoked": None,
    }
    assert (await ask(remote, "DELETE", "/admin/v1/tokens/fleet", token)).json["state"] == "revoked"
    assert (await remote.post("/register", b"", bearer(text))).status == 401
    first = (await ask(remote, "GET", "/admin/v1/tokens?limit=1", token)).json
    assert [one["name"] for one in first["tokens"]] == ["ops"]
    rest = (await ask(remote, "GET", f"/admin/v1/tokens?after={first['next']}", token)).json
    assert ([one["name"] for one in rest["tokens"]], rest["next"]) == (["fleet"], None)
    assert (await ask(remote, "DELETE", "/admin/v1/tokens/ops", token)).status == 200
    assert (await ask(remote, "GET", STATS, token)).status == 401


async def test_all_values_go_only_where_the_query_says_so(remote):
    """A program that has no value, gets the key wrong, or whose body is lost on the way, clears nothing."""
    token = await tokens.issue(remote.store, "writer", scopes=["write"])
    account = await remote.register()
    for number in (1, 2):
        assert (await remote.update(account, value(number))).status == 200
    target = f"/admin/v1/accounts/{account['username']}/values"
    for document in ({}, {"txt": None}, {"value": value(1)}, {"txt": [value(1)]}):
        reply = await ask(remote, "DELETE", target, token, document)
        assert (reply.status, reply.json["error"]) == (400, "unusable"), document
    for query, document in (("", None), ("?all=false", None), ("?all=true", {"txt": value(1)}), ("?any=true", None)):
        reply = await ask(remote, "DELETE", target + query, token, document)
        assert (reply.status, reply.json["error"]) == (400, "unusable"), query
    assert await remote.live(account) == [value(1), value(2)]
    assert (await ask(remote, "DELETE", target, token, {"txt": value(1)})).status == 200
    assert await remote.live(account) == [value(2)]
    assert (await ask(remote, "DELETE", f"{target}?all=true", token)).status == 200
    assert await remote.live(account) == []


async def test_a_time_that_can_not_be_in_utc_is_refused(remote):
    """Nothing is made by it, and the list goes on being answered."""
    token = await tokens.issue(remote.store, "ops", scopes=["write"])
    wish = {"name": "far", "expires": "9999-12-31T23:59:59-14:00"}
    refused = await ask(remote, "POST", "/admin/v1/tokens", token, wish)
    assert (refused.status, refused.json["error"]) == (400, "unusable")
    assert "too far ahead" in refused.json["detail"]
    listed = (await ask(remote, "GET", "/admin/v1/tokens", token)).json
    assert [one["name"] for one in listed["tokens"]] == ["ops"]


async def test_a_token_that_is_revoked_while_a_body_is_on_its_way_does_nothing_more(remote):
    token = await tokens.issue(remote.store, "leaked", scopes=["write"])
    body = b'{"name":"survivor","scopes":["write"]}'
    whole = request("POST", "/admin/v1/tokens", body, bearer(token))

    slow = await Wire.open(remote.port)
    try:
        await slow.send(whole[: -len(body)])
        # The head has been judged when what came behind it is answered.
        assert (await ask(remote, "GET", STATS, token)).status == 200
        await tokens.revoke(remote.store, "leaked")
        await slow.send(body)
        assert (await slow.reply()).status == 401
    finally:
        await slow.close()
    assert await remote.store.issued_token("survivor") is None


class PausedPool(HashPool):
    """Hashing that waits until it is let go: so long an account that is to be made takes."""

    def __init__(self):
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def hash(self, password):
        """Say that a hash is wanted."""
        self.asked.set()
        await self.go.wait()
        return await super().hash(password)


@pytest.mark.parametrize("path", ["accounts", "accounts/victim/password"])
async def test_a_token_that_is_revoked_while_its_request_is_in_hand_changes_nothing(database_url, path):
    """The writer has the last word, in its transaction; the refusal is in the audit log."""
    pool = PausedPool()
    pool.go.set()
    async with running(database_url, pool=pool) as api:
        token = await tokens.issue(api.store, "leaked", scopes=["write"])
        assert (await ask(api, "POST", "/admin/v1/accounts", token, {"subdomain": "victim"})).status == 201
        (victim,) = await api.store.find(username=None, label="victim")
        before = await api.store.shown(victim.id)
        pool.go.clear()
        pool.asked.clear()
        late = asyncio.create_task(ask(api, "POST", f"/admin/v1/{path}", token, {}))
        await pool.asked.wait()
        await tokens.revoke(api.store, "leaked")
        pool.go.set()
        reply = await late
        assert (reply.status, reply.json["error"]) == (401, "token_needed")
        assert (await api.store.statistics()).accounts == 1
        assert await api.store.shown(victim.id) == before
        last = (await api.store.audit(since=None, after=0, most=100))[-1].entry
        assert (last.actor, last.result) == ("token:leaked", "refused: token_revoked")


async def test_behind_its_revocation_a_token_does_nothing_more_in_the_same_transaction(remote):
    """All that an operator can have changed; what stood in front of the revocation is done."""
    store = remote.store
    await tokens.issue(store, "leaked", scopes=["write"])
    await tokens.issue(store, "other", scopes=["read"])
    leaked = (await store.issued_token("leaked")).token
    await remote.register()
    (account,) = await store.listed(Filter(), after=0, most=9)
    entry = Entry("token:leaked", "here", "label_set", account.username)
    done = await asyncio.gather(
        store.change(account.id, SetTitle("before"), entry, by=leaked),
        store.revoke_token("leaked", by=leaked),
        store.change(account.id, SetTitle("behind"), entry, by=leaked),
        store.revoke_token("other", by=leaked),
        tokens.issue(store, "survivor", scopes=["write"], by=leaked),
        store.register(username="u" * 36, label="behind", allow_from=[], verifier="v", by=leaked),
        return_exceptions=True,
    )
    assert [getattr(one, "reason", None) for one in done] == [None, None, *["token_revoked"] * 4]
    shown = await store.shown(account.id)
    assert shown is not None
    assert shown.account.title == "before"
    assert [(one.token.name, one.token.ended) for one in await store.issued_tokens(after=0, most=9)] == [
        ("leaked", Ended.REVOKED),
        ("other", None),
    ]
    assert (await store.statistics()).accounts == 1


async def test_a_known_token_that_is_refused_locks_nobody_out(remote):
    """Neighbours behind one address: one with a token that has ended, or is for something else, and one with a good."""
    good = await tokens.issue(remote.store, "ops", scopes=["write"])
    reader = await tokens.issue(remote.store, "reader", scopes=["read"])
    ended = await tokens.issue(remote.store, "ended", scopes=["write"])
    await tokens.revoke(remote.store, "ended")
    for _ in range(SOURCE_FAILURES + 1):
        assert (await ask(remote, "POST", "/admin/v1/accounts", reader)).status == 403
        assert (await ask(remote, "GET", STATS, ended)).status == 401
    assert (await ask(remote, "GET", STATS, good)).status == 200


@pytest.mark.parametrize("target", ["/admin/v1/accounts/a%00b", "/admin/v1/tokens/a%00b"])
async def test_the_audit_log_holds_nothing_that_a_terminal_or_a_database_stumbles_over(remote, target):
    token = await tokens.issue(remote.store, "ops", scopes=["write"])
    assert (await ask(remote, "DELETE", target, token)).status == 404
    assert (await ask(remote, "GET", "/admin/v1/accounts?label=a%00b", token)).status == 400
    last = (await ask(remote, "GET", "/admin/v1/audit", token)).json["entries"][-1]
    assert last["subject"] == "a\\x00b"
    assert last["result"].isprintable()


async def test_a_token_makes_none_that_outlives_it(remote):
    """Of whatever scope; one that has no end may make others without."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    token = await tokens.issue(remote.store, "brief", scopes=["write"], expires_at=int(ends.timestamp()) * 1_000_000)
    free = await tokens.issue(remote.store, "free", scopes=["write"])
    for number, (expires, status) in enumerate(
        [
            (None, 403),
            ((ends + timedelta(microseconds=1)).isoformat(), 403),
            (ends.isoformat(), 201),
            ((ends - timedelta(minutes=1)).isoformat(), 201),
        ]
    ):
        reply = await ask(remote, "POST", "/admin/v1/tokens", token, {"name": f"n{number}", "expires": expires})
        assert reply.status == status, expires
        if status == 403:
            assert reply.json["error"] == "rights_exceeded"
            assert f"the token brief ends at {ends.isoformat()}, and what it makes must not" in reply.json["detail"]
    assert (await ask(remote, "POST", "/admin/v1/tokens", free, {"name": "n9", "scopes": ["write"]})).status == 201
    refused = [one.entry for one in await remote.store.audit(since=None, after=0, most=10)][:2]
    assert [(one.action, one.subject, one.result[:7]) for one in refused] == [
        ("token_created", "n0", "refused"),
        ("token_created", "n1", "refused"),
    ]


async def test_a_token_of_some_networks_makes_no_operator_s_token_for_others(remote):
    """Hosts may be elsewhere; who reads or writes may not."""
    own = ["127.0.0.0/8", "2001:db8:1::/47"]
    token = await tokens.issue(remote.store, "site", scopes=["write"], sources=own)
    for number, (scope, sources, status) in enumerate(
        [
            ("read", [], 403),
            ("write", ["0.0.0.0/0"], 403),
            ("write", ["127.0.0.1/32", "2001:db8::/32"], 403),
            ("write", ["126.0.0.0/7"], 403),
            ("read", ["::/0"], 403),
            ("read", ["rubbish"], 400),
            ("read", ["127.0.0.1/32"], 201),
            ("write", ["127.3.0.0/16", "2001:db8:1::/48"], 201),
            ("register", [], 201),
            ("storage", ["0.0.0.0/0"], 201),
        ]
    ):
        wish = {"name": f"n{number}", "scopes": [scope], "sources": sources}
        reply = await ask(remote, "POST", "/admin/v1/tokens", token, wish)
        assert reply.status == status, wish
        if status == 403:
            assert reply.json["error"] == "rights_exceeded"
            assert "is good from 127.0.0.0/8, 2001:db8:1::/47 only" in reply.json["detail"]


async def test_wrong_tokens_are_limited_by_source_together_with_those_for_registration(database_url):
    """429 with Retry-After, for this source alone, before the database is asked."""
    async with running(database_url, registration="token", clock=lambda: 0.0) as api:
        token = await tokens.issue(api.store, "reader", scopes=["read"])
        for number in range(SOURCE_FAILURES):
            if number % 2:
                assert (await ask(api, "GET", STATS, UNKNOWN)).status == 401
            else:
                assert (await api.post("/register", b"", bearer(UNKNOWN))).status == 401
        for shown in (UNKNOWN, token):
            reply = await ask(api, "GET", STATS, shown)
            assert (reply.status, reply.json["error"]) == (429, "too_many_requests")
            assert int(reply.header("retry-after")) > 0
        assert (await ask(api, "GET", STATS)).status == 401
        assert (await ask(api, "GET", STATS, token, source="127.0.0.2")).status == 200


async def test_without_a_database_who_is_known_to_be_served_hears_of_it(database_url, lose_database):
    """503, come again."""
    async with running(database_url) as api:
        token = await tokens.issue(api.store, "reader", scopes=["read"])
        assert (await ask(api, "GET", STATS, token)).status == 200
        lose_database()
        reply = await ask(api, "GET", STATS, token)
        assert (reply.status, reply.json["error"]) == (503, "db_error")
        assert reply.header("retry-after")


async def test_without_a_database_what_was_never_seen_on_is_off_but_for_who_shows_a_token(database_url, lose_database):
    """404, as for any path that is none; who may be an operator is told to come again."""
    async with running(database_url) as api:
        token = await tokens.issue(api.store, "reader", scopes=["read"])
        lose_database()
        for shown in (token, UNKNOWN):
            reply = await ask(api, "GET", STATS, shown)
            assert (reply.status, reply.json["error"]) == (503, "db_error")
            assert reply.header("retry-after")
        for headers in ({}, {"Authorization": "Bearer x"}):
            assert (await api.ask(request("GET", STATS, None, headers))).status == 404


async def test_a_refused_token_is_in_the_audit_log_and_nobody_floods_it(database_url):
    """One of a source in a minute, few of all; one of each that is ours, by name, and never the token itself."""
    seconds = [0.0]

    async def noted(api):
        found = await api.store.audit(since=None, after=0, most=1000)
        return [
            (one.entry.actor, one.entry.source, one.entry.subject, one.entry.result, one.entry.details["scope"])
            for one in found
            if one.entry.action == "token_shown"
        ]

    proxy = ForwardedBy("X-Forwarded-For", (ip_network("127.0.0.0/8"),))
    async with running(database_url, clock=lambda: seconds[0], forwarded_by=proxy) as api:
        reader = await tokens.issue(api.store, "reader", scopes=["read"])
        for source in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            headers = {**bearer(reader), "X-Forwarded-For": source}
            assert (await api.ask(request("DELETE", "/admin/v1/accounts/x", None, headers))).status == 403
        expected = [("token:reader", "192.0.2.1", "reader", "refused: token_of_another_scope", "write")]
        assert await noted(api) == expected
        seconds[0] += NOTED_SECONDS_EACH
        headers = {**bearer(UNKNOWN), "X-Forwarded-For": "192.0.2.1"}
        assert (await api.ask(request("POST", "/register", None, headers))).status == 401
        expected.append(("anyone", "192.0.2.1", "unknown", "refused: unknown_token", "register"))
        assert await noted(api) == expected
        seconds[0] += NOTED_SECONDS_EACH
        for number in range(2 * NOTED):
            headers = {**bearer(UNKNOWN), "X-Forwarded-For": f"198.51.100.{number}"}
            assert (await api.ask(request("GET", STATS, None, headers))).status == 401
        assert len(await noted(api)) == len(expected) + NOTED
        headers = {**bearer(reader), "X-Forwarded-For": "192.0.2.2"}
        assert (await api.ask(request("DELETE", "/admin/v1/accounts/x", None, headers))).status == 403
        assert (await noted(api))[-1] == ("token:reader", "192.0.2.2", *expected[0][2:]), "whatever strangers do"
        assert UNKNOWN not in str(await api.store.audit(since=None, after=0, most=1000))
