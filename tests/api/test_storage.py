"""/storage: what a token's holder keeps and finds again, who else sees it, and what the database holds of it (clients #18)."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import structlog

from acmedns_py import log as logs
from acmedns_py.accounts import sealing, tokens
from acmedns_py.accounts.administration import Administration, Operator
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.issued_tokens import IssuedTokens
from acmedns_py.errors import StoreUnavailable
from tests.api.running import ZONE, ServedAtOnce, running
from tests.api.test_tokens import WAYS, basic, bearer
from tests.api.wire import request
from tests.store.conftest import execute

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "adt_" + "u" * 43
DOMAIN = "www.example.org"


@pytest_asyncio.fixture(loop_scope="module")
async def api(database_url):
    """An API on each engine, in which two may keep accounts."""
    async with running(database_url) as served:
        served.token = await tokens.issue(served.store, "traefik", scopes=(tokens.STORAGE,))
        served.other = await tokens.issue(served.store, "other", scopes=(tokens.STORAGE, tokens.REGISTER))
        yield served


async def five_keys(api, **changes):
    """A fresh account as lego keeps it; its URL holds a token."""
    made = await api.register()
    keys = {key: made[key] for key in ("fulldomain", "subdomain", "username", "password")}
    return {**keys, "server_url": f"https://any:{api.token}@acme.example.org", **changes}


async def keep(api, token, domain, account):
    """POST as lego does."""
    return await api.post(f"/storage/{domain}", json.dumps(account).encode(), basic(token, user="any"))


async def fetch(api, token, domain=""):
    """GET as lego does; the map without a domain."""
    path = f"/storage/{domain}" if domain else "/storage"
    return await api.ask(request("GET", path, headers=basic(token, user="any")))


async def test_what_was_kept_is_found_again(api):
    """404 before, 200 and never 201 when it is kept, and the same five keys afterwards (clients #18)."""
    assert (await fetch(api, api.token, DOMAIN)).status == 404
    assert (await fetch(api, api.token)).json == {}
    account = await five_keys(api)
    for _ in range(2):
        kept = await keep(api, api.token, DOMAIN, account)
        assert (kept.status, kept.json) == (200, {"domain": DOMAIN, "fulldomain": account["fulldomain"]})
    found = await fetch(api, api.token, DOMAIN)
    assert (found.status, found.json, found.header("cache-control")) == (200, account, "no-store")
    other = await five_keys(api)
    assert (await keep(api, api.token, "mail.example.org", other)).status == 200
    assert (await fetch(api, api.token)).json == {DOMAIN: account, "mail.example.org": other}
    assert (await keep(api, api.token, DOMAIN, other)).status == 200
    assert (await fetch(api, api.token, DOMAIN)).json == other


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_the_token_may_be_shown_in_every_way(api, way):
    """Those of /register, for the map and for one domain."""
    account = await five_keys(api)
    await keep(api, api.token, DOMAIN, account)
    target, headers = way(api.token)
    for more in ("", f"/{DOMAIN}", "/WWW.Example.ORG", f"//{DOMAIN}/"):
        path = target.replace("/register", f"/storage{more}").replace("REGISTER", f"Storage{more}")
        reply = await api.ask(request("GET", path, headers=headers))
        assert reply.json == ({DOMAIN: account} if not more else account), path


async def test_nobody_else_sees_it(api):
    """Another token has a store of its own, and without a good one there is nothing to see."""
    account = await five_keys(api)
    await keep(api, api.token, DOMAIN, account)
    assert (await fetch(api, api.other, DOMAIN)).status == 404
    assert (await fetch(api, api.other)).json == {}
    registrar = await tokens.issue(api.store, "registrar")
    revoked = await tokens.issue(api.store, "revoked", scopes=(tokens.STORAGE,))
    await tokens.revoke(api.store, "revoked")
    for headers, status in (
        ({}, 401),
        (bearer(UNKNOWN), 401),
        (bearer(registrar), 403),
        (bearer(revoked), 401),
        (bearer("no token"), 401),
    ):
        for asked in (
            request("GET", "/storage", headers=headers),
            request("GET", f"/storage/{DOMAIN}", headers=headers),
            request("POST", f"/storage/{DOMAIN}", json.dumps(account).encode(), headers),
        ):
            reply = await api.ask(asked)
            assert reply.status == status
            assert account["password"].encode() not in reply.body


async def test_a_token_without_uses_left_goes_on_keeping(api):
    """Uses are registrations."""
    token = await tokens.issue(api.store, "one", scopes=(tokens.STORAGE, tokens.REGISTER), uses=1)
    reply = await api.post("/register", None, bearer(token))
    account = {key: reply.json[key] for key in ("fulldomain", "subdomain", "username", "password")}
    assert (await api.post("/register", None, bearer(token))).status == 401
    assert (await keep(api, token, DOMAIN, {**account, "server_url": ""})).status == 200
    assert (await fetch(api, token, DOMAIN)).json["password"] == account["password"]


WRONG = {
    "a password that is not the account's": ({"password": "x" * 40}, "bad_account"),
    "no password at all": ({"password": None}, "bad_account"),
    "an unknown account": ({"username": "00000000-0000-4000-8000-000000000000"}, "bad_account"),
    "another's subdomain": ({"subdomain": "another"}, "bad_account"),
    "another server's name": ({"fulldomain": "a.auth.example.net"}, "bad_account"),
    "a long URL": ({"server_url": "https://" + "a" * 1_024}, "bad_account"),
}


@pytest.mark.parametrize(("changes", "word"), WRONG.values(), ids=WRONG)
async def test_only_an_account_of_this_server_with_its_password_is_kept(api, changes, word):
    """So nobody learns by it whose password is which, and nothing that does not work is given out."""
    account = await five_keys(api, **changes)
    reply = await keep(api, api.token, DOMAIN, account)
    assert (reply.status, reply.json) == (400, {"error": word})
    assert (await fetch(api, api.token, DOMAIN)).status == 404


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"username": 1}', b"\xff" * 9, b"[" * 9_000])
async def test_what_is_no_account_is_refused(api, body):
    reply = await api.post(f"/storage/{DOMAIN}", body, bearer(api.token))
    assert (reply.status, reply.json["error"]) in {(400, "malformed_json_payload"), (400, "bad_account")}


