"""A server in the place of acme-dns: its clients go on untouched, and so does acme-dns if it is started again."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from acmedns_py.store.home import SCHEMA, SUFFIX
from tests.acme_dns import NAMES, POSTGRESQL, SQLITE, accounts, put
from tests.ask import ask, from_every_worker, rcode, values
from tests.command import command
from tests.postgres import Postgres
from tests.server import ACMEDNS, Server, value


def serve_untouched_clients(server: Server, name: str) -> None:
    """Every value is live that must be, and each client's own password sets another, from where it may."""
    known = accounts(name)
    for account in known:
        for response in (ask(server.dns, account["fulldomain"]), ask(server.dns, account["fulldomain"], "A")):
            assert rcode(response) == "NOERROR"
        assert values(ask(server.dns, account["fulldomain"])) == set(account["values"]), account["note"]
    # First of all: the wrong passwords below are as many as a source may try at once.
    assert server.update(server.register(), value(0)).status == 200
    for number, account in enumerate(known):
        reply = server.update(account, value(number))
        # Nobody asks from these networks here.
        assert reply.status == (401 if account["allowfrom"] else 200), account["note"]
        expected = set(account["values"][-1:]) if account["allowfrom"] else {value(number)}
        for response in from_every_worker(server.dns, account["fulldomain"], times=2):
            assert values(response) >= expected
        wrong = {**account, "password": account["password"].swapcase()}
        assert server.update(wrong, value(number)).status == 401


@pytest.mark.parametrize("name", NAMES)
def test_after_an_import_clients_go_on(make_server, name, theirs, postgres, foreign, database_url):
    """Stop acme-dns, import, serve: no client and no CNAME is touched."""
    server = make_server(database_url=database_url)
    source = put(name, theirs, postgres, foreign)
    assert command(server, "import", "acme-dns", source).stdout.endswith("0 can't be read\n")
    server.start()
    serve_untouched_clients(server, name)


def left_behind(name: str, theirs: Path, postgres: Postgres, database: str) -> object:
    """What acme-dns would find: its file, octet for octet, or its tables with all rows."""
    if name != POSTGRESQL:
        return (theirs / "acme-dns.db").read_bytes()
    tables = postgres.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'", database)
    return {
        table: postgres.sql(f"SELECT * FROM {table} ORDER BY 1, 2, 3 LIMIT 1000", database)  # noqa: S608
        if table != "acmedns"
        else postgres.sql("SELECT * FROM acmedns", database)
        for table in tables.splitlines()
    }


@pytest.mark.parametrize("name", NAMES)
def test_in_the_place_of_acme_dns_its_tables_stay_as_they_are(make_server, name, theirs, postgres, foreign):
    """Where its database is, ours is made beside it; said at each start, with the way back; what came stays."""
    url = put(name, theirs, postgres, foreign)
    before = left_behind(name, theirs, postgres, foreign)
    count = len(accounts(name))
    server = make_server(database_url=url).start()
    said = server.wait_for_log("acme_dns_taken_over")
    assert (said["new"], said["present"], said["differing"], said["unreadable"], said["read"]) == (count, 0, 0, 0, True)
    assert "start acme-dns" in said["way_back"]
    assert said["kept_in"].endswith(SUFFIX if name != POSTGRESQL else f"(schema {SCHEMA})")
    serve_untouched_clients(server, name)
    assert server.stop() == 0
    assert left_behind(name, theirs, postgres, foreign) == before
    server.log.write_text("")
    server.start()
    said = server.wait_for_log("acme_dns_taken_over")
    assert (said["new"], said["present"], said["read"]) == (0, count, False)
    for number, account in enumerate(accounts(name)):
        if not account["allowfrom"]:
            assert value(number) in values(ask(server.dns, account["fulldomain"]))
            assert server.update(account, value(number)).status == 200
    assert left_behind(name, theirs, postgres, foreign) == before


NEW = "INSERT INTO records (Username, Password, Subdomain, AllowFrom) VALUES ('{}', '{}', '{}', '[]')"
USERNAME = "00000000-0000-4000-8000-000000000001"
HASH = "$2a$10$0000000000000000000000000000000000000000000000000000."


