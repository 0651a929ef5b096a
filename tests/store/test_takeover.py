"""What becomes of each row of an acme-dns database: taken over as it is, left as it is here, or named with a reason."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acmedns_py.accounts.directory import Filter, RemoveValue, SetTitle
from acmedns_py.accounts.ports import Entry
from acmedns_py.errors import StoreRefused, StoreUnavailable
from acmedns_py.store import acme_dns, takeover
from acmedns_py.store.takeover import import_acme_dns
from tests.acme_dns import FIRST_RECORDS, TABLES, TXT, written
from tests.store.conftest import APEX, Opened, OpenStore, Sql

ENTRY = Entry("user:test", "test", "tested", "somebody")
HASH = "$2a$10$qZPGerQo17IBnTgSYpmUIO2B4Kt1OSUY/Ygb62g0dUMURxytaxNUO"


def username(number: int) -> str:
    """A UUID of its own for each number."""
    return f"00000000-0000-4000-8000-{number:012}"


def bcrypt(number: int) -> str:
    """A hash of its own for each number."""
    return f"$2a$10${number:053}"


def record(number: int, **changes: Any) -> tuple[str, tuple[Any, ...]]:
    """The statement for an account that can be read, but for what is changed."""
    row = {"username": username(number), "password": bcrypt(number), "subdomain": f"label{number}", "allowfrom": "[]"}
    row |= changes
    return (
        "INSERT INTO records (Username, Password, Subdomain, AllowFrom) VALUES (?, ?, ?, ?)",
        tuple(row.values()),
    )


def value(number: int, text: object, time: object = 1_700_000_000) -> tuple[str, tuple[Any, ...]]:
    """The statement for a value of an account."""
    return "INSERT INTO txt VALUES (?, ?, ?)", (f"label{number}", text, time)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Where a test writes its acme-dns database."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs" / "acme-dns.db"


async def imported(database_url: str, source: str, *, dry_run: bool = False) -> takeover.Taken:
    """Import and check that counts and lines fit together."""
    taken = await import_acme_dns(database_url, source, apex=APEX, dry_run=dry_run, actor="user:test")
    assert len(taken.told.get(takeover.UNREADABLE, [])) == min(taken.unreadable, takeover.MOST_TOLD)
    assert len(taken.told.get(takeover.DIFFERS, [])) == min(taken.differing, takeover.MOST_TOLD)
    return taken


UNREADABLE = {
    "no UUID": ({"username": "admin"}, "username is no UUID"),
    "a UUID in upper case": ({"username": "AAAAAAAA-0000-4000-8000-000000000000"}, "username is no UUID"),
    "a username that is no UTF-8": ({"username": b"\xff"}, "username is no UTF-8"),
    "a username that is a number": ({"username": 17}, "username is no UUID"),
    "another hash": ({"password": "$argon2id$v=19$m=1,t=1,p=1$YQ$YQ"}, "password is no bcrypt hash"),
    "a hash of the wrong prefix": ({"password": HASH.replace("$2a$", "$2x$")}, "password is no bcrypt hash"),
    "a hash that is cut off": ({"password": HASH[:-1]}, "password is no bcrypt hash"),
    "a password that is empty": ({"password": ""}, "password is no bcrypt hash"),
    "a label in upper case": ({"subdomain": "Label"}, "subdomain is no DNS label"),
    "two labels": ({"subdomain": "a.b"}, "subdomain is no DNS label"),
    "no label": ({"subdomain": ""}, "subdomain is no DNS label"),
    "a label that is too long": ({"subdomain": "a" * 64}, "subdomain is no DNS label"),
    "a label of the server's own": ({"subdomain": "_acme-challenge"}, "subdomain is one that the server has a use for"),
    "a label of octets": ({"subdomain": b"a\xffb"}, "subdomain is no UTF-8"),
    "an allowfrom that is no JSON": ({"allowfrom": "192.0.2.0/24"}, "allowfrom is no JSON"),
    "an allowfrom that is no list": ({"allowfrom": '"192.0.2.0/24"'}, "allowfrom is no list"),
    "an allowfrom of numbers": ({"allowfrom": "[24]"}, "allowfrom is no list"),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_row_that_can_not_be_read_costs_itself_only(tmp_path: Path, theirs: Path, what: str):
    """It is named with its reason; the accounts around it come."""
    changes, reason = UNREADABLE[what]
    source = written(theirs, record(1), record(2, **changes), record(3))
    taken = await imported(f"sqlite:///{tmp_path}/acmedns.db", source)
    assert (taken.new, taken.unreadable) == (2, 1)
    ((_, told),) = taken.told[takeover.UNREADABLE]
    assert reason in told


async def test_rows_that_no_constraint_has_kept_apart(tmp_path: Path, theirs: Path):
    """Tables made from a dump may lack them: who can't be told from another is not taken, nor are values of nobody."""
    loose = "CREATE TABLE records(Username TEXT, Password TEXT, Subdomain TEXT, AllowFrom TEXT)"
    source = written(
        theirs,
        "DROP TABLE records",
        loose,
        record(1),
        record(2, subdomain="same"),
        record(3, subdomain="same"),
        record(4, username=username(9)),
        record(5, username=username(9)),
        value(7, "v"),
    )
    taken = await imported(f"sqlite:///{tmp_path}/acmedns.db", source)
    assert (taken.new, taken.unreadable) == (1, 5)
    reasons = [reason for _, reason in taken.told[takeover.UNREADABLE]]
    assert sum("subdomain is that of another" in reason for reason in reasons) == 2
    assert sum("several accounts have this username" in reason for reason in reasons) == 2
    assert sum("values without an account" in reason for reason in reasons) == 1


