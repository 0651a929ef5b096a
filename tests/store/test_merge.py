"""What a merge of a backup brings, what it leaves as it is, and that it is the same however often it is done."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from acmedns_py.errors import BackupRefused, StoreRefused
from acmedns_py.store.engine import target
from acmedns_py.store.merge import DIFFERING, NEW, PRESENT, Merged, merge
from acmedns_py.store.migrate import schema_state
from acmedns_py.store.takeover import DIFFERS, UNREADABLE
from tests.store.conftest import APEX, Sql, execute
from tests.store.test_backup import ACTOR, EACH, VERIFIER, ZONE, backed_up, changed, contents, entries, filled, prepared

AGAIN = {"token": {PRESENT: EACH}, "retired_label": {PRESENT: EACH}, "audit": {PRESENT: EACH}}


async def merged(url: str, path: Path, *, dry_run: bool = False) -> Merged:
    """Merge a file."""
    return await merge(url, path, apex=APEX, zone_name=ZONE, dry_run=dry_run, actor=ACTOR)


def counts(found: Merged) -> tuple[int, int, int, int]:
    """New, already there, differing, unreadable."""
    taken = found.accounts
    return taken.new, taken.present, taken.differing, taken.unreadable


def others(found: Merged) -> dict[str, dict[str, int]]:
    """The counts of other tables that are not 0."""
    return {table: {what: count for what, count in one.items() if count} for table, one in found.others.items()}


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A backup with rows of every table; its accounts have ids, and so have those that they are merged with."""
    await backed_up(await filled(f"sqlite:///{tmp_path}/source/acmedns.db"), tmp_path / "backup")
    return tmp_path / "backup"


async def with_an_account(url: str) -> str:
    """Make a database that has an account of its own, under an id of the file's."""
    await prepared(url)
    await execute(
        url,
        "INSERT INTO account (id, username, label, allow_from, disabled, created_at) "
        "VALUES (1001, 'mine', 'mine', '[]', CAST(0 AS BOOLEAN), 1)"
        if url.startswith("postgresql")
        else "INSERT INTO account (id, username, label, allow_from, created_at) VALUES (1001, 'mine', 'mine', '[]', 1)",
        "INSERT INTO credential (account, kind, verifier) VALUES (1001, 'password', 'my verifier')",
    )
    return url


BELONGING = """SELECT username, verifier, token.name FROM account JOIN credential ON credential.account = account.id
LEFT JOIN made_by ON made_by.account = account.id LEFT JOIN token ON token.id = made_by.token ORDER BY username"""


async def test_all_that_is_new_comes_once_with_what_belongs_to_it(database_url: str, sql: Sql, file: Path):
    """Beside what is here, under other ids; a dry run says the same and changes nothing, a repeat finds all there."""
    url = await with_an_account(database_url)
    before = await contents(url)
    ((cursor,),) = await sql("SELECT cursor FROM zone")
    told = await merged(url, file, dry_run=True)
    assert await contents(url) == before
    made = await merged(url, file)
    assert counts(told) == counts(made) == (EACH, 0, 0, 0)
    assert others(told) == others(made) == {table: {NEW: EACH} for table in (*AGAIN, "stored")}
    assert await sql(BELONGING) == [
        ("mine", "my verifier", None),
        *((f"username-{number}", VERIFIER.format(number), f"name-{number}") for number in range(EACH)),
    ]
    assert await sql("SELECT cursor FROM zone") == [(cursor + 1,)]
    values = await sql("SELECT username, txt.cursor FROM txt JOIN account ON account.id = txt.account ORDER BY 1")
    assert values == [(f"username-{number}", cursor + 1) for number in range(EACH)]
    after = await contents(url)
    again = await merged(url, file)
    assert counts(again) == (0, EACH, 0, 0)
    assert others(again) == AGAIN
    assert await contents(url) == after
    assert await sql("SELECT cursor FROM zone") == [(cursor + 1,)]
    none = {"form": made.accounts.form, "new": 0, "present": 0, "differing": 0, "unreadable": 0}
    came = {f"{table}_new": EACH for table in (*AGAIN, "stored")}
    assert await entries(url) == [
        ("accounts_imported", "offline", str(file), none | {"new": EACH} | came),
        ("accounts_imported", "offline", str(file), none | {"present": EACH}),
    ]


