"""`acmedns token new`, `list` and `revoke`, as an operator runs them, where no server runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

from acmedns_py.accounts import tokens
from acmedns_py.cli import app
from acmedns_py.store.store import SqlStore
from tests.acme_dns import POSTGRESQL, put
from tests.store.conftest import APEX


def acmedns(*arguments: str) -> Result:
    """Run the command line, without a process of its own."""
    try:
        return CliRunner().invoke(app, arguments)
    finally:
        structlog.reset_defaults()


def configured(folder: Path, url: str) -> str:
    """A configuration file for a database."""
    path = folder / "config.toml"
    path.write_text(f'[zone]\nname = "auth.example"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "{url}"\n')
    return str(path)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Iterator[str]:
    """A configuration file for the test's database, which has its tables already."""
    path = configured(tmp_path, database_url)
    assert acmedns("db", "upgrade", "-c", path).exit_code == 0
    return path


def listed(config: str) -> list[dict[str, object]]:
    """What `list --json` tells, a token a line."""
    told = acmedns("token", "list", "--json", "-c", config)
    assert told.exit_code == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def audited(config: str) -> list[dict[str, object]]:
    """The audit log."""
    return [json.loads(line) for line in acmedns("audit", "--json", "-c", config).stdout.splitlines()]


def test_a_token_is_made_listed_and_revoked(config: str):
    """Its text stands alone on standard output, once; lists have all but that, and the audit log who did it."""
    made = acmedns(
        *("token", "new", "fleet", "--expires", "2999-01-31T00:00:00Z", "--uses", "10", "--labels", "Web-*"),
        *("--source", "192.0.2.0/24", "--source", "2001:db8::/32", "-c", config),
    )
    assert made.exit_code == 0, made.stderr
    text = made.stdout.removesuffix("\n")
    assert tokens.has_form(text)
    bare = acmedns("token", "new", "bare", "--scope", "write", "--scope", "storage", "--json", "-c", config)
    assert tokens.has_form(json.loads(bare.stdout)["token"])
    fleet, bare = listed(config)
    assert fleet.pop("created")
    assert fleet.pop("id")
    assert fleet == {
        "name": "fleet",
        "state": "good",
        "scopes": ["register"],
        "accounts": 0,
        "uses_left": 10,
        "expires": "2999-01-31T00:00:00Z",
        "sources": ["192.0.2.0/24", "2001:db8::/32"],
        "labels": "web-*",
        "txt_rule": "acme",
        "last_used": None,
        "revoked": None,
    }
    assert (bare["uses_left"], bare["expires"], bare["sources"], bare["labels"]) == (None, None, [], None)
    lines = acmedns("token", "list", "-c", config).stdout.splitlines()
    assert lines[0].split()[:3] == ["NAME", "STATE", "SCOPES"]
    assert [line.split() for line in lines[1:]] == [
        ["fleet", "good", "register", "0", "10", "2999-01-31", "00:00:00Z", "192.0.2.0/24", "2001:db8::/32", "web-*",
         "acme", "never"],
        ["bare", "good", "storage", "write", "0", "any", "never", "anywhere", "random", "acme", "never"],
    ]  # fmt: skip
    revoked = acmedns("token", "revoke", "fleet", "-c", config)
    assert (revoked.exit_code, revoked.stdout) == (0, "token fleet is revoked\n")
    assert json.loads(acmedns("token", "revoke", "fleet", "--json", "-c", config).stdout)["state"] == "revoked"
    assert [one["state"] for one in listed(config)] == ["revoked", "good"]
    told = audited(config)
    assert [(one["action"], one["subject"], one["result"], one["source"]) for one in told] == [
        ("token_created", "fleet", "done", "offline"),
        ("token_created", "bare", "done", "offline"),
        ("token_revoked", "fleet", "done", "offline"),
        ("token_revoked", "fleet", "done", "offline"),
    ]
    assert told[0]["details"] == {
        "scopes": ["register"],
        "expires": "2999-01-31T00:00:00+00:00",
        "uses": 10,
        "sources": ["192.0.2.0/24", "2001:db8::/32"],
        "labels": "Web-*",
    }
    assert told[2]["details"] == {"scopes": ["register"]}
    shown = acmedns("token", "list", "-c", config).stdout + json.dumps([listed(config), told])
    assert text not in shown
    assert tokens.digest(text) not in shown


def test_a_list_goes_through_all_pages(config: str, monkeypatch: pytest.MonkeyPatch):
    """By id, as those of accounts do."""
    for number in range(5):
        assert acmedns("token", "new", f"t{number}", "-c", config).exit_code == 0
    monkeypatch.setattr("acmedns_py.cli.asking.PAGE", 2)
    assert [one["name"] for one in listed(config)] == ["t0", "t1", "t2", "t3", "t4"]


def test_nothing_is_listed_where_there_is_none(config: str):
    """No line but the table's head."""
    assert listed(config) == []
    assert len(acmedns("token", "list", "-c", config).stdout.splitlines()) == 1