async def test_what_is_told_is_bounded(tmp_path: Path, theirs: Path):
    """A broken table does not fill the terminal; the count is right all the same."""
    source = written(theirs, *(record(number, password=f"{number}") for number in range(takeover.MOST_TOLD + 5)))
    taken = await imported(f"sqlite:///{tmp_path}/acmedns.db", source)
    assert (taken.unreadable, taken.untold[takeover.UNREADABLE]) == (takeover.MOST_TOLD + 5, 5)


async def test_values_come_with_their_times(open_store: OpenStore, database_url: str, theirs: Path, sql: Sql):
    """Equal ones are one, of several the two latest stay for ever, a clock that was ahead is cut at now."""
    far = 4_000_000_000
    source = written(
        theirs,
        record(1), value(1, "old", 100), value(1, "same", 150), value(1, "same", 200), value(1, "", 300),
        record(2), value(2, "ahead", far),
        record(3), value(3, "no time", None), value(3, "no number", "soon"), value(3, "late", 5),
        record(4), value(4, 12_345, 7), value(4, b"\xff octets", 8), value(4, "x" * 256, 9),
        record(5),
    )  # fmt: skip
    taken = await imported(database_url, source)
    assert (taken.new, taken.unreadable) == (5, 0)
    ((_, remark),) = taken.told[takeover.REMARK]
    assert "1 of its values" in remark
    rows = await sql(
        "SELECT account.username, txt.value, txt.written_at, txt.superseded FROM txt JOIN account"
        " ON account.id = txt.account ORDER BY 1, 3 DESC, 2"
    )
    found = {(name, bytes(octets)): (time, bool(superseded)) for name, octets, time, superseded in rows}
    assert found.pop((username(2), b"ahead"))[0] < far * 1_000_000
    assert found == {
        (username(1), b"same"): (200_000_000, False),
        (username(1), b"old"): (100_000_000, False),
        (username(3), b"late"): (5_000_000, False),
        (username(3), b"no time"): (0, False),
        (username(3), b"no number"): (0, True),
        (username(4), b"\xff octets"): (8_000_000, False),
        (username(4), b"12345"): (7_000_000, False),
    }
    opened = await open_store()
    await opened.store.expire()
    challenges = (await opened.store.load()).challenges
    assert challenges.get(b"\x06label5" + APEX) == ()
    assert challenges.get(b"\x06label3" + APEX) == (b"late", b"no time")


async def test_a_name_that_does_not_fit_below_the_zone_is_not_taken(tmp_path: Path, theirs: Path):
    """Nobody could ask for it; a dry run says the same."""
    apex = b"".join(b"\x32" + b"z" * 50 for _ in range(4)) + b"\x03org\x00"
    source = written(theirs, record(1, subdomain="x" * 45), record(2, subdomain="x" * 46))
    for dry_run in (True, False):
        taken = await import_acme_dns(
            f"sqlite:///{tmp_path}/acmedns.db", source, apex=apex, dry_run=dry_run, actor="user:test"
        )
        assert (taken.new, taken.unreadable) == (1, 1)
        ((who, told),) = taken.told[takeover.UNREADABLE]
        assert who == username(2)
        assert "longer than any that DNS can ask for" in told


async def test_the_latest_value_is_the_last_update(open_store: OpenStore, database_url: str, theirs: Path):
    """So that what is not used any more can be told from what is; a clock that was ahead is cut at now."""
    source = written(
        theirs,
        record(1), value(1, "old", 100), value(1, "late", 200),
        record(2), value(2, "ahead", 4_000_000_000),
        record(3), value(3, "", 300),
    )  # fmt: skip
    await imported(database_url, source)
    store = (await open_store()).store
    found = {one.label: one.last_update_at for one in await store.listed(Filter(), after=0, most=10)}
    assert found["label1"] == datetime.fromtimestamp(200, UTC)
    assert found["label2"] <= datetime.now(UTC) + timedelta(seconds=1)
    assert found["label3"] is None
    line = datetime.now(UTC) - timedelta(days=90)
    assert [one.label for one in await store.listed(Filter(unused_since=line), after=0, most=10)] == ["label1"]
    assert [one.label for one in await store.listed(Filter(never_updated=True), after=0, most=10)] == ["label3"]
    numbers = await store.statistics()
    assert (numbers.never_updated, numbers.updated_last_day) == (1, 1)