async def test_a_body_that_is_too_large_is_refused(api):
    reply = await api.post(f"/storage/{DOMAIN}", b'{"server_url": "' + b"a" * 20_000, bearer(api.token))
    assert reply.status == 413


@pytest.mark.parametrize("domain", ["*.example.org", "a_b.example.org", "a..b", "%C3%BC.example.org", "a" * 64, "a." * 119 + "a", "a%00b", "{domain}"])  # fmt: skip
async def test_what_is_no_name_of_a_host_is_refused(api, domain):
    account = await five_keys(api)
    assert (await keep(api, api.token, domain, account)).json == {"error": "bad_domain"}
    assert (await fetch(api, api.token, domain)).json == {"error": "bad_domain"}


async def test_a_token_keeps_so_many_and_can_still_replace_one(api, monkeypatch):
    """The last place goes to one of two that come at once."""
    monkeypatch.setattr("acmedns_py.store.stored.MOST_STORED", 2)
    account = await five_keys(api)
    await keep(api, api.token, DOMAIN, account)
    replies = await asyncio.gather(*(keep(api, api.token, f"{name}.example.org", account) for name in "abc"))
    assert sorted(reply.status for reply in replies) == [200, 400, 400]
    assert {"error": "storage_full"} in [reply.json for reply in replies]
    assert (await keep(api, api.token, DOMAIN, account)).status == 200


async def test_the_database_holds_no_password_and_no_log_a_secret(api, database_url):
    """Nor the URL, which may hold a token; and no two seals are alike."""
    lines = []
    logs.configure(level="debug", format="json", destination="stdout", file=None)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    account = await five_keys(api)
    for domain in (DOMAIN, "mail.example.org"):
        await keep(api, api.token, domain, account)
        await fetch(api, api.token, domain)
    logging.getLogger().removeHandler(handler)
    rows = await execute(database_url, "SELECT domain, sealed FROM stored")
    assert len({bytes(sealed) for _domain, sealed in rows}) == 2
    for _domain, sealed in rows:
        assert account["password"].encode() not in bytes(sealed)
        assert api.token.encode() not in bytes(sealed)
    audit = await execute(
        database_url, "SELECT actor, action, subject, details FROM audit WHERE action = 'account_stored'"
    )
    details = json.dumps({"subdomain": account["subdomain"], "domain": DOMAIN})
    assert audit[0] == ("token:traefik", "account_stored", account["username"], details)
    told = "".join(lines)
    assert "/storage/{domain}" in told
    for secret in (account["password"], api.token):
        assert secret not in told