@pytest.mark.parametrize(
    ("statement", "who", "words"),
    [
        ("UPDATE account SET label = 'else' WHERE username = 'username-1'", "account username-1", "in subdomain; what"),
        ("UPDATE account SET allow_from = '[]' WHERE username = 'username-1'", "account username-1", "in allowfrom; what"),
        ("UPDATE account SET title = 'x' WHERE username = 'username-1'", "account username-1", "in label; what is here"),
        ("UPDATE account SET txt_rule = 'acme' WHERE username = 'username-1'", "account username-1", "in txt_rule; what is"),
        ("UPDATE account SET username = 'x' WHERE username = 'username-1'", "account username-1", "belongs to another"),
        ("UPDATE credential SET verifier = replace(verifier, 'AA0A', 'AA7A')", "account username-0", "in password; what is here was kept"),
        ("UPDATE token SET digest = 'x' WHERE name = 'name-1'", "token name-1", "another token has this name here"),
        ("UPDATE token SET name = 'x' WHERE name = 'name-1'", "token name-1", "it is here by another name"),
        ("UPDATE token SET sources = 'x' WHERE name = 'name-1'", "token name-1", "in sources; what is here was kept"),
        ("UPDATE token SET txt_rule = 'acme' WHERE name = 'name-1'", "token name-1", "in txt_rule; what is here was kept"),
        ("UPDATE account SET label = 'retired-1' WHERE username = 'username-0'", "label retired-1", "keeps it"),
    ],
)  # fmt: skip
async def test_what_differs_is_told_and_stays(database_url: str, sql: Sql, file: Path, statement, who, words):
    """By the name of the account, token or label."""
    await merged(await prepared(database_url), file)
    if "retired" in statement:
        await sql("DELETE FROM retired_label WHERE label = 'retired-1'")
    await sql(statement)
    before = await contents(database_url)
    told = await merged(database_url, file)
    differing = dict(told.accounts.told[DIFFERS])
    assert words in differing[who]
    if who.startswith("account"):
        assert counts(told) == (0, EACH - 1, 1, 0)
        assert await contents(database_url) == before
    elif who.startswith("token"):
        assert others(told)["token"] == {PRESENT: EACH - 1, DIFFERING: 1}
        assert await contents(database_url) == before
    else:
        assert others(told)["retired_label"] == {PRESENT: EACH - 1, DIFFERING: 1}


async def test_what_a_token_has_stored_here_stays(database_url: str, sql: Sql, file: Path):
    """An account that is new there is stored by a token that is here too, under a domain that has another account."""
    await merged(await prepared(database_url), file)
    await sql(
        "UPDATE account SET username = 'mine', label = 'mine' WHERE username = 'username-1'",
        "UPDATE credential SET verifier = 'my verifier' WHERE account = (SELECT id FROM account WHERE label = 'mine')",
    )
    before = (await contents(database_url))["stored"]
    told = await merged(database_url, file, dry_run=True)
    made = await merged(database_url, file)
    for one in (told, made):
        assert counts(one) == (1, EACH - 1, 0, 0)
        assert others(one)["stored"] == {DIFFERING: 1}
        assert one.accounts.told[DIFFERS] == [
            ("stored account of domain-1", "token name-0 has another one of that domain here, which was kept")
        ]
    assert (await contents(database_url))["stored"] == before
    assert len((await contents(database_url))["account"]) == EACH + 1
    again = await merged(database_url, file)
    assert (counts(again), others(again)) == ((0, EACH, 0, 0), AGAIN)


async def test_nothing_comes_under_a_token_that_is_revoked(database_url: str, sql: Sql, file: Path, tmp_path: Path):
    """Here, whatever the file says; or in a file of an older program, that kept it."""
    await merged(await prepared(database_url), file)
    await sql("DELETE FROM account WHERE username = 'username-1'", "UPDATE token SET revoked_at = 1")
    told = await merged(database_url, file)
    assert (counts(told)[0], others(told)["stored"]) == (1, {DIFFERING: 1})
    assert told.accounts.told[DIFFERS][-1] == ("stored account of domain-1", "token name-0 is revoked")
    assert [row for row in (await contents(database_url))["stored"] if "domain-1" in row] == []

    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)  # noqa: ASYNC240 - small
    of_name_0 = next(number for number, line in enumerate(lines) if b'"name-0"' in line)
    (tmp_path / "older").write_bytes(b"".join(changed(lines, of_name_0, revoked_at=1)))
    fresh = await prepared(f"sqlite:///{tmp_path}/fresh/acmedns.db")
    for dry_run in (True, False):
        told = await merged(fresh, tmp_path / "older", dry_run=dry_run)
        assert (counts(told), others(told)["stored"]) == ((EACH, 0, 0, 0), {DIFFERING: EACH})
    assert (await contents(fresh))["stored"] == []