async def test_values_of_any_octets_are_shown_and_taken_away_one_by_one(
    open_store: OpenStore, database_url: str, theirs: Path
):
    """acme-dns took what was written; none of it may look like another value, or stand in the way of a change."""
    octets = (b"\xff octets", b"\xc3\xa4", b"\xe4", b"\\255 octets", b"a\nb", b"\x1b[2J", b"plain", b"back\\slash")
    source = written(theirs, record(1), *(value(1, one, 10 + rank) for rank, one in enumerate(octets)))
    await imported(database_url, source)
    opened = await open_store(window_seconds=4_000_000_000)
    (account,) = await opened.store.listed(Filter(), after=0, most=10)
    shown = await opened.store.shown(account.id)
    assert shown is not None
    texts = [one.value for one in shown.values]
    assert sorted(texts) == sorted(
        [r"\255 octets", "ä", r"\228", r"\\255 octets", r"a\010b", r"\027[2J", "plain", r"back\\slash"]
    )
    await opened.store.change(account.id, SetTitle("still here"), ENTRY)
    for left in range(len(texts), 0, -1):
        assert len((await opened.store.shown(account.id)).values) == left
        await opened.store.change(account.id, RemoveValue(texts.pop()), ENTRY)
    assert (await opened.store.shown(account.id)).values == ()


async def test_an_upgrade_that_was_cut_short_loses_no_value(tmp_path: Path, theirs: Path, sql: Sql, database_url: str):
    """The first form's column and the new table are both read."""
    first = (
        "INSERT INTO records (Username, Password, Subdomain, Value, LastActive, AllowFrom) VALUES (?, ?, ?, ?, ?, '[]')"
    )
    source = written(
        theirs,
        "CREATE TABLE acmedns(Name TEXT, Value TEXT)",
        TXT,
        (first, (username(1), bcrypt(1), "label1", "moved", 100)),
        value(1, "moved", 100),
        (first, (username(2), bcrypt(2), "label2", "not moved", 200)),
        form="db_version 0",
    )
    taken = await imported(database_url, source)
    assert (taken.new, taken.form) == (2, "db_version 0, its upgrade begun")
    rows = await sql("SELECT value, written_at FROM txt ORDER BY written_at")
    assert [(bytes(octets), time) for octets, time in rows] == [(b"moved", 100_000_000), (b"not moved", 200_000_000)]


async def test_tables_that_are_empty_or_begun_are_no_error(tmp_path: Path, theirs: Path):
    """acme-dns was started and nobody has registered."""
    for number, form in enumerate(TABLES):
        taken = await imported(f"sqlite:///{tmp_path}/acmedns.db", written(theirs.with_name(f"{number}.db"), form=form))
        assert (taken.new, taken.present, taken.differing, taken.unreadable) == (0, 0, 0, 0)


async def test_entries_of_allowfrom_that_are_no_cidr_are_left_out(theirs: Path, sql: Sql, database_url: str):
    """As acme-dns passes them over; it is said, and louder where nothing is left."""
    source = written(
        theirs,
        record(1, allowfrom='["192.0.2.0/24", "nonsense", "[2001:db8::]/32"]'),
        record(2, allowfrom='["192.0.2.1"]'),
        record(3, allowfrom=""),
        record(4, allowfrom=None),
        record(5, allowfrom="null"),
    )
    taken = await imported(database_url, source)
    assert taken.new == 5
    remarks = dict(taken.told[takeover.REMARK])
    assert remarks.keys() == {username(1), username(2)}
    assert "any address may use it" in remarks[username(2)]
    rows = await sql("SELECT allow_from FROM account ORDER BY username")
    assert rows == [('["192.0.2.0/24", "2001:db8::/32"]',), *[("[]",)] * 4]


async def test_a_hash_that_takes_too_long_is_taken_over_and_said(theirs: Path, database_url: str):
    """Its name and values live on."""
    taken = await imported(database_url, written(theirs, record(1, password=HASH.replace("$10$", "$15$"))))
    assert taken.new == 1
    ((who, remark),) = taken.told[takeover.REMARK]
    assert who == username(1)
    assert "bcrypt cost 15" in remark


