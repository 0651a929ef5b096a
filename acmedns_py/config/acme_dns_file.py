"""An acme-dns `config.cfg` as it stands: its sections, keys, types and defaults, and which keys are unknown.

Keys are matched in any letter case, as acme-dns's reader of TOML does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt, ValidationError

from acmedns_py.config.problems import Shown, from_validation, nearest, nearest_option, shown
from acmedns_py.config.settings import KNOWN
from acmedns_py.errors import ConfigError


def _as_text(value: object) -> object:
    return str(value) if type(value) is int else value


Port = Annotated[str, BeforeValidator(_as_text)]
"""acme-dns has it as a text; a number is understood as well."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class General(_Table):
    """Section [general]: the zone and where DNS is served."""

    listen: str = ""
    protocol: str = "both"
    domain: str = ""
    nsname: str = ""
    nsadmin: str = ""
    records: list[str] = []
    debug: StrictBool = False


class Database(_Table):
    """Section [database]."""

    engine: str = ""
    connection: str = ""


class Api(_Table):
    """Section [api]; `api_domain` and `autocert_port` are known to early versions only."""

    api_domain: str = ""
    ip: str = ""
    disable_registration: StrictBool = False
    autocert_port: Port = ""
    port: Port = ""
    tls: str = "none"
    tls_cert_privkey: str = ""
    tls_cert_fullchain: str = ""
    acme_cache_dir: str = ""
    notification_email: str = ""
    corsorigins: list[str] = []
    use_header: StrictBool = False
    header_name: str = ""
    hsts_enabled: StrictBool = False
    hsts_max_age: StrictInt = 31_536_000
    hsts_include_subdomains: StrictBool = False
    hsts_preload: StrictBool = False


class LogConfig(_Table):
    """Section [logconfig]."""

    loglevel: str = ""
    logtype: str = "stdout"
    logfile: str = ""
    logformat: str = ""


class File(_Table):
    """The whole file."""

    general: General = General()
    database: Database = Database()
    api: Api = Api()
    logconfig: LogConfig = LogConfig()


_TABLES: Final[dict[str, type[_Table]]] = {
    "general": General,
    "database": Database,
    "api": Api,
    "logconfig": LogConfig,
}
KEYS: Final = {section: list(model.model_fields) for section, model in _TABLES.items()}
"""The known keys of each section, in lower case."""


@dataclass(slots=True)
class Reading:
    """The file with its usable values, its wrong ones replaced by defaults; `wrong` are these, as "section.key"."""

    file: File = field(default_factory=File)
    wrong: set[str] = field(default_factory=set)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def is_acme_dns(document: Mapping[str, object]) -> bool:
    """Say whether this is an acme-dns file: only those have a section [general]."""
    return any(section.lower() == "general" for section in document)


def read(document: Mapping[str, object]) -> Reading:
    """Take the file apart; unknown keys are warnings, as acme-dns ignores them."""
    found = Reading()
    known = _folded(document, found)
    try:
        found.file = File.model_validate(known)
    except ValidationError as error:
        found.problems += from_validation(error)
        found.wrong = {f"{item['loc'][0]}.{item['loc'][1]}" for item in error.errors()}
        usable = {
            section: {key: value for key, value in options.items() if f"{section}.{key}" not in found.wrong}
            for section, options in known.items()
        }
        found.file = File.model_validate(usable)
    return found


def _folded(document: Mapping[str, object], found: Reading) -> dict[str, dict[str, object]]:
    """Give the known keys in lower case, and note the others."""
    known: dict[str, dict[str, object]] = {}
    for written, options in document.items():
        section = written.lower()
        if section in KNOWN and section not in KEYS:
            cure = "a file has either acme-dns's sections or this server's; remove [general], or this section"
            found.problems.append(ConfigError(written, Shown("a section"), cure))
        elif section not in KEYS:
            meant = nearest(section, KEYS)
            found.warnings.append(
                f"{written}: no such section, ignored" + (f"; did you mean [{meant}]?" if meant else "")
            )
        elif not isinstance(options, dict):
            cure = f"write it as a table: [{section}] and its options below"
            found.problems.append(ConfigError(written, shown(section, options), cure))
        else:
            known[section] = dict(_known_keys(section, options, found))
    return known


def _known_keys(section: str, options: dict[str, object], found: Reading) -> Iterator[tuple[str, object]]:
    for written, value in options.items():
        if written.lower() in KEYS[section]:
            yield written.lower(), value
        else:
            meant = nearest_option(section, written, KEYS)
            hint = f"; did you mean {meant}?" if meant else ""
            found.warnings.append(f"{section}.{written}: no such option, ignored{hint}")
