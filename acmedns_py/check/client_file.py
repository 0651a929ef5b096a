"""The credentials in a client's own file, whatever client it is: read, never written, told by what the file looks like.

lego, Traefik, cert-manager, Caddy, acme-dns-client and certbot keep an object of accounts by domain; Posh-ACME arrays
below ACMEReg; simple-acme a file for each domain in a directory; acme.sh and the environment variables ACMEDNS_*;
others what /register answered.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from acmedns_py.dns import name
from acmedns_py.errors import Unusable

MOST_OCTETS: Final = 16 * 1024 * 1024
"""50,000 accounts, and more than any client keeps."""

MOST_FILES: Final = 10_000

_VARIABLE: Final = "ACMEDNS_"
_POSH_ACME: Final = "ACMEReg"
_CHALLENGE: Final = f"{name.CHALLENGE}."


@dataclass(frozen=True, slots=True)
class Credential:
    """An account as its client knows it; `domain`, `fulldomain` and `url` are empty where the file does not say."""

    domain: str
    username: str
    subdomain: str
    password: str = field(repr=False)
    fulldomain: str = ""
    url: str = ""


def read(path: Path) -> list[Credential]:
    """Read all credentials of a file, or of the files in a directory; raises `Unusable`."""
    try:
        if path.is_dir():
            files = sorted(path.glob("*.json"))[:MOST_FILES]
            found = [one for file in files for one in _read(file, domain=file.stem)]
        else:
            found = _read(path, domain="")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} can't be read: {error}") from None
    if not found:
        raise Unusable(f"{path} holds no credential of acme-dns; name the file that the client keeps its accounts in")
    return found


def _read(path: Path, *, domain: str) -> list[Credential]:
    with path.open(encoding="utf-8") as file:
        text = file.read(MOST_OCTETS + 1)
    if len(text) > MOST_OCTETS:
        raise Unusable(f"{path} is larger than any client's file; name the file that it keeps its accounts in")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return list(_of_variables(text))
    return list(_of_document(document, domain)) if isinstance(document, dict) else []


def _of_document(document: Mapping[str, Any], domain: str) -> Iterator[Credential]:
    if isinstance(posh := document.get(_POSH_ACME), dict):
        for record, entry in posh.items():
            if isinstance(entry, list) and len(entry) == 4:
                keys = dict(zip(("subdomain", "username", "password", "fulldomain"), entry, strict=True))
                yield from _of_entry(keys, record.removeprefix(_CHALLENGE))
        return
    yield from _of_entry(document, domain)
    for key, entry in document.items():
        if isinstance(entry, dict):
            yield from _of_entry(entry, key)


def _of_entry(entry: Mapping[str, Any], domain: str) -> Iterator[Credential]:
    texts = {key: text for key, text in entry.items() if isinstance(text, str)}
    if {"username", "password", "subdomain"} <= texts.keys():
        yield Credential(
            domain.removeprefix("*."),
            texts["username"],
            texts["subdomain"],
            texts["password"],
            texts.get("fulldomain", ""),
            texts.get("server_url", ""),
        )


def _of_variables(text: str) -> Iterator[Credential]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return
    found = dict(
        word.removeprefix(_VARIABLE).split("=", 1) for word in words if word.startswith(_VARIABLE) and "=" in word
    )
    if {"USERNAME", "PASSWORD", "SUBDOMAIN"} <= found.keys():
        yield Credential(
            "",
            found["USERNAME"],
            found["SUBDOMAIN"],
            found["PASSWORD"],
            found.get("FULLDOMAIN", ""),
            found.get("BASE_URL", ""),
        )
