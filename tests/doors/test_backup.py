"""A server lost and restored from a backup that was made while it ran: it serves the same, and lets in the same."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.ask import ask, from_every_worker, rcode, serials, values
from tests.command import command
from tests.server import ZONE, Server, value

MOST_VALUES = 100


def registered(server: Server, token: str, label: str) -> int:
    """Register a chosen label by a token; gives the status."""
    body = json.dumps({"subdomain": label}).encode()
    return server.request("POST", "/register", body=body, headers={"Authorization": f"Bearer {token}"}).status


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_a_restored_server_is_the_lost_one(make_server, database_url, into, postgres, foreign, tmp_path: Path):
    """Same answers for all names, same passwords, token, retired label; records of the configuration; a higher serial."""
    lost: Server = make_server(database_url=database_url)
    lost.start()
    token = command(lost, "token", "new", "fleet", "--labels", "*", "--uses", "9").stdout.strip()
    accounts = {name: lost.register(allowfrom=["127.0.0.0/8"]) for name in ("renewing", "two", "none", "off", "gone")}
    for number, name in enumerate(("two", "two", "off", "gone")):
        assert lost.update(accounts[name], value(number)).status == 200
    assert registered(lost, token, "web-1") == 201
    assert command(lost, "account", "disable", accounts["off"]["username"]).returncode == 0
    assert command(lost, "account", "delete", "--yes", accounts["gone"]["username"]).returncode == 0
    file = tmp_path / "backup"
    done, acknowledged = threading.Event(), [value(100)]
    assert lost.update(accounts["renewing"], value(100)).status == 200

    def renew() -> None:
        while not done.is_set():
            following = value(100 + len(acknowledged))
            if lost.update(accounts["renewing"], following).status == 200:
                acknowledged.append(following)

    renewing = threading.Thread(target=renew)
    renewing.start()
    told = command(lost, "backup", str(file))
    done.set()
    renewing.join()
    assert (told.returncode, told.stderr) == (0, "")
    names = [account["fulldomain"] for account in accounts.values()] + [
        f"web-1.{ZONE}",
        f"www.{ZONE}",
        f"x.wild.{ZONE}",
    ]
    before = {name: ask(lost.dns, name) for name in names}
    (served,) = serials([ask(lost.dns, ZONE, "SOA")])
    lost.kill()

    other_url = f"sqlite:///{tmp_path}/b/acmedns.db" if into == "sqlite" else postgres.url(foreign)
    found: Server = make_server(database_url=other_url)
    told = command(found, "restore", str(file))
    assert told.returncode == 0, told.stderr
    found.start()
    for name in names:
        for response in from_every_worker(found.dns, name, times=3):
            assert rcode(response) == rcode(before[name])
            if name != accounts["renewing"]["fulldomain"]:
                assert values(response) == values(before[name])
    restored = values(ask(found.dns, accounts["renewing"]["fulldomain"], tcp=True))
    # One moment: what was acknowledged up to it, as many as a name can have, and nothing of what came behind.
    last = max(map(acknowledged.index, restored)) + 1
    assert restored == set(acknowledged[max(0, last - MOST_VALUES) : last])
    (serial,) = serials([ask(found.dns, ZONE, "SOA")])
    assert serial > served
    lets_in_the_same(found, accounts, token)


def lets_in_the_same(found: Server, accounts: dict[str, dict[str, Any]], token: str) -> None:
    """Passwords and the token are good, and only those that were; what is taken stays taken; the audit log is there."""
    assert found.update(accounts["two"], value(7)).status == 200
    assert found.update(accounts["two"] | {"password": "x" * 40}, value(8)).status == 401
    assert found.update(accounts["off"], value(9)).status == 401
    assert found.update(accounts["gone"], value(9)).status == 401
    assert registered(found, token, "web-2") == 201
    assert registered(found, token, accounts["gone"]["subdomain"]) == 400
    assert registered(found, token, "web-1") == 400
    (fleet,) = map(json.loads, command(found, "token", "list", "--json").stdout.splitlines())
    assert (fleet["name"], fleet["accounts"], fleet["uses_left"]) == ("fleet", 2, 7)
    audit = command(found, "audit", "--json").stdout.splitlines()
    assert {"account_registered", "account_deleted", "account_disabled"} <= {
        json.loads(line)["action"] for line in audit
    }
