"""Options from the environment: `ACMEDNS_SECTION__KEY`, and `ACMEDNS_SECTION__KEY_FILE` for secrets.

A value is text, so it is brought to its option's type here and checked with the file's values afterwards. An empty
variable counts as not set: that is what container tools pass for a variable that nobody filled in.
"""

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from acmedns_py.config import files
from acmedns_py.config.problems import HIDDEN, Origin, nearest_option, shown, unknown_option
from acmedns_py.config.settings import KNOWN, SECTIONS
from acmedns_py.errors import ConfigError

PREFIX: Final = "ACMEDNS_"
SECRETS: Final = ("database.url", "database.password", "dns.cookie_secrets", "certificate.eab_hmac_key")
"""The options that may stand in a file of their own."""

_FILE: Final = "_FILE"


@dataclass(slots=True)
class Overlay:
    """What the environment says: {section: {key: value}}, {option: its variable}, and what is wrong with it.

    `broken` are the options whose variable can't be read.
    """

    document: dict[str, dict[str, object]] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)


def variable(option: str) -> str:
    """Give the variable of an option: "zone.name" is ACMEDNS_ZONE__NAME."""
    return PREFIX + option.upper().replace(".", "__")


def overlay(environ: Mapping[str, str]) -> Overlay:
    """Read every variable that names an option; unknown ones with "__" are problems."""
    found = Overlay()
    options = {variable(f"{section}.{key}"): (section, key) for section, keys in KNOWN.items() for key in keys}
    secret_files = {variable(option) + _FILE: option for option in SECRETS}
    misspelt = {name.replace("__", "_"): name for name in (*options, *secret_files)}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or environ[name] == "":
            continue
        if name in options:
            section, key = options[name]
            _keep(found, name, section, key, environ[name])
        elif name in secret_files:
            _keep_secret(found, name, secret_files[name], environ)
        elif "__" in name:
            section, _, key = name.removeprefix(PREFIX).partition("__")
            meant = nearest_option(section, key, KNOWN)
            found.problems.append(unknown_option(name, variable(meant) if meant else None))
        elif name in misspelt:
            # Other names are left alone: Kubernetes sets ACMEDNS_PORT and the like for a service called acmedns.
            found.warnings.append(f"{name} is not read; did you mean {misspelt[name]}?")
    return found


def _keep(found: Overlay, name: str, section: str, key: str, text: str) -> None:
    found.origins[f"{section}.{key}"] = Origin(name, indexed=True)
    annotation = SECTIONS[section].model_fields[key].annotation
    try:
        value = _converted(text, annotation)
    except ValueError:
        found.broken.add(f"{section}.{key}")
        found.problems.append(
            ConfigError(
                name,
                shown(f"{section}.{key}", text),
                'this is no JSON list; write ["...", "..."] or values with commas',
            )
        )
    else:
        found.document.setdefault(section, {})[key] = value


def _keep_secret(found: Overlay, name: str, option: str, environ: Mapping[str, str]) -> None:
    found.origins.setdefault(option, Origin(name, indexed=True))
    if environ.get(variable(option)):
        cure = f"{variable(option)} is set too; unset one of them"
        found.problems.append(ConfigError(name, HIDDEN, cure))
        return
    try:
        secret = files.read_secret(Path(environ[name]))
    except ConfigError as error:
        found.broken.add(option)
        found.problems.append(ConfigError(name, error.value, error.cure))
        return
    section, _, key = option.partition(".")
    annotation = SECTIONS[section].model_fields[key].annotation
    found.document.setdefault(section, {})[key] = _list(secret) if get_origin(annotation) is list else secret


def _converted(text: str, annotation: object) -> object:
    """Bring text to the annotation's type; what can't be brought there stays text, and is refused as such later."""
    if get_origin(annotation) is list:
        return _list(text)
    if isinstance(annotation, types.UnionType):
        annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    if annotation in (int, float, bool):
        try:
            value: object = TypeAdapter(annotation).validate_python(text.strip())
        except ValidationError:
            return text
        return value
    return text


def _list(text: str) -> list[object]:
    """Read a JSON list, or values with commas between; "[::1]:53" begins like the one and is the other."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            value = json.loads(stripped)
        except (ValueError, RecursionError):
            if stripped[1:].lstrip().startswith('"'):
                raise ValueError from None
        else:
            if isinstance(value, list):
                return value
    return [item.strip() for item in text.split(",") if item.strip()]
