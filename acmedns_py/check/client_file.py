"""The credentials in a client's own file, whatever client it is: read, never written, told by what the file looks like.

lego, Traefik, cert-manager, Caddy, acme-dns-client and certbot keep an object of accounts by domain; Posh-ACME arrays
below ACMEReg; simple-acme a file for each domain in a directory; acme.sh and the environment variables ACMEDNS_*;
others what /register answered. A file is taken whole or not at all: an account that is passed over would look good.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from acmedns_py.check.finding import told
from acmedns_py.dns import name
from acmedns_py.errors import Unusable
from acmedns_py.regular_file import read_regular

MOST_OCTETS: Final = 16 * 1024 * 1024
"""50,000 accounts, and more than any client keeps."""

MOST_VARIABLES: Final = 1024 * 1024
"""Octets of a file of variables: reading words as a shell does is slow."""

MOST_FILES: Final = 10_000

_MOST_NAMED: Final = 3
"""Keys of a foreign object that an error shows."""

_POSH_ACME: Final = "ACMEReg"
_CHALLENGE: Final = f"{name.CHALLENGE}."
_NEEDED: Final = ("username", "password", "subdomain")
_ASSIGNED: Final = re.compile(r"(?:SAVED_)?ACMEDNS_(BASE_URL|USERNAME|PASSWORD|SUBDOMAIN|FULLDOMAIN)=(.*)", re.DOTALL)
_ACME_SH_DOMAINS: Final = re.compile(r"Le_(?:Domain|Alt)=(.*)")
_ACME_SH_NONE: Final = "no"


class Shape(StrEnum):
    """What a file looks like, in the words of an error."""

    MAP = "a JSON object of accounts by domain"
    ONE = "one account as a JSON object"
    ARRAYS = f"a JSON object with arrays below {_POSH_ACME}"
    VARIABLES = "variables ACMEDNS_..."


FORMS: Final[Mapping[str, frozenset[Shape]]] = {
    "raw": frozenset({Shape.ONE}),
    "lego": frozenset({Shape.MAP}),
    "traefik": frozenset({Shape.MAP}),
    "cert-manager": frozenset({Shape.MAP}),
    "caddy": frozenset({Shape.MAP, Shape.ONE}),
    "acme-dns-client": frozenset({Shape.MAP}),
    "caddy-flat": frozenset({Shape.ONE}),
    "certbot": frozenset({Shape.MAP}),
    "acme.sh": frozenset({Shape.VARIABLES}),
    "posh-acme": frozenset({Shape.ARRAYS}),
    "simple-acme": frozenset({Shape.ONE}),
    "env": frozenset({Shape.VARIABLES}),
}
"""How each client keeps its accounts, by the name that `acmedns account new --format` has for it."""

_BY_FILE_NAME: Final = "simple-acme"
"""It has a file for each domain, named after it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An account as its client knows it; `domain`, `fulldomain` and `url` are empty where the file does not say."""

    domain: str
    username: str
    subdomain: str
    password: str = field(repr=False)
    fulldomain: str = ""
    url: str = ""


def read(path: Path, form: str = "") -> list[Credential]:
    """Read all credentials of a file, or of the files in a directory; raises `Unusable`.

    `form` is one of `FORMS`, empty for whatever it is.
    """
    try:
        if not path.is_dir():
            return _read(path, form, domain=path.stem if form == _BY_FILE_NAME else "")
        if form not in {"", _BY_FILE_NAME}:
            raise Unusable(f"{path} is a directory, and {form} keeps its accounts in a file; name that file")
        files = sorted(path.glob("*.json"))[:MOST_FILES]
        if not files:
            raise Unusable(f"{path} is a directory without a file *.json; name the one with the client's accounts")
        return [one for file in files for one in _read(file, form, domain=file.stem)]
    except OSError as error:
        cure = "name the file that the client keeps its accounts in, and that this user may read"
        raise Unusable(f"{path} can't be read: {error.strerror or error}; {cure}") from None


def _read(path: Path, form: str, *, domain: str) -> list[Credential]:
    text = _text(path)
    try:
        document = json.loads(text)
    except RecursionError:
        raise _wrong(path, "JSON that is nested too deeply for any client", form) from None
    except ValueError:
        shape, found = Shape.VARIABLES, list(_of_variables(path, text, form))
    else:
        shape, found = _of_document(path, document, domain, form)
    if form and shape not in FORMS[form]:
        raise _wrong(path, shape, form)
    return found


def _text(path: Path) -> str:
    octets = read_regular(path, MOST_OCTETS)
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Unusable(
            f"{path} is no text: octet {error.start} is not UTF-8; name the file with the client's accounts"
        ) from None


def _wrong(path: Path, seen: str, form: str) -> Unusable:
    wanted = " or ".join(sorted(FORMS[form])) if form else "accounts of acme-dns"
    of = f"where {form} keeps" if form else "and no"
    return Unusable(f"{path} holds {seen}, {of} {wanted}; name the file that the client keeps its accounts in")


def _of_document(path: Path, document: object, domain: str, form: str) -> tuple[Shape, list[Credential]]:
    if not isinstance(document, dict):
        raise _wrong(path, f"a JSON {_json_type(document)}", form)
    if isinstance(document.get(_POSH_ACME), dict):
        return Shape.ARRAYS, list(_of_arrays(path, document))
    if any(key in document and not isinstance(document[key], dict) for key in _NEEDED):
        return Shape.ONE, [_of_entry(str(path), document, domain)]
    if document and all(isinstance(entry, dict) for entry in document.values()):
        entries = document.items()
        return Shape.MAP, [_of_entry(f"{path}: {told(repr(key))}", entry, key) for key, entry in entries]
    keys = [*map(repr, list(document)[:_MOST_NAMED]), *(["..."] if len(document) > _MOST_NAMED else [])]
    raise _wrong(path, told(f"a JSON object with {', '.join(keys)}") if keys else "a JSON object without a key", form)


def _json_type(document: object) -> str:
    match document:
        case dict():
            return "object"
        case list():
            return "list"
        case str():
            return "string"
        case None:
            return "null"
        case bool():
            return "boolean"
        case _:
            return "number"


def _of_arrays(path: Path, document: Mapping[str, Any]) -> Iterator[Credential]:
    url = document.get("ACMEUri") or (f"https://{server}" if (server := document.get("ACMEServer")) else "")
    for record, entry in document[_POSH_ACME].items():
        where = f"{path}: {told(repr(record))}"
        if not isinstance(entry, list) or len(entry) != 4:
            raise Unusable(f"{where} is no list of subdomain, username, password and fulldomain; mend that entry")
        keys = dict(zip(("subdomain", "username", "password", "fulldomain"), entry, strict=True))
        yield _of_entry(where, {**keys, "server_url": url}, record.removeprefix(_CHALLENGE))


def _of_entry(where: str, entry: Mapping[str, Any], domain: str) -> Credential:
    for key in _NEEDED:
        if not isinstance(entry.get(key), str):
            seen = f"a JSON {_json_type(entry[key])} as" if key in entry else "no"
            raise Unusable(f'{where} has {seen} "{key}"; an account has a text there, as /register answered it')
    fulldomain, url = ("" if entry.get(key) is None else entry[key] for key in ("fulldomain", "server_url"))
    if not isinstance(fulldomain, str) or not isinstance(url, str):
        raise Unusable(f'{where} has a "fulldomain" or "server_url" that is no text; mend that entry')
    return Credential(
        domain.removeprefix("*."), entry["username"], entry["subdomain"], entry["password"], fulldomain, url
    )


def _of_variables(path: Path, text: str, form: str) -> Iterator[Credential]:
    """Read assignments as a shell would: what is exported, or acme.sh's own file of a certificate with its domains."""
    found: dict[str, str] = {}
    domains: list[str] = []
    for number, line in enumerate(text.splitlines() if len(text) <= MOST_VARIABLES else (), start=1):
        if "ACMEDNS_" not in line and not line.startswith("Le_"):
            continue
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise Unusable(f"{path}: line {number} has a quotation without an end; mend that line") from None
        for word in words:
            if assigned := _ASSIGNED.fullmatch(word):
                found[assigned[1]] = assigned[2]
            elif listed := _ACME_SH_DOMAINS.fullmatch(word):
                domains += (one for one in listed[1].split(",") if one not in {"", _ACME_SH_NONE})
    if not found:
        what = "text that is neither JSON nor variables ACMEDNS_..." if text.strip() else "nothing"
        raise _wrong(path, what, form)
    if missing := [f"ACMEDNS_{key.upper()}" for key in _NEEDED if key.upper() not in found]:
        raise Unusable(f"{path} sets no {' and no '.join(missing)}; name the file with the whole account")
    for domain in dict.fromkeys(one.removeprefix("*.") for one in domains or [""]):
        yield Credential(
            domain,
            found["USERNAME"],
            found["SUBDOMAIN"],
            found["PASSWORD"],
            found.get("FULLDOMAIN", ""),
            found.get("BASE_URL", ""),
        )
