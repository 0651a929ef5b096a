"""/register where a token is needed: every way to show one, everything that a token may limit, nothing that tells it."""

import asyncio
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import pytest_asyncio
import structlog

from acmedns_py import log as logs
from acmedns_py.accounts import tokens
from acmedns_py.accounts.attempts import SOURCE_FAILURES, TOKEN_REGISTRATIONS
from acmedns_py.api.answers import CHALLENGE
from acmedns_py.api.client import ForwardedBy
from acmedns_py.errors import ScopeLacking, TokenNotAccepted, TokenRefused
from acmedns_py.feed.changes import StaticData
from tests.api.running import ZONE, credential, patient_clock, running, value
from tests.api.wire import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "adt_" + "u" * 43
REFUSED = b"a registration token is needed, and this is none that is good here\n"


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(database_url):
    """An API on each engine that demands a token."""
    async with running(database_url, registration="token") as api:
        yield api


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(token, *, encode=b64encode, user="u>?"):
    return {"Authorization": "Basic " + encode(f"{user}:{token}".encode()).decode()}


def unpadded(octets):
    return urlsafe_b64encode(octets).rstrip(b"=")


def is_refusal(reply):
    """The one answer to whoever may not register."""
    return (
        reply.status == 401
        and reply.body == REFUSED
        and reply.header("content-type") == "text/plain; charset=utf-8"
        and reply.header("x-content-type-options") == "nosniff"
        and reply.header("www-authenticate") == CHALLENGE
    )