async def test_accounts_and_uses_are_counted(tmp_path: Path, database_url: str):
    """Of what the server has committed."""
    store = await SqlStore.open(
        database_url, apex=APEX, window_seconds=3600, max_values=100, on_commit=lambda _commit: None
    )
    try:
        text = await tokens.issue(store, "fleet", uses=3)
        token = await store.token(tokens.digest(text))
        await store.register(username="u", label="l", allow_from=[], verifier="v", token=token)
        (one,) = await store.issued_tokens(after=0, most=10)
        assert await store.issued_tokens(after=one.token.id, most=10) == []
    finally:
        await store.close()
    assert (one.accounts, one.token.uses_left) == (1, 2)
    assert one.token.last_used_at


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "a b"), "'a b' is no name of a token"),
        (("new", "n", "--uses", "0"), "uses = 0: write a number from 1"),
        (("new", "n", "--source", "192.0.2.1"), "source '192.0.2.1' is no network; write it with its mask"),
        (("new", "n", "--labels", "web_*"), "labels = 'web_*' is no pattern"),
        (("new", "n", "--scope", "admin"), "scope 'admin' is not known; known are register, storage, read, write"),
        (("new", "n", "--scope", "read", "--uses", "3"), "uses and labels are about registrations; leave them out"),
        (("new", "n", "--expires", "2001-01-01T00:00:00Z"), "expires = 2001-01-01T00:00:00+00:00 is not ahead"),
        (("new", "n", "--expires", "0d"), "is not ahead; give a later time"),
        (("revoke", "n"), "there is no token of the name n; acmedns token list shows all"),
    ],
)
def test_what_can_not_be_is_one_line_and_audited(config: str, words: tuple[str, ...], told: str):
    """What was wrong and what to do, exit code 1, nothing made; the refusal is remembered."""
    refused = acmedns("token", *words, "-c", config)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("acmedns: ")
    assert told in refused.stderr
    assert listed(config) == []
    (entry,) = audited(config)
    assert (entry["action"], entry["subject"]) == (f"token_{ {'new': 'created'}.get(words[0], 'revoked') }", words[1])
    assert str(entry["result"]).startswith("refused: ")


@pytest.mark.parametrize(
    "text", ["", "soon", "30", "-1d", "999999999d", "999999w", "999999d99", "2030-13-01", "9999-12-31T23:59:59-12:00"]
)
def test_an_end_that_is_no_time_is_told_why(tmp_path: Path, text: str):
    """What was written and what to write, before anything is asked."""
    told = acmedns("token", "new", "n", f"--expires={text}", "-c", configured(tmp_path, f"sqlite:///{tmp_path}/none"))
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert f"--expires {text!r} is no time; write 2026-11-24, 2026-11-24T16:00:00Z, or a duration" in told.stderr


def test_a_name_is_taken_once(config: str):
    """Also by a revoked token."""
    assert acmedns("token", "new", "fleet", "-c", config).exit_code == 0
    assert "there is a token of the name fleet already" in acmedns("token", "new", "fleet", "-c", config).stderr


@pytest.mark.parametrize("words", [("list",), ("new", "n"), ("revoke", "n")])
def test_a_problem_of_the_configuration_is_told(tmp_path: Path, words: tuple[str, ...]):
    """The file, the option, exit code 1."""
    wrong = acmedns("token", *words, "-c", str(tmp_path / "missing.toml"))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "missing.toml" in wrong.stderr


@pytest.mark.parametrize("words", [("list",), ("new", "n"), ("revoke", "n")])
def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, words: tuple[str, ...]):
    """A wrong path must not leave an empty database there."""
    told = acmedns("token", *words, "-c", configured(tmp_path, f"sqlite:///{tmp_path}/none.db"))
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "none.db does not exist; acmedns serve or acmedns db upgrade makes it" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("name", ["v2.0.2", POSTGRESQL])
@pytest.mark.parametrize("words", [("token", "new", "n"), ("account", "list")])
def test_a_database_of_acme_dns_is_left_for_the_server_to_take_over(tmp_path, postgres, foreign, name, words):
    """A command must not do in silence what a start says in its log."""
    (tmp_path / "theirs").mkdir()
    source = put(name, tmp_path / "theirs", postgres, foreign)
    before = sorted(tmp_path.rglob("*"))
    config = configured(tmp_path, source)
    told = acmedns(*words, "-c", config)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1), told.stderr
    assert "is a database of acme-dns that has not been taken over; acmedns serve does that, start it" in told.stderr
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before] == [tmp_path / "config.toml"]


def test_a_fault_of_the_program_shows_no_secret(config: str, monkeypatch: pytest.MonkeyPatch):
    """A traceback has no local variables in it, such as the text of a token that has just been made."""
    made: list[str] = []

    async def broken(_keeper: object, name: str, **_options: object) -> str:
        text = tokens.fresh_token()
        made.append(text)
        raise ZeroDivisionError(name)

    monkeypatch.setattr(tokens, "issue", broken)
    result = acmedns("token", "new", "x", "-c", config)
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert made[0] not in result.output


def test_an_argument_that_is_not_utf_8_is_told(config: str):
    result = acmedns("token", "new", "\udcff", "-c", config)
    assert (result.exit_code, result.stderr) == (1, "acmedns: an argument is not UTF-8; write text\n")
