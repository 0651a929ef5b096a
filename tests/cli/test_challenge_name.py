"""`acmedns challenge-name`: the name, the record, and each refusal in one line."""

import json
from pathlib import Path

import pytest

from tests.cli.test_new_account import configure, run

URL = "https://example.com/acme/acct/ExampleAccount"
LABEL = "_ujmmovf2vn55tgye"


@pytest.mark.parametrize("domain", ["example.org", "*.example.org", "Example.ORG."])
def test_the_name_needs_neither_server_nor_database(tmp_path: Path, domain: str):
    """A wildcard has that of its base."""
    done = run(tmp_path, "challenge-name", domain, "--account-url", URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"label: {LABEL}\nname:  {LABEL}._acme-challenge.example.org\n"


def test_the_record_is_that_of_an_account(tmp_path: Path):
    """Found by any of its names, as by the other commands."""
    configure(tmp_path)
    assert run(tmp_path, "db", "upgrade").returncode == 0
    made = json.loads(run(tmp_path, "account", "new", "--subdomain", "web-1", "--json").stdout)
    done = run(tmp_path, "challenge-name", "example.org", made["username"], "--account-url", URL, "--json")
    name = f"{LABEL}._acme-challenge.example.org"
    assert json.loads(done.stdout) == {
        "label": LABEL,
        "name": name,
        "cname": f"{name}. 300 IN CNAME web-1.auth.example.org.",
    }
    done = run(tmp_path, "challenge-name", "example.org", "nobody", "--account-url", URL)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no account 'nobody'" in done.stderr


@pytest.mark.parametrize(
    ("domain", "url", "said"),
    [
        ("example.org", "https://ca.example", "--account-url 'https://ca.example' is no account URL"),
        ("bücher.example", URL, "'ü' is not ASCII; write the name as an A-label (xn--...)"),
        ("a..example", URL, "domain 'a..example' can't be used: "),
        ("192.0.2.1", URL, "this is an address"),
        (f"{'a.' * 110}example.org", URL, f"with {LABEL}._acme-challenge. in front it has more than 253 characters"),
    ],
)
def test_each_refusal_is_one_line(tmp_path: Path, domain: str, url: str, said: str):
    done = run(tmp_path, "challenge-name", domain, "--account-url", url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
