"""Where the accounts of an acme-dns are: from its `config.cfg`, the URL of its database, or SQLite's file itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acmedns_py.config import acme_dns_connection, acme_dns_file, files, values
from acmedns_py.config.problems import ConfigProblems, Shown
from acmedns_py.errors import ConfigError

_OPTION: Final = "CONFIG_OR_DATABASE_URL"
_SQLITE: Final = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Source:
    """The database's URL in our form, and the zone that the file names, "" where a database was named."""

    url: str
    zone: str = ""
    warnings: tuple[str, ...] = ()


def find(text: str) -> Source:
    """Take what an operator named; raises `ConfigProblems`."""
    scheme, colon, _rest = text.partition("://")
    if colon:
        return Source(_checked(_url(scheme, text)))
    path = Path(text)
    if _is_sqlite(path):
        return Source(_checked(f"sqlite:///{path}"))
    try:
        file = files.find(path)
    except ConfigError as error:
        raise ConfigProblems([error]) from None
    assert file is not None, "a path was named"
    if not acme_dns_file.is_acme_dns(file.document):
        cure = "this is no configuration of acme-dns: it has no section [general]"
        raise ConfigProblems([ConfigError(_OPTION, text, cure)])
    found = acme_dns_file.read(file.document)
    wrong = [problem for problem in found.problems if problem.option.startswith("database")]
    connection = acme_dns_connection.translate(found.file.database.engine, found.file.database.connection)
    if wrong or connection.url is None:
        raise ConfigProblems(wrong or connection.problems, path=path)
    return Source(_checked(connection.url), _zone(found.file.general.domain), connection.warnings)


def _url(scheme: str, text: str) -> str:
    if scheme not in ("postgres", "postgresql"):
        return text
    connection = acme_dns_connection.translate("postgres", text)
    if connection.url is None:
        raise ConfigProblems([ConfigError(_OPTION, problem.value, problem.cure) for problem in connection.problems])
    return connection.url


def _checked(url: str) -> str:
    try:
        return values.database_url(url)
    except ValueError as error:
        # It may hold a password anywhere.
        raise ConfigProblems([ConfigError(_OPTION, Shown("(the database)"), str(error))]) from None


def _zone(domain: str) -> str:
    try:
        return values.zone_name(domain)
    except ValueError:
        return ""


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except (OSError, ValueError):
        return False
