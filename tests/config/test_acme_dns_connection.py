"""acme-dns's connection strings, each form, as our database URL."""

import pytest

from acmedns_py.config.acme_dns_connection import translate
from acmedns_py.config.values import database_url


@pytest.mark.parametrize(
    ("engine", "connection", "url"),
    [
        ("sqlite3", "/var/lib/acme-dns/acme-dns.db", "sqlite:////var/lib/acme-dns/acme-dns.db"),
        ("sqlite", "acme-dns.db", "sqlite:///acme-dns.db"),
        ("sqlite", "file:/x/a b.db?_journal=WAL", "sqlite:////x/a b.db"),
        ("postgres", "postgres://u:p@h/db", "postgresql://u:p@h/db?sslmode=require"),
        ("postgres", "postgresql://u:p@h:5433/db?sslmode=disable", "postgresql://u:p@h:5433/db?sslmode=disable"),
        (
            "postgres",
            "postgres://u@/db?host=/run/postgresql",
            "postgresql://u@/db?host=/run/postgresql&sslmode=disable",
        ),
        ("postgres", "user=u dbname=db", "postgresql://u@localhost/db?sslmode=require"),
        (
            "postgres",
            "host=h port=5433 user=u password=p dbname=db sslmode=disable",
            "postgresql://u:p@h:5433/db?sslmode=disable",
        ),
        (
            "postgres",
            r"host = h user='a b' password='it\'s @/' dbname=db",
            "postgresql://a%20b:it%27s%20%40%2F@h/db?sslmode=require",
        ),
        ("postgres", "host=/run/postgresql user=u", "postgresql://u@/u?host=/run/postgresql&sslmode=disable"),
        ("postgres", "host=::1 user=u dbname=db", "postgresql://u@[::1]/db?sslmode=require"),
    ],
)
def test_connection_becomes_our_url(engine, connection, url):
    """Without a word about encryption lib/pq encrypts, except over a Unix socket."""
    found = translate(engine, connection)
    assert (found.url, found.problems) == (url, ())
    assert database_url(url) == url


@pytest.mark.parametrize("connection", ["geheim", "host=h password='geheim", "postgres://[geheim", "host=h geheim"])
def test_connection_that_is_neither_form_is_refused_unseen(connection):
    """It may hold a password anywhere."""
    found = translate("postgres", connection)
    assert found.url is None
    assert [problem.option for problem in found.problems] == ["database.connection"]
    assert "geheim" not in str(found.problems[0])


def test_parameter_that_is_not_used_is_a_warning():
    """Each by its name."""
    found = translate("postgres", "postgres://u@h/db?connect_timeout=10&sslmode=disable")
    assert found.warnings == ("database.connection: the parameter 'connect_timeout' is not used",)
    assert found.url == "postgresql://u@h/db?sslmode=disable"


def test_sample_connection_of_the_file_is_never_shown(problems):
    """A wrong URL from an acme-dns file is hidden like our own."""
    text = '[general]\ndomain = "auth.example.org"\n[database]\nengine = "postgres"\nconnection = "postgres://u:geheim#@h/db"\n[api]\nport = "80"\n'
    found = problems(text)
    assert "database.engine, database.connection" in [problem.option for problem in found.problems]
    assert "geheim" not in str(found)
