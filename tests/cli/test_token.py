"""`acmedns token new`, `list` and `revoke`, as an operator runs them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acmedns_py.accounts import tokens
from acmedns_py.store.store import SqlStore
from tests.store.conftest import APEX


def acmedns(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    program = Path(sys.executable).with_name("acmedns")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> str:
    """A configuration file for the test's database, which does not exist yet."""
    path = tmp_path / "config.toml"
    path.write_text(f'[zone]\nname = "auth.example"\naddresses = ["192.0.2.1"]\n\n[database]\nurl = "{database_url}"\n')
    return str(path)


def listed(config: str) -> list[dict[str, object]]:
    """What `list --json` tells."""
    told = acmedns("token", "list", "--json", "-c", config)
    assert told.returncode == 0, told.stderr
    found: list[dict[str, object]] = json.loads(told.stdout)
    return found


def test_a_token_is_made_listed_and_revoked(config: str):
    """Its text stands alone on standard output, once; lists have all but that."""
    made = acmedns(
        *("token", "new", "fleet", "--expires", "2999-01-31", "--uses", "10", "--labels", "Web-*", "-c", config),
        *("--source", "192.0.2.0/24", "--source", "2001:db8::/32"),
    )
    assert made.returncode == 0, made.stderr
    text = made.stdout.removesuffix("\n")
    assert tokens.has_form(text)
    assert acmedns("token", "new", "bare", "--scope", "write", "--scope", "storage", "-c", config).returncode == 0
    bare, fleet = listed(config)
    assert fleet.pop("created_at")
    assert bare.pop("created_at")
    assert fleet == {
        "name": "fleet",
        "state": "good",
        "scopes": ["register"],
        "accounts": 0,
        "uses_left": 10,
        "expires_at": "2999-01-31T00:00:00+00:00",
        "sources": ["192.0.2.0/24", "2001:db8::/32"],
        "labels": "web-*",
        "last_used_at": None,
        "revoked_at": None,
    }
    assert (bare["uses_left"], bare["expires_at"], bare["sources"], bare["labels"]) == (None, None, [], None)
    lines = acmedns("token", "list", "-c", config).stdout.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["name=bare", "state=good", "scopes=storage,write", "accounts=0"],
        ["name=fleet", "state=good", "scopes=register", "accounts=0"],
    ]
    assert "sources=192.0.2.0/24,2001:db8::/32 labels=web-*" in lines[1]
    revoked = acmedns("token", "revoke", "fleet", "-c", config)
    assert (revoked.returncode, revoked.stdout) == (0, "token fleet is revoked\n")
    assert [one["state"] for one in listed(config)] == ["good", "revoked"]
    shown = acmedns("token", "list", "-c", config).stdout + json.dumps(listed(config))
    assert text not in shown
    assert tokens.digest(text) not in shown


def test_nothing_is_listed_where_there_is_none(config: str):
    """An empty array, no line."""
    assert acmedns("db", "upgrade", "-c", config).returncode == 0
    assert listed(config) == []
    assert acmedns("token", "list", "-c", config).stdout == ""


async def test_a_running_server_is_named_and_list_works_beside_it(config: str, database_url: str):
    """Writing needs the lock, looking does not; a use that the server committed is seen."""
    store = await SqlStore.open(
        database_url, apex=APEX, window_seconds=3600, max_values=100, on_commit=lambda _commit: None
    )
    try:
        text = await tokens.issue(store, "fleet", uses=3)
        token = await store.token(tokens.digest(text))
        await store.register(username="u", label="l", allow_from=[], verifier="v", token=token)
        (one,) = listed(config)
        refused = [acmedns("token", *words, "-c", config) for words in (("new", "other"), ("revoke", "fleet"))]
        assert await store.token(tokens.digest(text)) is not None
    finally:
        await store.close()
    assert (one["accounts"], one["uses_left"]) == (1, 2)
    assert one["last_used_at"]
    for told in refused:
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.count("\n") == 1
        assert re.search(r"is written by acmedns \d+@\S+ .*already; stop that one first", told.stderr)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "a b"), "'a b' is no name of a token"),
        (("new", "n", "--uses", "0"), "uses = 0: write a number from 1"),
        (("new", "n", "--expires", "soon"), "expires = 'soon' is no time; write how long"),
        (("new", "n", "--expires", "2001-01-01"), "expires = '2001-01-01' is not ahead"),
        (("new", "n", "--source", "192.0.2.1"), "source '192.0.2.1' is no network; write it with its mask"),
        (("new", "n", "--labels", "web_*"), "labels = 'web_*' is no pattern"),
        (("new", "n", "--scope", "admin"), "scope 'admin' is not known; known are register, storage, read, write"),
        (("revoke", "n"), "there is no token of the name n; acmedns token list shows all"),
    ],
)
def test_what_can_not_be_is_one_line(config: str, words: tuple[str, ...], told: str):
    """What was wrong and what to do, exit code 1, nothing made."""
    refused = acmedns("token", *words, "-c", config)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1].startswith("acmedns: ")
    assert told in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_a_name_is_taken_once(config: str):
    """Also by a revoked token."""
    assert acmedns("token", "new", "fleet", "-c", config).returncode == 0
    assert "there is a token of the name fleet already" in acmedns("token", "new", "fleet", "-c", config).stderr


@pytest.mark.parametrize("words", [("list",), ("new", "n"), ("revoke", "n")])
def test_a_problem_of_the_configuration_is_told(tmp_path: Path, words: tuple[str, ...]):
    """The file, the option, exit code 1."""
    wrong = acmedns("token", *words, "-c", str(tmp_path / "missing.toml"))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "missing.toml" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_database_that_is_not_there_is_told(tmp_path: Path):
    """Listing makes none."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[zone]\nname = "auth.example"\naddresses = ["192.0.2.1"]\n\n'
        f'[database]\nurl = "sqlite:///{tmp_path}/none.db"\n'
    )
    told = acmedns("token", "list", "-c", str(config))
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "none.db does not exist" in told.stderr
    assert not (tmp_path / "none.db").exists()
