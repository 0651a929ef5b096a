"""The database of an acme-dns file: its engine and connection string, in either of lib/pq's forms, as our URL."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from acmedns_py.config.problems import HIDDEN, NOT_SET, shown
from acmedns_py.config.values import DATABASE_PARAMETERS
from acmedns_py.errors import ConfigError

_ENGINE: Final = "database.engine"
_CONNECTION: Final = "database.connection"

_PAIR: Final = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)")
"""One `key = value` of a connection string, quoted or bare (libpq, "Connection Strings")."""

_SOCKET_DEFAULT_SSL: Final = "disable"
_DEFAULT_SSL: Final = "require"
"""lib/pq encrypts where the string does not say, but not over a Unix socket."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Our `database.url`, None where there is a problem instead, and what is done otherwise."""

    url: str | None
    problems: tuple[ConfigError, ...] = ()
    warnings: tuple[str, ...] = ()


def translate(engine: str, connection: str) -> Connection:
    """Give the URL of the database that acme-dns would use."""
    if engine not in ("sqlite3", "sqlite", "postgres"):
        value = (engine if engine.isalnum() else HIDDEN) if engine else NOT_SET
        return Connection(None, (ConfigError(_ENGINE, value, 'write one of "sqlite", "sqlite3", "postgres"'),))
    if not connection:
        return Connection(
            None, (ConfigError(_CONNECTION, NOT_SET, "name the database's file, or its postgres:// URL"),)
        )
    if engine == "postgres":
        return _postgresql(connection)
    return _sqlite(connection)


def _sqlite(connection: str) -> Connection:
    path, mark, _ = connection.removeprefix("file:").partition("?")
    dropped = (f"{_CONNECTION}: what follows the question mark is not used; this server sets SQLite up itself",)
    return Connection(f"sqlite:///{path}", warnings=dropped if mark else ())


def _postgresql(connection: str) -> Connection:
    if connection.startswith(("postgres://", "postgresql://")):
        return _from_url(connection)
    pairs: dict[str, str] = {}
    position = 0
    while match := _PAIR.match(connection, position):
        raw = match[2] if match[2] is not None else match[3]
        pairs[match[1]] = re.sub(r"\\(.)", r"\1", raw)
        position = match.end()
    if not pairs or connection[position:].strip():
        cure = 'write "postgres://USER:PASSWORD@HOST/NAME" or "host=... user=... password=... dbname=..."'
        return Connection(None, (ConfigError(_CONNECTION, HIDDEN, cure),))
    return _from_pairs(pairs)


def _from_url(connection: str) -> Connection:
    try:
        parts = urlsplit(connection)
    except ValueError:
        return Connection(None, (ConfigError(_CONNECTION, HIDDEN, "this is no URL; percent-encode user and password"),))
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    query, warnings = _query(parameters, local=parameters.get("host", "").startswith("/"))
    return Connection(urlunsplit(parts._replace(scheme="postgresql", query=query)), warnings=warnings)


def _from_pairs(pairs: dict[str, str]) -> Connection:
    host = pairs.pop("host", "localhost")
    port = pairs.pop("port", "")
    user = quote(pairs.pop("user", ""), safe="")
    password = quote(pairs.pop("password", ""), safe="")
    name = quote(pairs.pop("dbname", ""), safe="")
    local = host.startswith("/")
    if local:
        pairs["host"] = host
        host = ""
    elif ":" in host:
        host = f"[{host}]"
    userinfo = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query, warnings = _query(pairs, local=local)
    authority = f"{userinfo}{host}:{port}" if port else f"{userinfo}{host}"
    return Connection(f"postgresql://{authority}/{name or user}?{query}", warnings=warnings)


def _query(parameters: dict[str, str], *, local: bool) -> tuple[str, tuple[str, ...]]:
    kept = {key: value for key, value in parameters.items() if key in DATABASE_PARAMETERS}
    kept.setdefault("sslmode", _SOCKET_DEFAULT_SSL if local else _DEFAULT_SSL)
    warnings = tuple(
        f"{_CONNECTION}: the parameter {shown('', key)!r} is not used" for key in parameters if key not in kept
    )
    return urlencode(kept, safe="/"), warnings