WAYS = {
    "bearer": lambda token: ("/register", bearer(token)),
    "bearer in another case": lambda token: ("/register", {"authorization": f"BEARER   {token}"}),
    "basic": lambda token: ("/register", basic(token)),
    "basic, URL-safe and unpadded": lambda token: ("/register", basic(token, encode=unpadded)),
    "basic without a user": lambda token: ("/register", basic(token, user="")),
    "prefix": lambda token: (f"/{token}/register", {}),
    "prefix, base with a final slash": lambda token: (f"/{token}//register", {}),
    "prefix, all slashes and cases": lambda token: (f"//{token}///REGISTER//?a=b", {}),
    "prefix, escaped": lambda token: (f"/{token.replace('_', '%5F')}/register", {}),
    "prefix, whole URL": lambda token: (f"http://localhost/{token}//register", {}),
    "prefix, Basic for a proxy": lambda token: (f"/{token}/register", basic("proxy's own")),
    "prefix, simple-acme's bare word": lambda token: (f"/{token}/register", {"Authorization": "Basic "}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_token_lets_register_however_it_is_shown(guarded, way):
    """And its account updates as any other, by the same base URL (clients #4, #9)."""
    token = await tokens.issue(guarded.store, "fleet")
    target, headers = way(token)
    reply = await guarded.post(target, b"{}", headers)
    assert reply.status == 201, reply
    assert (await guarded.update(reply.json, value(1))).status == 200
    assert await guarded.live(reply.json) == [value(1)]


WRONG = {
    "nothing": lambda _token: ("/register", {}),
    "unknown bearer": lambda _token: ("/register", bearer(UNKNOWN)),
    "unknown prefix": lambda _token: (f"/{UNKNOWN}/register", {}),
    "other letter case": lambda token: ("/register", bearer(token.swapcase().replace("ADT_", "adt_"))),
    "cut short": lambda token: ("/register", bearer(token[:-1])),
    "longer": lambda token: ("/register", bearer(token + "x")),
    "as the user of Basic": lambda token: ("/register", basic("", user=token)),
    "of another scheme": lambda token: ("/register", {"Authorization": f"Token {token}"}),
    "twice": lambda token: ("/register", [*bearer(token).items()] * 2),
    "as credential": lambda token: ("/register", {"X-Api-User": token, "X-Api-Key": token}),
    "prefix that is wrong beside a good header": lambda token: (f"/{UNKNOWN}/register", bearer(token)),
    "empty Basic": lambda _token: ("/register", {"Authorization": "Basic "}),
}


@pytest.mark.parametrize("way", WRONG.values(), ids=WRONG)
async def test_without_a_good_token_nobody_registers(guarded, way):
    """One text for all; not JSON, which simple-acme would keep as an account (clients #7)."""
    token = await tokens.issue(guarded.store, "fleet")
    target, headers = way(token)
    assert is_refusal(await guarded.post(target, b"{}", headers))
    assert not (await guarded.store.load()).challenges


@pytest.mark.parametrize(
    "target", [f"/{UNKNOWN}x/register", f"/{UNKNOWN[:-1]}/register", "/fleet/register", f"/{UNKNOWN}"]
)
async def test_prefix_that_is_no_token_is_an_unknown_path(guarded, target):
    """404, as without tokens."""
    reply = await guarded.post(target)
    assert (reply.status, reply.json) == (404, {"error": "not_found"})


@pytest.mark.parametrize("ending", ["revoked", "unknown", "used up"])
async def test_prefix_of_a_token_that_is_good_no_more_still_leads_to_all_else(guarded, ending):
    """Hosts have it in their base URL for years: their renewals must not end with the token."""
    token = await tokens.issue(guarded.store, "fleet", uses=1)
    account = (await guarded.post(f"/{token}/register")).json
    if ending == "revoked":
        await tokens.revoke(guarded.store, "fleet")
    prefix = UNKNOWN if ending == "unknown" else token
    body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
    for route in ("/update", "//update", "/update/", "/UPDATE"):
        assert (await guarded.post(f"/{prefix}{route}", body, credential(account))).status == 200
    assert (await guarded.ask(request("DELETE", f"/{prefix}/update", body, credential(account)))).status == 200
    for route in ("/health", "//health/ready", "/openapi.json"):
        assert (await guarded.ask(request("GET", f"/{prefix}{route}"))).status == 200
    assert (await guarded.update(account, value(2))).status == 200
    assert is_refusal(await guarded.post(f"/{prefix}/register"))


async def test_token_stays_good_over_a_restart_and_revocation_does_too(database_url):
    """Both are in the database."""
    async with running(database_url, registration="token") as api:
        good, bad = await tokens.issue(api.store, "good", uses=2), await tokens.issue(api.store, "bad")
        assert (await api.post("/register", b"", bearer(good))).status == 201
        await tokens.revoke(api.store, "bad")
    async with running(database_url, registration="token") as api:
        assert (await api.post("/register", b"", bearer(good))).status == 201
        assert is_refusal(await api.post("/register", b"", bearer(good)))
        assert is_refusal(await api.post("/register", b"", bearer(bad)))


async def test_last_use_goes_to_one_of_many(guarded):
    """However many come at once: the use is taken in the transaction that makes the account."""
    token = await tokens.issue(guarded.store, "five", uses=5)
    replies = await asyncio.gather(
        *(guarded.post("/register", b"{}", bearer(token), source=f"127.0.{number}.1") for number in range(20))
    )
    assert sorted(reply.status for reply in replies) == [201] * 5 + [401] * 15
    assert len((await guarded.store.load()).challenges) == 5


async def test_revocation_stops_a_registration_that_has_begun(guarded, monkeypatch):
    """Between the look at the token and the commit lies a hash; the commit looks again."""
    token = await tokens.issue(guarded.store, "fleet")
    hashed = guarded.credentials.hashed

    async def revoked_meanwhile(*arguments):
        verifier = await hashed(*arguments)
        await tokens.revoke(guarded.store, "fleet")
        return verifier

    monkeypatch.setattr(guarded.credentials, "hashed", revoked_meanwhile)
    assert is_refusal(await guarded.post("/register", b"", bearer(token)))
    assert not (await guarded.store.load()).challenges


async def test_token_has_an_end(guarded):
    """By the database's clock."""
    now = datetime.now(UTC)
    for name, until, status in (
        ("past", now - timedelta(seconds=1), 401),
        ("future", now + timedelta(hours=1), 201),
    ):
        micros = int(until.timestamp() * 1_000_000)
        token = await tokens.issue(guarded.store, name, expires_at=micros)
        assert (await guarded.post("/register", b"", bearer(token))).status == status


async def test_token_is_good_from_its_sources_alone(guarded):
    """An address outside is refused like any other wrong token."""
    token = await tokens.issue(guarded.store, "site", sources=["127.0.1.0/24", "2001:db8::/32"])
    assert (await guarded.post("/register", b"", bearer(token), source="127.0.1.77")).status == 201
    assert is_refusal(await guarded.post("/register", b"", bearer(token), source="127.0.2.1"))


async def test_source_behind_a_proxy_is_the_client(sqlite_url):
    """As for `allowfrom`."""
    ours = ForwardedBy("X-Forwarded-For", (ip_network("127.0.0.0/8"),))
    async with running(sqlite_url, registration="token", forwarded_by=ours) as api:
        token = await tokens.issue(api.store, "site", sources=["192.0.2.0/24"])
        for client, status in (("192.0.2.9", 201), ("198.51.100.1", 401), ("no address", 401)):
            headers = {**bearer(token), "X-Forwarded-For": client}
            assert (await api.post("/register", b"", headers)).status == status


async def test_holder_chooses_labels_of_the_pattern(guarded):
    """In any letter case; the name is served from the 201 on, and its account updates."""
    token = await tokens.issue(guarded.store, "web", labels="Web-*")
    reply = await guarded.post("/register", b'{"subdomain":"WEB-1"}', bearer(token))
    assert reply.status == 201
    assert (reply.json["subdomain"], reply.json["fulldomain"]) == ("web-1", f"web-1.{ZONE}")
    assert await guarded.live(reply.json) == []
    assert (await guarded.update(reply.json, value(1))).status == 200
    # Without a wish the label is random, as ever.
    for body in (b"", b"{}", b'{"subdomain":null}', b'{"subdomain":""}'):
        account = (await guarded.post("/register", body, bearer(token))).json
        assert len(account["subdomain"]) == 36


@pytest.mark.parametrize(
    "label",
    [
        "web_1",
        "_acme-challenge",
        "-web",
        "web-",
        "web.a",
        "web.",
        ".",
        "*",
        "w" * 64,
        "bücher",
        "web 1",
        "web\0",
        "web\n",
        "ſ",
    ],
)
async def test_what_is_no_label_is_refused(api, label):
    """400 with acme-dns's word; nothing is registered, no use is lost (dns-correctness #81, #84)."""
    token = await tokens.issue(api.store, f"any-{abs(hash(label))}", labels="*", uses=1)
    reply = await api.post("/register", json.dumps({"subdomain": label}).encode(), bearer(token))
    assert (reply.status, reply.json) == (400, {"error": "bad_subdomain"})
    assert (await api.post("/register", b"", bearer(token))).status == 201


async def test_a_name_that_does_not_fit_into_dns_is_refused(sqlite_url):
    """Its label alone would be good; 253 characters are the most (dns-correctness #84)."""
    zone = ".".join(["z" * 50] * 4) + ".org"
    async with running(sqlite_url, zone=zone) as api:
        token = await tokens.issue(api.store, "any", labels="*", uses=1)
        reply = await api.post("/register", json.dumps({"subdomain": "x" * 46}).encode(), bearer(token))
        assert (reply.status, reply.json) == (400, {"error": "bad_subdomain"})
        reply = await api.post("/register", json.dumps({"subdomain": "x" * 45}).encode(), bearer(token))
        assert (reply.status, len(reply.json["fulldomain"])) == (201, 253)


@pytest.mark.parametrize("label", ["a", "w" * 63, "xn--bcher-kva", "0", "a--b", "00000000-0000-4000-8000-000000000000"])
async def test_every_label_of_the_form_can_be_had_once(api, label):
    """Whoever comes second is told so, in any letter case, and has lost no use."""
    name = f"once-{label[:50]}"
    token = await tokens.issue(api.store, name, labels="*", uses=2)
    assert (await api.post("/register", json.dumps({"subdomain": label}).encode(), bearer(token))).status == 201
    reply = await api.post("/register", json.dumps({"subdomain": label.upper()}).encode(), bearer(token))
    assert (reply.status, reply.json) == (400, {"error": "subdomain_taken"})
    assert (await api.post("/register", b"", bearer(token))).status == 201


@pytest.mark.parametrize("label", ["app-1", "web", "1-web-1"])
async def test_label_outside_of_the_pattern_is_refused(api, label):
    """The pattern is of the whole label."""
    token = await tokens.issue(api.store, f"web-{label}", labels="web-?")
    reply = await api.post("/register", json.dumps({"subdomain": label}).encode(), bearer(token))
    assert (reply.status, reply.json) == (400, {"error": "bad_subdomain"})


async def test_label_that_many_want_goes_to_one(guarded):
    """However many come at once."""
    token = await tokens.issue(guarded.store, "any", labels="*")
    replies = await asyncio.gather(
        *(guarded.post("/register", b'{"subdomain":"one"}', bearer(token)) for _ in range(8))
    )
    assert sorted(reply.status for reply in replies) == [201] + [400] * 7
    assert {reply.json["error"] for reply in replies if reply.status == 400} == {"subdomain_taken"}


async def test_who_may_not_choose_gets_a_random_label(database_url):
    """`subdomain` is then one of the keys that nobody looks at, as in acme-dns."""
    async with running(database_url) as api:
        plain = await tokens.issue(api.store, "plain")
        for headers in ({}, bearer(plain)):
            account = (await api.post("/register", b'{"subdomain":"www"}', headers)).json
            assert len(account["subdomain"]) == 36


STATIC = [b"\3www", b"\4deep\1a", b"\1*\4wild", b"\3ns1", b""]


@pytest.mark.parametrize("label", ["www", "a", "A", "wild", "ns1"])
async def test_label_that_the_zone_serves_is_reserved(guarded, label):
    """Static records, nameservers, and names above others (dns-correctness #81)."""
    apex = b"\4auth\7example\3org\0"
    await guarded.store.replace_static([(owner + apex, 1, StaticData(60, (b"\1\2\3\4",))) for owner in STATIC])
    token = await tokens.issue(guarded.store, f"reserved-{label}", labels="*")
    reply = await guarded.post("/register", json.dumps({"subdomain": label}).encode(), bearer(token))
    assert (reply.status, reply.json) == (400, {"error": "subdomain_taken"})
    assert (await guarded.post("/register", b'{"subdomain":"deep"}', bearer(token))).status == 201


async def test_where_all_may_register_a_token_that_is_shown_counts(database_url):
    """A good one lets choose, a wrong one is refused; what is no token is as if absent (clients #9)."""
    async with running(database_url) as api:
        token = await tokens.issue(api.store, "web", labels="web-*")
        assert (await api.post("/register", b'{"subdomain":"web-1"}', bearer(token))).json["subdomain"] == "web-1"
        assert (await api.post(f"/{token}//register")).status == 201
        assert is_refusal(await api.post("/register", b"", bearer(UNKNOWN)))
        assert is_refusal(await api.post(f"/{UNKNOWN}/register"))
        for headers in ({"Authorization": "Basic "}, basic("password"), bearer("x"), {"Authorization": "?"}):
            assert (await api.post("/register", b"", headers)).status == 201


async def test_closed_registration_is_closed_to_tokens_too(sqlite_url):
    """Go's plain 404, by any path; updates go on."""
    async with running(sqlite_url) as api:
        account = await api.register()
        token = await tokens.issue(api.store, "fleet")
    async with running(sqlite_url, registration="off") as api:
        for target, headers in (("/register", bearer(token)), (f"/{token}//register", {})):
            reply = await api.post(target, b"", headers)
            assert (reply.status, reply.body) == (404, b"404 page not found\n")
        body = json.dumps({"subdomain": account["subdomain"], "txt": value(1)}).encode()
        assert (await api.post(f"/{token}//update", body, credential(account))).status == 200


async def test_wrong_tokens_of_a_source_are_limited(sqlite_url):
    """429 with Retry-After, before the database is asked; other sources and all updates go on."""
    now = [0.0]
    async with running(sqlite_url, registration="token", clock=lambda: now[0]) as api:
        token = await tokens.issue(api.store, "fleet")
        account = (await api.post("/register", b"", bearer(token), source="127.0.3.1")).json
        for number in range(SOURCE_FAILURES):
            shown = [bearer(UNKNOWN), {}][number % 2]
            prefix = ["", f"/{UNKNOWN}"][number % 2]
            assert is_refusal(await api.post(f"{prefix}/register", b"", shown))
        for target, headers in (("/register", bearer(token)), (f"/{UNKNOWN}/register", {})):
            reply = await api.post(target, b"", headers)
            assert (reply.status, reply.json) == (429, {"error": "too_many_requests"})
            assert reply.header("retry-after") == "2"
        assert is_refusal(await api.post("/register"))
        assert (await api.update(account, value(1))).status == 200
        assert (await api.post("/register", b"", bearer(token), source="127.0.3.2")).status == 201
        now[0] += 2
        assert (await api.post("/register", b"", bearer(token))).status == 201


async def test_registrations_by_a_token_are_limited(sqlite_url, monkeypatch):
    """From however many networks; other tokens go on."""
    monkeypatch.setattr("acmedns_py.accounts.attempts.TOKEN_REGISTRATIONS", 3)
    assert TOKEN_REGISTRATIONS > 3
    async with running(sqlite_url, registration="token", clock=lambda: 0.0) as api:
        one, other = await tokens.issue(api.store, "one"), await tokens.issue(api.store, "other")
        for number in range(3):
            assert (await api.post("/register", b"", bearer(one), source=f"127.0.{number}.1")).status == 201
        reply = await api.post("/register", b"", bearer(one), source="127.0.9.1")
        assert (reply.status, reply.json, reply.header("retry-after")) == (429, {"error": "too_many_requests"}, "1")
        assert (await api.post("/register", b"", bearer(other), source="127.0.9.1")).status == 201


async def test_database_that_is_gone_is_said_and_no_wrong_token_is_counted(database_url, lose_database):
    """503, which a repeat may mend."""
    async with running(database_url, registration="token", clock=lambda: 0.0) as api:
        token = await tokens.issue(api.store, "fleet")
        lose_database()
        for _ in range(2):
            reply = await api.post("/register", b"", bearer(token))
            assert reply.status == 503
            assert reply.json["error"] == "db_error"


ISSUES = [
    ({"name": ""}, "'' is no name of a token; write up to 64"),
    ({"name": "a b"}, "'a b' is no name of a token"),
    ({"name": "n" * 65}, "is no name of a token"),
    ({"name": "-n"}, "the first a letter or digit"),
    ({"name": "n\n"}, "is no name of a token"),
    ({"uses": 0}, "uses = 0: write a number from 1 to"),
    ({"uses": -1}, "uses = -1: write a number from 1 to"),
    ({"uses": 10**30}, "leave it out for no limit"),
    ({"sources": ["192.0.2.1"]}, "source '192.0.2.1' is no network; write it with its mask"),
    ({"sources": ["192.0.2.0/24", "host"]}, "source 'host' is no network"),
    ({"labels": ""}, "labels = '' is no pattern"),
    ({"labels": "web_*"}, "labels = 'web_*' is no pattern; write up to 63 letters"),
    ({"labels": "[a-z]"}, "is no pattern"),
    ({"labels": "*" * 64}, "is no pattern"),
    ({"scopes": ["admin"]}, "scope 'admin' is not known; known are register, storage, read, write"),
    ({"scopes": []}, "a token without a scope is good for nothing"),
    (
        {"scopes": ["read"], "uses": 1},
        "uses and labels are about registrations; leave them out, or add the scope register",
    ),
    ({"scopes": ["storage", "write"], "labels": "*"}, "uses and labels are about registrations"),
]


@pytest.mark.parametrize(("wish", "told"), ISSUES)
async def test_token_that_can_not_be_made_is_told_why(api, wish, told):
    """What was wrong and what to do; nothing is made."""
    with pytest.raises(TokenRefused) as refused:
        await tokens.issue(api.store, **{"name": "good", **wish})
    assert told in str(refused.value)


async def test_names_of_tokens_are_taken_for_good(guarded):
    """So that a name in a log means one token."""
    await tokens.issue(guarded.store, "fleet")
    with pytest.raises(TokenRefused, match="there is a token of the name fleet already; choose another name"):
        await tokens.issue(guarded.store, "fleet")
    await tokens.revoke(guarded.store, "fleet")
    await tokens.revoke(guarded.store, "fleet")
    with pytest.raises(TokenRefused, match="there is a revoked token of the name fleet already"):
        await tokens.issue(guarded.store, "fleet")
    with pytest.raises(TokenRefused, match="there is no token of the name fleat; acmedns token list shows all"):
        await tokens.revoke(guarded.store, "fleat")


async def test_writes_of_tokens_change_nothing_that_is_served(guarded):
    """They take no cursor."""
    before = (await guarded.store.load()).cursor
    await tokens.issue(guarded.store, "fleet")
    await tokens.revoke(guarded.store, "fleet")
    assert (await guarded.store.load()).cursor == before
    assert not guarded.commits


def requests_in(entries):
    return [entry for entry in entries if entry["event"].startswith("request_")]


async def test_log_names_the_token_and_the_exact_reason(guarded):
    """The client sees one text; names are no secrets."""
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    store = guarded.store
    good = await tokens.issue(store, "good", labels="x*")
    ended = await tokens.issue(store, "old", expires_at=now - 1)
    used = await tokens.issue(store, "used", uses=1)
    revoked = await tokens.issue(store, "gone")
    site = await tokens.issue(store, "site", sources=["192.0.2.0/24"])
    await tokens.revoke(store, "gone")
    assert (await guarded.post("/register", b"", bearer(used))).status == 201
    with structlog.testing.capture_logs() as entries:
        for token in (good, ended, used, revoked, site, UNKNOWN):
            await guarded.post("/register", b"", bearer(token))
        await guarded.post("/register")
        await guarded.post(f"/{good}/register", b'{"subdomain":"y"}')
    told = [(line["route"], line["status"], line.get("token"), line.get("reason")) for line in requests_in(entries)]
    assert told == [
        ("/register", 201, "good", None),
        ("/register", 401, "old", "token_expired"),
        ("/register", 401, "used", "token_used_up"),
        ("/register", 401, "gone", "token_revoked"),
        ("/register", 401, "site", "address_not_allowed"),
        ("/register", 401, None, "unknown_token"),
        ("/register", 401, None, "no_token"),
        ("/register", 400, "good", "bad_subdomain: not of the token's pattern"),
    ]


@pytest.mark.parametrize("scope", ["storage", "read", "write"])
async def test_token_of_another_scope_registers_nobody(guarded, scope):
    """Only `register` is for /register."""
    text = await tokens.issue(guarded.store, "reader", scopes=[scope])
    with structlog.testing.capture_logs() as entries:
        assert is_refusal(await guarded.post("/register", b"", bearer(text)))
    assert [(line["reason"], line["token"]) for line in requests_in(entries)] == [("token_of_another_scope", "reader")]


async def test_token_may_have_several_scopes(guarded):
    """Whatever order they were named in, and however often."""
    text = await tokens.issue(guarded.store, "many", scopes=["write", "register", "write"], uses=1)
    found = await guarded.store.token(tokens.digest(text))
    assert found.scopes == ("register", "write")
    assert (await guarded.post("/register", b"", bearer(text))).status == 201
    assert is_refusal(await guarded.post("/register", b"", bearer(text)))


@pytest.mark.parametrize(
    ("scopes", "good_for"),
    [
        (["register"], {"register"}),
        (["storage"], {"storage"}),
        (["read"], {"read"}),
        (["write"], {"read", "write"}),
        (["register", "read"], {"register", "read"}),
    ],
)
async def test_scopes_say_what_a_token_is_good_for(api, scopes, good_for):
    """Who may write may read; nothing else follows from anything. What lacks a scope is told apart from a wrong token."""
    text = await tokens.issue(api.store, f"scopes-{'-'.join(scopes)}", scopes=scopes)
    gate = tokens.Tokens(store=api.store, clock=patient_clock)
    for scope in tokens.SCOPES:
        if scope in good_for:
            assert (await gate.accept(text, None, scope=scope)).scopes == tuple(scopes)
        else:
            with pytest.raises(ScopeLacking):
                await gate.accept(text, None, scope=scope)


async def test_uses_are_registrations(api):
    """A token without any left goes on being good for what else it is for; a revoked one is good for nothing."""
    text = await tokens.issue(api.store, "worn", scopes=["register", "read"], uses=1)
    assert (await api.post("/register", b"", bearer(text))).status == 201
    gate = tokens.Tokens(store=api.store, clock=patient_clock)
    assert (await gate.accept(text, None, scope="read")).uses_left == 0
    with pytest.raises(TokenNotAccepted, match="token_used_up"):
        await gate.accept(text, None, scope="register")
    await tokens.revoke(api.store, "worn")
    with pytest.raises(TokenNotAccepted, match="token_revoked"):
        await gate.accept(text, None, scope="read")


@pytest.fixture
def written(tmp_path):
    """The program's own log at its lowest level, set up as `serve` does before it opens the database."""
    root = logging.getLogger()
    before = {logger: logger.level for logger in (root, *map(logging.getLogger, logs.LIBRARIES))}
    handlers, raising = root.handlers[:], logging.raiseExceptions
    root.handlers[:] = []
    logs.configure("debug", "json", "file", tmp_path / "log")
    yield tmp_path / "log"
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    for logger, level in before.items():
        logger.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()


async def test_token_is_in_no_log_and_no_answer(database_url, written, monkeypatch):
    """Whatever is asked by it, and whatever goes wrong: neither the token nor its digest (dns-correctness #74)."""
    answers = []
    async with running(database_url, registration="token", cors_origins=["*"]) as api:
        good = await tokens.issue(api.store, "good", scopes=["register", "write"], labels="*", uses=3)
        gone = await tokens.issue(api.store, "gone")
        await tokens.revoke(api.store, "gone")
        secrets = [text for token in (good, gone, UNKNOWN) for text in (token, tokens.digest(token))]
        asked = []
        for token in (good, gone, UNKNOWN):
            asked += [
                request(method, f"/{token}{route}", b"")
                for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND")
                for route in (
                    "/register",
                    "//update",
                    "/health",
                    "/health/ready",
                    "/openapi.json",
                    "/admin/v1/stats",
                    "/x",
                    "",
                )
            ]
            asked += [
                request("POST", "/register", b"{}", bearer(token)),
                request("POST", "/register", b"{}", basic(token)),
                request("POST", "/register", b'{"subdomain":"a_"}', bearer(token)),
                request("POST", f"/{token}/register", b"{"),
                request("GET", "/admin/v1/stats", b"", bearer(token)),
                request("GET", "/admin/v1/tokens", b"", basic(token)),
                request("POST", f"/{token}/register?{token}", b"", {"Origin": "https://x"}),
                request("OPTIONS", f"/{token}/register", b"", {"Origin": "x", "Access-Control-Request-Method": "POST"}),
                request("POST", f"/{token}/register", b"x" * 20_000),
                request("POST", "/register", b"", bearer(token + "x" * 9000)),
                request("POST", f"/{token}/{'x' * 9000}", b""),
                f"POST /{token}/register HTTP/1.1\r\nHost: x\0\r\n\r\n".encode(),
                f"{token} HTTP/1.1\r\n\r\n".encode(),
            ]
        for octets in asked:
            reply = await api.ask(octets)
            answers.append(repr(reply.headers).encode() + reply.body)

        # Who types a token where a name was asked for gets it back, and nobody else gets it.
        for method, target, body in (
            ("GET", "/admin/v1/accounts/{}", ""),
            ("DELETE", "/admin/v1/accounts/{}", ""),
            ("DELETE", "/admin/v1/tokens/{}", ""),
            ("GET", "/admin/v1/stats?{}", ""),
            ("POST", "/admin/v1/tokens", '{{"name":"{}"}}'),
            ("POST", "/admin/v1/tokens", '{{"{}":1}}'),
            ("POST", "/admin/v1/tokens", '{{"name":"n","scopes":["{}"]}}'),
            ("POST", "/admin/v1/tokens", '{{"name":"n","labels":"{}"}}'),
            ("POST", "/admin/v1/accounts", '{{"label":"{}","subdomain":"www"}}'),
        ):
            octets = request(method, target.format(good), body.format(good).encode(), bearer(good))
            assert 200 <= (await api.ask(octets)).status < 500
        kept = await api.store.audit(since=None, after=0, most=1000)

        async def broken(*_args, **_options):
            raise RuntimeError

        monkeypatch.setattr(api.store, "token", broken)
        assert (await api.post(f"/{good}/register", b"", bearer(good))).status == 500
    found = written.read_bytes() + b"".join(answers) + repr(kept).encode()
    assert found.count(b'"request_') >= len(asked)
    assert [secret for secret in secrets if secret.lower().encode() in found.lower()] == []


async def test_accounts_of_a_token_have_its_rule_of_values(guarded):
    """A token of the rule any makes accounts that hold any text; all others don't."""
    text = "ca.example; accounturi=https://ca.example/acct/1"
    for txt_rule, status in ((None, 400), ("acme", 400), ("any", 200)):
        token = await tokens.issue(guarded.store, f"rule-{txt_rule}", txt_rule=txt_rule)
        account = (await guarded.post("/register", None, bearer(token))).json
        assert (await guarded.update(account, text)).status == status
    with pytest.raises(TokenRefused, match="txt_rule 'some' is no rule of values; write acme or any"):
        await tokens.issue(guarded.store, "some", txt_rule="some")
    with pytest.raises(TokenRefused, match="txt_rule is about registrations"):
        await tokens.issue(guarded.store, "store", scopes=(tokens.STORAGE,), txt_rule="any")