async def test_lasting_values_that_are_not_here_are_told(database_url: str, sql: Sql, file: Path):
    """They are not given to an account that is here; of a challenge's nothing is said, as they pass."""
    await merged(await prepared(database_url), file)
    await sql("DELETE FROM txt WHERE account = (SELECT id FROM account WHERE username = 'username-1')")
    before = await contents(database_url)
    told = await merged(database_url, file)
    assert counts(told) == (0, EACH - 1, 1, 0)
    assert told.accounts.told[DIFFERS] == [("account username-1", "in lasting values; what is here was kept")]
    assert await contents(database_url) == before


async def test_what_was_deleted_here_does_not_come_back(database_url: str, sql: Sql, file: Path):
    """Its label is retired."""
    await merged(await prepared(database_url), file)
    await sql("DELETE FROM account WHERE username = 'username-1'", "INSERT INTO retired_label VALUES ('label-1')")
    told = await merged(database_url, file)
    assert counts(told) == (0, EACH - 1, 1, 0)
    assert told.accounts.told[DIFFERS] == [("account username-1", "it was deleted here, and stays so")]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_database_that_is_not_there_is_not_made(database_url: str, file: Path, dry_run):
    """It may be another than was meant; a dry run says the same."""
    with pytest.raises(StoreRefused, match=r"(does not exist;|is empty;) acmedns serve or acmedns db upgrade makes"):
        await merged(database_url, file, dry_run=dry_run)
    assert (await schema_state(target(database_url))).revision is None


async def test_rows_that_can_not_be_read_are_told_and_the_others_come(database_url: str, file: Path, tmp_path: Path):
    """In a file that fits its sum: somebody wrote it so."""
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)  # noqa: ASYNC240 - small
    odd = tmp_path / "odd"
    odd.write_bytes(b"".join(changed(changed(lines, 1, label="A.b"), 2, id="x")))
    told = await merged(await prepared(database_url), odd)
    assert counts(told) == (EACH - 2, 0, 0, 2)
    assert [who for who, _ in told.accounts.told[UNREADABLE]] == ["line 2", "line 3"]
    assert len((await contents(database_url))["credential"]) == EACH - 2


async def test_a_file_that_is_not_whole_brings_nothing(database_url: str, file: Path):
    """As with a restore; so does one of another zone, and none comes into what a server writes."""
    before = await contents(await prepared(database_url))
    whole = file.read_bytes()  # noqa: ASYNC240 - small
    file.write_bytes(whole[:-30])  # noqa: ASYNC240 - small
    with pytest.raises(BackupRefused, match="was cut off"):
        await merged(database_url, file)
    file.write_bytes(whole)  # noqa: ASYNC240 - small
    with pytest.raises(BackupRefused, match="is of the zone"):
        await merge(database_url, file, apex=APEX, zone_name="other.example", dry_run=False, actor=ACTOR)
    assert await contents(database_url) == before


async def test_entries_of_one_time_are_not_all_kept_in_memory(database_url: str, sql: Sql, file: Path):
    """A file may bring as many as it likes; with the next one of that time they would all be read at once."""
    await prepared(database_url)
    lots = (
        "generate_series(1, 30000)"
        if database_url.startswith("postgresql")
        else "(WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 30000) SELECT x FROM n)"
    )
    ((at,),) = await execute(await filled(f"sqlite:///{file.parent}/other/acmedns.db"), "SELECT at FROM audit LIMIT 1")
    await sql(
        "INSERT INTO audit (at, actor, source, action, subject, result, details) "  # noqa: S608
        f"""SELECT {at}, 'x', 'x', 'x', 'x', 'x', '{{"of": "{"x" * 2_000}"}}' FROM {lots} AS lots"""
    )
    tracemalloc.start()
    try:
        made = await merged(database_url, file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.others["audit"] == {NEW: EACH, PRESENT: 0}
    assert peak < 40 * 2**20, "30,000 of them have 60 MB of details alone"
    assert (await merged(database_url, file)).others["audit"] == {NEW: 0, PRESENT: EACH}


def with_an_entry_twice(file: Path) -> None:
    """Change the file."""
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if b'"type":"audit"' in line)
    counted = {**json.loads(lines[0])["counts"], "audit": EACH + 1}
    twin = lines[number].replace(b'"id":1000', b'"id":999999')
    file.write_bytes(b"".join(changed([*lines[: number + 1], twin, *lines[number + 1 :]], 0, counts=counted)))


async def test_entries_that_a_file_has_twice_come_twice_and_once(database_url: str, file: Path):
    """What was done twice in one moment stays two entries; a repeat finds both."""
    with_an_entry_twice(file)
    await prepared(database_url)
    assert (await merged(database_url, file)).others["audit"] == {NEW: EACH + 1, PRESENT: 0}
    assert (await merged(database_url, file)).others["audit"] == {NEW: 0, PRESENT: EACH + 1}