async def test_a_seal_opens_with_its_token_for_its_domain_and_account_only(api, database_url):
    """Who can write the database can't give one host the account of another."""
    account = await five_keys(api)
    await keep(api, api.token, DOMAIN, account)
    await execute(database_url, "UPDATE stored SET domain = 'x.www.example.org'")
    reply = await fetch(api, api.token, f"x.{DOMAIN}")
    assert (reply.status, reply.json) == (503, {"error": "db_error"})
    other = await five_keys(api)
    await keep(api, api.token, DOMAIN, other)
    with structlog.testing.capture_logs() as entries:
        assert (await fetch(api, api.token)).json == {DOMAIN: other}
    told = [one for one in entries if one["event"] == "stored_account_unreadable"]
    assert [(one["domain"], one["account"], one["token"]) for one in told] == [
        (f"x.{DOMAIN}", account["username"], "traefik")
    ]
    sealed = sealing.sealed(b"secret", token=api.token, bound_to=b"a")
    assert sealing.opened(sealed, token=api.token, bound_to=b"a") == b"secret"
    for octets, token, bound_to in (
        (sealed, api.other, b"a"),
        (sealed, api.token, b"b"),
        (sealed[:-1], api.token, b"a"),
        (sealed[:5], api.token, b"a"),
        (b"", api.token, b"a"),
        (bytes([sealed[0] ^ 1]) + sealed[1:], api.token, b"a"),
    ):
        with pytest.raises(StoreUnavailable, match="not as it was sealed"):
            sealing.opened(octets, token=token, bound_to=bound_to)


async def test_what_a_token_keeps_ends_with_it(api, monkeypatch):
    """In the transaction that revokes it; what was under way then is not kept any more."""
    account = await five_keys(api)
    for token in (api.token, api.other):
        assert (await keep(api, token, DOMAIN, account)).status == 200
    operator = IssuedTokens(keeper=api.store, now=lambda: datetime.now(UTC))
    keeps = api.store.keep

    async def revoked_meanwhile(*arguments, **options):
        await operator.revoke(Operator("user:test", "test"), "traefik")
        assert await api.store.stored(arguments[0]) == []
        await keeps(*arguments, **options)

    monkeypatch.setattr(api.store, "keep", revoked_meanwhile)
    assert (await keep(api, api.token, "late.example.org", account)).status == 401
    [token] = [one.token for one in await api.store.issued_tokens(after=0, most=9) if one.token.name == "traefik"]
    assert await api.store.stored(token) == []
    assert (await fetch(api, api.other, DOMAIN)).json == account


async def test_a_rotation_tells_what_is_out_of_date_and_a_deletion_takes_it_away(api):
    """What is out of date is given out all the same: at a 404 lego would register anew."""
    pool = HashPool(threads=1)
    operator = Administration(
        directory=api.store,
        publisher=ServedAtOnce(),
        pool=pool,
        forget=api.credentials.forget,
        zone=ZONE,
        traces=None,
    )
    by = Operator("user:test", "test")
    account = await five_keys(api)
    await keep(api, api.token, DOMAIN, account)
    await keep(api, api.other, DOMAIN, account)
    made = await operator.rotate(by, account["username"])
    assert made.stored_for == ((DOMAIN, "other"), (DOMAIN, "traefik"))
    assert (await fetch(api, api.token, DOMAIN)).json == account
    assert (await keep(api, api.token, DOMAIN, account)).json == {"error": "bad_account"}
    fresh = {**account, "password": made.password}
    assert (await keep(api, api.token, DOMAIN, fresh)).status == 200
    assert (await fetch(api, api.token, DOMAIN)).json == fresh
    await operator.delete(by, account["username"])
    assert (await fetch(api, api.token, DOMAIN)).status == 404
    assert (await fetch(api, api.other)).json == {}
    pool.close()
