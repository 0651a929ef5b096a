"""Credentials in the form in which each client keeps them: printed, or merged into the client's own file.

What a client looks an account up by is its key: most take the bare name of the host, without `*.`. Clients that put all
names of a certificate through one account, and files that hold one, get one account for all domains.
"""

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from acmedns_py.config.values import host_name
from acmedns_py.errors import AcmednsError
from acmedns_py.setup.hosts import CHALLENGE

LONGEST_NAME = 253


class FileRefused(AcmednsError):
    """A file that can't take a credential; the text says why and what to do."""


class Made(NamedTuple):
    """A new account's credential as the routes tell it, the domains that it is for, and the API's URL."""

    credential: Mapping[str, Any]
    domains: Sequence[str]
    url: str


@dataclass(frozen=True, slots=True)
class Format:
    """How a client keeps credentials.

    `entry` gives an object for one account. With `key` objects of several accounts stand in one, below `below` where
    that is named; with `per_domain` each has a file. `lines`, in place of all that, gives a text of one account.
    `one_account`: all domains go through one.
    """

    needs_url: bool
    one_account: bool = False
    entry: Callable[[Made], object] = lambda _made: None
    key: Callable[[str], str] | None = None
    below: str | None = None
    per_domain: bool = False
    lines: Callable[[Made], str] | None = None


def _five_keys(made: Made) -> object:
    return {**_four_keys(made), "server_url": made.url}


def _four_keys(made: Made) -> dict[str, Any]:
    return {key: made.credential[key] for key in ("fulldomain", "subdomain", "username", "password")}


def _answer(made: Made) -> object:
    """What /register answers."""
    return {key: made.credential[key] for key in ("username", "password", "fulldomain", "subdomain", "allowfrom")}


def _flat(made: Made) -> str:
    keys = {key: made.credential[key] for key in ("username", "password", "subdomain")}
    return f"{json.dumps({**keys, 'server_url': made.url})}\n"


def _array(made: Made) -> object:
    return [made.credential[key] for key in ("subdomain", "username", "password", "fulldomain")]


def _variables(made: Made) -> dict[str, str]:
    return {
        "ACMEDNS_BASE_URL": made.url,
        "ACMEDNS_USERNAME": made.credential["username"],
        "ACMEDNS_PASSWORD": made.credential["password"],
        "ACMEDNS_SUBDOMAIN": made.credential["subdomain"],
    }


def _exports(made: Made) -> str:
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in _variables(made).items())


def _environment(made: Made) -> str:
    facts = {**_variables(made), "ACMEDNS_FULLDOMAIN": made.credential["fulldomain"]}
    return "".join(f"{name}={text}\n" for name, text in facts.items())


def _bare(domain: str) -> str:
    return domain


def _record(domain: str) -> str:
    return f"{CHALLENGE}{domain}"


_MAP = Format(needs_url=True, entry=_five_keys, key=_bare)

FORMATS: dict[str, Format] = {
    "raw": Format(needs_url=False, lines=lambda made: f"{json.dumps(_answer(made))}\n"),
    "lego": _MAP,
    "traefik": _MAP,
    "cert-manager": _MAP,
    "caddy": _MAP,
    "acme-dns-client": _MAP,
    "caddy-flat": Format(needs_url=True, one_account=True, lines=_flat),
    "certbot": Format(needs_url=False, entry=_answer, key=_bare),
    "acme.sh": Format(needs_url=True, one_account=True, lines=_exports),
    "posh-acme": Format(needs_url=False, entry=_array, key=_record, below="ACMEReg"),
    "simple-acme": Format(needs_url=False, entry=_four_keys, per_domain=True),
    "env": Format(needs_url=True, one_account=True, lines=_environment),
}


def bare_domain(text: str) -> str:
    """The name that a certificate's domain is kept under: in lower case, without `*.` and final dot.

    Raises `ValueError` whose text says what to do.
    """
    found = host_name(text.strip().removeprefix("*."))
    if len(found) + len(CHALLENGE) > LONGEST_NAME:
        raise ValueError(f"this name is too long: with {CHALLENGE} in front it has more than {LONGEST_NAME} characters")
    return found