async def test_what_is_here_is_kept_and_the_difference_said(theirs: Path, sql: Sql, database_url: str):
    """Each column that differs, by acme-dns's name; what logins here have made of a password is no difference."""
    source = written(theirs, *(record(number) for number in range(1, 7)), value(1, "v"))
    assert (await imported(database_url, source)).new == 6
    await sql(f"UPDATE credential SET verifier = '$argon2id$' WHERE verifier = '{bcrypt(6)}'")  # noqa: S608
    with closing(sqlite3.connect(theirs, isolation_level=None)) as connection:
        for change in (
            "UPDATE records SET Subdomain = 'other2' WHERE Subdomain = 'label2'",
            "UPDATE records SET AllowFrom = '[\"192.0.2.0/24\"]' WHERE Subdomain = 'label3'",
            "UPDATE records SET Password = replace(Password, '4', '7') WHERE Subdomain = 'label4'",
            "INSERT INTO txt VALUES ('label5', 'later', 4000000000)",
        ):
            connection.execute(change)
        # Somebody else's name here.
        connection.execute(*record(8, subdomain="label2"))
    before = await sql("SELECT * FROM account ORDER BY id"), await sql("SELECT * FROM txt")
    taken = await imported(database_url, source)
    assert (taken.new, taken.present, taken.differing) == (0, 2, 5)
    told = dict(taken.told[takeover.DIFFERS])
    assert {who: what.partition(";")[0] for who, what in told.items()} == {
        username(2): "in subdomain",
        username(3): "in allowfrom",
        username(4): "in password",
        username(5): "in values (written there since the last import)",
        username(8): "its subdomain belongs to another account here",
    }
    assert (await sql("SELECT * FROM account ORDER BY id"), await sql("SELECT * FROM txt")) == before


async def test_an_import_is_served_and_ends_what_change_rows_told(
    opened: Opened, open_store: OpenStore, theirs: Path, database_url: str, sql: Sql
):
    """It takes one cursor above all that was served, without a row for each account; ids go on behind it."""
    account = await opened.new_account()
    before = opened.image.cursor
    await opened.store.close()
    taken = await imported(database_url, written(theirs, record(1), value(1, "v")))
    assert taken.new == 1
    again = await open_store()
    assert again.image.cursor == before + 1
    assert await sql("SELECT count(*) FROM change") == [(0,)]
    assert again.image.state().challenges.get(b"\x06label1" + APEX) == (b"v",)
    assert again.values(account) == ()
    later = await again.new_account()
    assert later.id > max(number for (number,) in await sql("SELECT account FROM txt"))


async def test_an_import_that_fails_half_way_leaves_nothing(
    theirs: Path, database_url: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
):
    """All batches are one transaction."""
    monkeypatch.setattr(acme_dns, "ROWS_AT_ONCE", 2)
    source = written(theirs, *(record(number) for number in range(10)))
    read = acme_dns.accounts_of

    def fails(rows: list[acme_dns.Row], duplicated: frozenset[str]) -> Any:
        if rows[0][0] == b"label7":
            raise sqlite3.DatabaseError("disk I/O error")
        return read(rows, duplicated)

    with monkeypatch.context() as patched:
        patched.setattr(acme_dns, "accounts_of", fails)
        with pytest.raises((StoreRefused, StoreUnavailable), match="disk I/O error"):
            await imported(database_url, source)
    assert await sql("SELECT count(*) FROM account") == [(0,)]
    assert (await imported(database_url, source)).new == 10


async def test_a_file_that_nobody_locks_and_somebody_changes_is_not_believed(
    theirs: Path, database_url: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
):
    """One that was closed with a write-ahead log is read alone; acme-dns was started meanwhile."""
    source = written(theirs, "PRAGMA journal_mode = WAL", record(1))
    read = acme_dns.accounts_of

    def starts_acme_dns(rows: list[acme_dns.Row], duplicated: frozenset[str]) -> Any:
        with closing(sqlite3.connect(theirs, isolation_level=None)) as connection:
            connection.execute(*record(2))
        return read(rows, duplicated)

    monkeypatch.setattr(acme_dns, "accounts_of", starts_acme_dns)
    with pytest.raises(StoreUnavailable, match="was changed while it was read; stop acme-dns"):
        await imported(database_url, source)
    assert await sql("SELECT count(*) FROM account") == [(0,)]


async def test_the_first_form_is_read_by_its_columns(theirs: Path, database_url: str):
    """A table of that name without them is somebody else's."""
    source = written(theirs, "DROP TABLE records", "CREATE TABLE records(Username TEXT, Subdomain TEXT)")
    with pytest.raises(StoreRefused, match="no column allowfrom"):
        await imported(database_url, source)
    source = written(theirs.with_name("other.db"), "DROP TABLE records", FIRST_RECORDS)
    assert (await imported(database_url, source)).new == 0