@pytest.mark.parametrize("name", ["v0-schema", "v2.0.2", POSTGRESQL])
def test_who_went_back_and_comes_again_brings_what_is_new(make_server, name, theirs, postgres, foreign):
    """An account that was registered with acme-dns meanwhile; those that are here stay as they are."""
    url = put(name, theirs, postgres, foreign)
    server = make_server(database_url=url).start()
    account = accounts(name)[1]
    assert server.update(account, value(1)).status == 200
    assert server.stop() == 0
    statement = NEW.format(USERNAME, HASH, "new")
    if name == POSTGRESQL:
        postgres.sql(statement, foreign)
    else:
        with closing(sqlite3.connect(theirs / "acme-dns.db", isolation_level=None)) as connection:
            connection.execute(statement)
    server.log.write_text("")
    server.start()
    said = server.wait_for_log("acme_dns_taken_over")
    assert (said["new"], said["differing"], said["read"]) == (1, 0, True)
    assert rcode(ask(server.dns, f"new.{server.zone}")) == "NOERROR"
    assert value(1) in values(ask(server.dns, account["fulldomain"]))


@pytest.mark.parametrize("name", ["v2.0.2", POSTGRESQL])
def test_what_was_taken_over_outlives_the_tables_of_acme_dns(make_server, name, theirs, postgres, foreign):
    """Whoever tidies up must not find an empty server."""
    server = make_server(database_url=put(name, theirs, postgres, foreign)).start()
    assert server.stop() == 0
    if name == POSTGRESQL:
        postgres.sql("DROP TABLE acmedns, records, txt", foreign)
    else:
        (theirs / "acme-dns.db").unlink()
    server.log.write_text("")
    server.start()
    account = accounts(name)[2]
    assert values(ask(server.dns, account["fulldomain"])) == set(account["values"])
    assert "acme_dns_taken_over" not in server.log.read_text()


@pytest.mark.parametrize("name", SQLITE)
def test_the_configuration_of_acme_dns_is_all_that_is_needed(make_server, name, theirs):
    """`serve -c config.cfg` in acme-dns's own words."""
    path = put(name, theirs).removeprefix("sqlite:///")
    server = make_server()
    server.config = theirs / "config.cfg"
    server.config.write_text(
        f"""[general]
listen = "{server.dns[0]}:{server.dns[1]}"
domain = "auth.example.org"
nsname = "auth.example.org"
nsadmin = "admin.example.org"
records = ["auth.example.org. A 192.0.2.1", "auth.example.org. NS auth.example.org."]
[database]
engine = "sqlite3"
connection = "{path}"
[api]
ip = "{server.api[0]}"
port = "{server.api[1]}"
tls = "none"
[logconfig]
loglevel = "info"
logformat = "json"
"""
    )
    server.start()
    serve_untouched_clients(server, name)
    # Other commands find the same database.
    checked = command(server, "db", "check")
    assert f"engine: SQLite {path}{SUFFIX}" in checked.stdout
    assert f"accounts: {len(accounts(name)) + 1}" in checked.stdout


@pytest.mark.parametrize(("keeps", "told"), [(-4096, "is damaged"), (8192, "is damaged or cut off")])
def test_a_damaged_database_of_acme_dns_ends_the_first_start_in_one_line(make_server, theirs, keeps, told):
    """And makes nothing beside it that a later start would take for ours."""
    url = put("v2.0.2", theirs)
    path = theirs / "acme-dns.db"
    octets = path.read_bytes()
    # Cut off, or with nothing but zeros behind its schema.
    path.write_bytes(octets[:keeps] if keeps < 0 else octets[:keeps] + bytes(len(octets) - keeps))
    before = path.read_bytes()
    server = make_server(database_url=url)
    done = subprocess.run(
        [ACMEDNS, "serve", "-c", server.config], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert f"{path} {told}" in line
    assert list(theirs.iterdir()) == [path]
    assert path.read_bytes() == before


def test_accounts_that_can_not_be_read_are_logged(make_server, theirs):
    """With the reason; the others are served."""
    url = put("v2.0.2", theirs)
    with closing(sqlite3.connect(theirs / "acme-dns.db", isolation_level=None)) as connection:
        connection.execute(NEW.format("admin", HASH, "admin"))
    server = make_server(database_url=url).start()
    said = server.wait_for_log("acme_dns_account")
    assert (said["account"], said["kind"]) == ("admin", "can't be read")
    assert "no UUID" in said["reason"]
    assert HASH not in server.log.read_text()
    assert server.wait_for_log("acme_dns_taken_over")["unreadable"] == 1
