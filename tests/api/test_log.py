"""The log: one line a request with what an operator needs, and never a secret."""

import json
import logging
from ipaddress import ip_network

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from acmedns_py import log as logs
from acmedns_py.api.client import ForwardedBy
from acmedns_py.store.engine import Use, connect, target
from tests.api.running import credential, running, value
from tests.api.wire import Wire, request

ABSENT = "00000000-0000-4000-8000-000000000000"
UNREADABLE = "unreadable"


@pytest.fixture
def log():
    with structlog.testing.capture_logs() as entries:
        yield entries


def requests_in(log):
    return [entry for entry in log if entry["event"].startswith("request_")]


async def test_each_request_has_one_line(database_url, log):
    """Method, route, status, source, request id, duration, account."""
    async with running(database_url) as api:
        account = await api.register()
        log.clear()
        reply = await api.update(account, value(1))
    (line,) = requests_in(log)
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "request_answered",
        "log_level": "info",
        "method": "POST",
        "route": "/update",
        "status": 200,
        "source": "127.0.0.1",
        "request_id": reply.header("x-request-id"),
        "account": account["username"],
    }


@pytest.mark.parametrize(
    ("changes", "body", "reason"),
    [
        ({"X-Api-User": ABSENT}, None, "unknown_user"),
        ({"X-Api-User": "nobody"}, None, "unknown_user"),
        ({"X-Api-User": ""}, None, "unknown_user"),
        ({"X-Api-Key": "short"}, None, "bad_key_format"),
        ({"X-Api-Key": "x" * 40}, None, "wrong_password"),
        ({}, {"subdomain": "other", "txt": value(1)}, "subdomain_mismatch"),
        ({}, UNREADABLE, "malformed_json_payload"),
        ({"X-Forwarded-For": "203.0.113.9"}, None, "address_not_allowed"),
    ],
)
async def test_refused_login_has_its_exact_reason_in_the_log_alone(database_url, log, changes, body, reason):
    """The client sees the same 401 each time."""
    ours = ForwardedBy("X-Forwarded-For", (ip_network("127.0.0.0/8"),))
    async with running(database_url, forwarded_by=ours) as api:
        account = await api.register(allowfrom=["127.0.0.0/8"])
        log.clear()
        sent = {"subdomain": account["subdomain"], "txt": value(1)} if body is None else body
        octets = b"{" if body is UNREADABLE else json.dumps(sent).encode()
        reply = await api.post("/update", octets, {**credential(account), **changes})
        assert (reply.status, reply.json) == (401, {"error": "forbidden"})
    (line,) = requests_in(log)
    assert (line["event"], line["log_level"], line["reason"]) == ("request_refused", "warning", reason)
    assert line["source"] == changes.get("X-Forwarded-For", "127.0.0.1")
    assert reason not in reply.body.decode()


async def test_unforeseen_failure_is_logged_with_its_traceback(database_url, log, monkeypatch):
    """The one kind of line that has one."""
    async with running(database_url) as api:
        account = await api.register()
        failure = RuntimeError("broken")

        async def broken(*_args, **_options):
            raise failure

        monkeypatch.setattr(api.store, "add_value", broken)
        log.clear()
        assert (await api.update(account, value(1))).status == 500
    (line,) = requests_in(log)
    assert (line["event"], line["log_level"], line["exc_info"]) == ("request_failed", "error", failure)


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


async def test_no_secret_is_in_any_log(database_url, written, monkeypatch):
    """Neither password, verifier, value nor key header, whatever goes wrong, in our log or any library's (dns-correctness #74)."""
    async with running(database_url) as api:
        account = await api.register()
        secrets = [account["password"], "argon2id", value(1), "WrongKey" * 5, "refused_value", "SecretPath"]
        await api.update(account, value(1))
        logs.set_level("info")
        logs.set_level("debug")
        await api.update(account, value(1), method="DELETE")
        await api.update(account, "refused_value")
        await api.update({**account, "password": "WrongKey" * 5}, value(1))
        await api.update({**account, "password": "WrongKey" * 2000}, value(1))
        await api.ask(request("POST", "/update", b"{", [*credential(account).items()] * 2))
        await api.ask(request("GET", "/SecretPath"))
        wire = await Wire.open(api.port)
        wire.writer.write(f"POST /update HTTP/1.1\r\nX-Api-Key: {account['password']}\0\r\n\r\n".encode())
        assert (await wire.reply()).status == 400
        await wire.close()

        async def broken(*_args, **_options):
            raise RuntimeError

        monkeypatch.setattr(api.store, "add_value", broken)
        assert (await api.update(account, value(1))).status == 500
    found = written.read_text()
    assert found.count('"request_') >= 8
    assert not [secret for secret in secrets if secret in found]


@pytest.mark.parametrize("use", list(Use))
async def test_failing_statement_does_not_tell_its_parameters(database_url, use):
    """The text of a database's error may come to the log, with a traceback even."""
    engine = connect(target(database_url), use)
    try:
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="absent") as failed:
                await connection.execute(text("SELECT :given FROM absent"), {"given": value(1)})
        assert value(1) not in str(failed.value)
    finally:
        await engine.dispose()
