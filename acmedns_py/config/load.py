"""From a file and the environment to checked settings and the zone's records, or to all problems at once.

The order of power: environment, file, default. A value that can't be used is replaced by its default for the rest of
the checks, so that one run shows every problem.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from acmedns_py.config import acme_dns, checks, environment, files, hostnames
from acmedns_py.config.acme_dns_file import is_acme_dns
from acmedns_py.config.problems import (
    NOT_SET,
    ConfigProblems,
    Origin,
    Shown,
    from_validation,
    nearest,
    nearest_option,
    renamed,
    shown,
    unknown_option,
)
from acmedns_py.config.settings import KNOWN, Settings
from acmedns_py.config.zone import ZoneData, zone_data
from acmedns_py.dns.rrset import RRset
from acmedns_py.errors import ConfigError

__all__ = ["ConfigProblems", "Loaded", "load"]

_PLACEHOLDER: Final = "invalid"
"""Stands for a zone's name that can't be used while the other options are checked (RFC 2606 2)."""

Document = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be served.

    `static` holds every RRset of the zone but the challenges, with SOA serial 0; `derived` the zone-file lines among
    them that nobody wrote; `path` is None where the environment alone configures.
    """

    settings: Settings
    static: tuple[RRset, ...]
    derived: tuple[str, ...]
    warnings: tuple[str, ...]
    path: Path | None


@dataclass(slots=True)
class _Findings:
    """What was found so far; `origins` has the operator's own name of an option where it differs from ours."""

    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def add(self, problem: ConfigError) -> None:
        self.problems.append(renamed(problem, self.origins))


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read `path` (without it the first file of the search order), then `environ`; raises `ConfigProblems`."""
    try:
        file = files.find(path)
    except ConfigError as error:
        raise ConfigProblems([error]) from None
    findings = _Findings()
    translated = file is not None and is_acme_dns(file.document)
    found = environment.overlay(environ)
    document = _document(file, findings, overridden=set(found.origins))
    _overlay(document, found, findings)
    if "name" not in document.get("zone", {}) and "zone.name" not in findings.broken:
        findings.add(_zone_missing(file))
    settings = _validated(document, findings)
    for problem in checks.problems(settings, findings.broken):
        findings.add(problem)
    findings.warnings += checks.warnings(settings, translated=translated)
    data = None
    if findings.broken.isdisjoint(("zone.name", "zone.nameservers", "zone.records", "zone.admin")):
        data = zone_data(settings.zone)
        _judge_zone(settings, data, findings, file=file, translated=translated)
        if findings.broken.isdisjoint(("api.tls", "api.hostnames")):
            for problem in hostnames.problems(settings, data):
                findings.add(problem)
    where = file.path if file is not None else None
    if findings.problems or data is None:
        raise ConfigProblems(findings.problems, path=where, warnings=findings.warnings)
    return Loaded(
        settings=settings,
        static=data.rrsets,
        derived=data.derived,
        warnings=tuple(findings.warnings),
        path=where,
    )


def _zone_missing(file: files.ConfigFile | None) -> ConfigError:
    if file is None:
        return files.nothing_found()
    return ConfigError("zone.name", NOT_SET, 'name the zone to serve, such as "auth.example.org"')


def _document(file: files.ConfigFile | None, findings: _Findings, *, overridden: set[str]) -> Document:
    if file is None:
        return {}
    if is_acme_dns(file.document):
        translation = acme_dns.translate(file.document, overridden=overridden)
        findings.problems += translation.problems
        findings.warnings += translation.warnings
        findings.origins |= acme_dns.ORIGINS
        findings.broken |= translation.broken
        return translation.document
    document: Document = {}
    for section, options in file.document.items():
        if section not in KNOWN:
            meant = nearest(section, KNOWN)
            findings.add(unknown_option(section, f"[{meant}]" if meant else None))
        elif not isinstance(options, dict):
            cure = f"write it as a table: [{section}] and its options below"
            findings.add(ConfigError(section, shown(section, options), cure))
            findings.broken.update(f"{section}.{key}" for key in KNOWN[section])
        else:
            document[section] = dict(_known_options(section, options, findings))
    return document


def _known_options(section: str, options: dict[str, object], findings: _Findings) -> Iterator[tuple[str, object]]:
    for key, value in options.items():
        if key in KNOWN[section]:
            yield key, value
        else:
            findings.add(unknown_option(f"{section}.{key}", nearest_option(section, key, KNOWN)))


def _overlay(document: Document, found: environment.Overlay, findings: _Findings) -> None:
    findings.problems += found.problems
    findings.warnings += found.warnings
    findings.origins |= found.origins
    for section, options in found.document.items():
        document.setdefault(section, {}).update(options)
        findings.broken.difference_update(f"{section}.{key}" for key in options)
    findings.broken |= found.broken


def _validated(document: Document, findings: _Findings) -> Settings:
    """Give the settings; what can't be used is noted and left out."""
    if "name" not in document.get("zone", {}):
        findings.broken.add("zone.name")
        document = {**document, "zone": {**document.get("zone", {}), "name": _PLACEHOLDER}}
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        for problem in from_validation(error):
            findings.add(problem)
        wrong = {(str(item["loc"][0]), str(item["loc"][1])) for item in error.errors()}
    findings.broken.update(f"{section}.{key}" for section, key in wrong)
    usable = {
        section: {key: value for key, value in options.items() if (section, key) not in wrong}
        for section, options in document.items()
    }
    usable["zone"].setdefault("name", _PLACEHOLDER)
    return Settings.model_validate(usable)


def _judge_zone(
    settings: Settings, data: ZoneData, findings: _Findings, *, file: files.ConfigFile | None, translated: bool
) -> None:
    lines: list[int | None] = [None] * len(data.rejected)
    if file is not None and "zone.records" not in findings.origins:
        lines = file.lines_of(rejected.line for rejected in data.rejected)
    for rejected, line in zip(data.rejected, lines, strict=True):
        where = f"line {line}: " if line is not None else ""
        option = f"zone.records[{rejected.index}]"
        findings.add(ConfigError(option, shown(option, rejected.line), where + rejected.reason))
    findings.warnings += data.warnings
    for flaw in data.flaws:
        title, _, reason = flaw.partition(": ")
        if translated:
            findings.warnings.append(f"general.records: {flaw}")
        else:
            findings.add(ConfigError("zone.records", Shown(title), reason))
    if data.unaddressed and "zone.addresses" not in findings.broken:
        names = ", ".join(data.unaddressed)
        if translated:
            findings.warnings.append(f"general.records: there is no A or AAAA record of the nameserver {names}")
        else:
            cure = f'name the public address of {names}, such as ["198.51.100.1"]'
            findings.add(ConfigError("zone.addresses", settings.zone.addresses, cure))