def base_url(text: str) -> str:
    """The API's URL as a client's file has it, without a final slash; a host may be an address.

    Raises `ValueError` whose text says what to do.
    """
    if re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text) is None:
        raise ValueError("write one such as https://acme.example.org, without ? and #")
    return text.rstrip("/")


class ClientFile:
    """Where credentials go: a file of their client's, a directory of such files, or standard output (`place` None)."""

    def __init__(self, form: Format, place: Path | None) -> None:
        self._form = form
        # A link stays one: what it leads to is replaced.
        self._place = None if place is None else place.resolve()

    def check(self, domains: Sequence[str]) -> None:
        """Raise `FileRefused` where these could not be taken in, before any account is made for them."""
        place = self._place
        if place is None:
            return
        if self._form.per_domain:
            if not place.is_dir():
                raise FileRefused(
                    f"{place} is no directory; this client has a file for each domain, make {place} first"
                )
            for domain in domains:
                if (place / f"{domain}.json").exists():
                    raise _there_already(place / f"{domain}.json", domain)
        elif self._form.key is None:
            if place.exists():
                raise FileRefused(f"{place} exists already, and this form can't be added to a file; name a new one")
        else:
            _, entries = self._read()
            for domain in domains:
                if self._form.key(domain) in entries:
                    raise _there_already(place, domain)
        directory = place if self._form.per_domain else place.parent
        if not os.access(directory, os.W_OK | os.X_OK):
            raise FileRefused(f"{directory} can't be written; make it, or let this user write it")

    def text(self, made: Sequence[Made]) -> str:
        """What stands in the client's file if it holds these alone; several files are a line each."""
        form = self._form
        if form.lines is not None:
            return "".join(form.lines(one) for one in made)
        if form.per_domain:
            return "".join(f"{json.dumps(form.entry(one))}\n" for one in made)
        return _pretty(self._within({}, self._entries(made)))

    def take(self, made: Sequence[Made]) -> None:
        """Write these, beside what is there; whole or not at all, for the owner alone. Raises `FileRefused`."""
        place, form = self._place, self._form
        assert place is not None, "there is a file"
        if form.lines is not None:
            _replace(place, self.text(made))
        elif form.per_domain:
            for one in made:
                for domain in one.domains:
                    _replace(place / f"{domain}.json", _pretty(form.entry(one)))
        else:
            document, entries = self._read()
            _replace(place, _pretty(self._within(document, {**entries, **self._entries(made)})))

    def _entries(self, made: Sequence[Made]) -> dict[str, object]:
        assert self._form.key is not None, "a form with keys"
        return {self._form.key(domain): self._form.entry(one) for one in made for domain in one.domains}

    def _within(self, document: dict[str, Any], entries: dict[str, object]) -> dict[str, Any]:
        return entries if self._form.below is None else {**document, self._form.below: entries}

    def _read(self) -> tuple[dict[str, Any], dict[str, object]]:
        """Give what the file holds, and its entries; raises `FileRefused` where it is no file of this client."""
        assert self._place is not None, "there is a file"
        try:
            text = self._place.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}, {}
        except (OSError, UnicodeDecodeError) as error:
            raise FileRefused(f"{self._place} can't be read: {error}") from error
        try:
            document = json.loads(text or "{}")
        except (ValueError, RecursionError):
            raise FileRefused(f"{self._place} is no JSON; name another file, or mend it") from None
        entries = document.get(self._form.below, {}) if isinstance(document, dict) and self._form.below else document
        if not isinstance(entries, dict) or not all(isinstance(one, dict | list) for one in entries.values()):
            raise FileRefused(f"{self._place} holds no accounts by name, as this client wants; name another file")
        return document, entries


def _there_already(place: Path, domain: str) -> FileRefused:
    return FileRefused(f"{place} has an account for {domain} already; acmedns account rotate gives it a new password")


def _pretty(document: object) -> str:
    return f"{json.dumps(document, indent=2)}\n"


def _replace(place: Path, text: str) -> None:
    """Put a file in the place of another, in one step and 0600; root leaves it to whom it belonged."""
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
            file.write(text)
            file.flush()
            if os.geteuid() == 0 and place.exists():
                former = place.stat()
                os.fchown(descriptor, former.st_uid, former.st_gid)
            os.fsync(descriptor)
        unfinished.rename(place)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise FileRefused(f"{place} can't be written: {error.strerror or error}") from error
