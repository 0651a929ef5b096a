"""An acme-dns `config.cfg` (v1 and v2), taken as it is and translated into our own options: this is the one place.

What this server does otherwise is said in one warning each; a problem is only what leaves no safe way to serve. Names
in `records` without a final dot are complete names there, while in our own file they are relative to the zone.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from acmedns_py.config import acme_dns_connection, records, values
from acmedns_py.config.acme_dns_file import Api, Database, General, LogConfig, read
from acmedns_py.config.problems import NOT_SET, Origin, shown
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.presentation import BadRecord, parse_record
from acmedns_py.dns.rrset import RRset
from acmedns_py.errors import ConfigError

PRIVATE_PROXIES: Final = ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Trusted with `use_header`, since acme-dns trusts everyone: loopback, RFC 1918 and RFC 4193."""

_RECORD_TTL: Final = 3600
"""What acme-dns gives a record without a TTL, in seconds."""

_DEFAULT_CACHE_DIR: Final = "api-certs"

_DIRECTORIES: Final = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencryptstaging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
"""The CAs that acme-dns knows, by its words for `api.tls`."""

_LEVELS: Final = {
    "": "info",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "dpanic": "error",
    "panic": "error",
    "fatal": "error",
}
"""Words of v1 (warning) and of v2's logging library."""

_FORMATS: Final = {"": "json", "json": "json", "text": "console"}


_SOURCES: Final = {
    "zone.name": ("general.domain",),
    "zone.nameservers": ("general.nsname",),
    "zone.admin": ("general.nsadmin",),
    "zone.records": ("general.records",),
    "zone.addresses": ("general.records",),
    "dns.listen": ("general.listen",),
    "dns.protocol": ("general.protocol",),
    "api.listen": ("api.ip", "api.port"),
    "api.tls": ("api.tls",),
    "api.tls_certificate": ("api.tls_cert_fullchain",),
    "api.tls_key": ("api.tls_cert_privkey",),
    "api.registration": ("api.disable_registration",),
    "api.use_header": ("api.use_header",),
    "api.trusted_proxies": ("api.use_header",),
    "api.header_name": ("api.header_name",),
    "api.cors_origins": ("api.corsorigins",),
    "api.hsts": ("api.hsts_enabled",),
    "api.hsts_max_age": ("api.hsts_max_age",),
    "api.hsts_include_subdomains": ("api.hsts_include_subdomains",),
    "api.hsts_preload": ("api.hsts_preload",),
    "certificate.directory": ("api.tls",),
    "certificate.state_dir": ("api.acme_cache_dir",),
    "certificate.contact": ("api.notification_email",),
    "database.url": ("database.engine", "database.connection"),
    "log.level": ("logconfig.loglevel",),
    "log.format": ("logconfig.logformat",),
    "log.destination": ("logconfig.logtype",),
    "log.file": ("logconfig.logfile",),
}
"""The acme-dns keys that each option of ours is made from."""

ORIGINS: Final = {option: Origin(", ".join(keys), indexed=False) for option, keys in _SOURCES.items()}
"""What the operator calls our options, for problems that are found in the translated ones."""


@dataclass(slots=True)
class Translation:
    """Our options, as a file of ours would hold them; `broken` are those whose acme-dns value is among the problems.

    Every warning begins with the key that it is about.
    """

    document: dict[str, dict[str, object]] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)


def translate(document: Mapping[str, object], *, overridden: Collection[str] = ()) -> Translation:
    """Give our options for those of an acme-dns file; nothing is said of keys that make only `overridden` ones."""
    reading = read(document)
    file = reading.file
    broken = {option for option, keys in _SOURCES.items() if not reading.wrong.isdisjoint(keys)}
    found = Translation(problems=reading.problems, warnings=reading.warnings, broken=broken)
    found.document = {
        "zone": _zone(file.general, found),
        "dns": _dns(file.general, found),
        "api": _api(file.api, found),
        "certificate": _own_certificate(file.api),
        "database": _database(file.database, found),
        "log": _log(file.logconfig, found),
    }
    for option in found.broken:
        section, _, key = option.partition(".")
        found.document[section].pop(key, None)
    silent = {key for option in overridden for key in _SOURCES.get(option, ())}
    silent -= {key for option, keys in _SOURCES.items() if option not in overridden for key in keys}
    found.problems = [problem for problem in found.problems if problem.option not in silent]
    found.warnings = [text for text in found.warnings if _key(text) not in silent]
    return found


def _key(warning: str) -> str:
    return warning[: next((place for place, sign in enumerate(warning) if sign in " [:"), None)]


def _zone(general: General, found: Translation) -> dict[str, object]:
    if not general.domain:
        if "zone.name" not in found.broken:
            found.problems.append(ConfigError("general.domain", NOT_SET, "name the zone to serve"))
        found.broken.add("zone.name")
        return {}
    nsname = general.nsname
    if not nsname:
        nsname = general.domain
        found.warnings.append(f"general.nsname is not set: {general.domain} is its own nameserver")
    if not general.nsadmin:
        found.warnings.append(f"general.nsadmin is not set: the SOA record names hostmaster.{general.domain}")
    zone: dict[str, object] = {"name": general.domain, "nameservers": [nsname], "admin": general.nsadmin}
    try:
        apex = name.from_text(values.zone_name(general.domain))
        server = name.from_text(values.host_name(nsname))
    except ValueError:
        # The settings' own check names this; without a zone nothing can be said of its records.
        return zone
    zone["addresses"] = _addresses(general.records, server)
    zone["records"] = _records(general.records, apex, server, found)
    return zone


def _addresses(lines: list[str], server: bytes) -> list[str]:
    """Give the public addresses: those that the nameserver's own records have, inside the zone or not."""
    addresses = []
    for line in lines:
        try:
            record = parse_record(line, origin=name.ROOT, default_ttl=_RECORD_TTL)
        except BadRecord:
            continue
        if record.owner == server and record.rrtype in (RRType.A, RRType.AAAA):
            address = ipaddress.ip_address(record.rdatas[0])
            if not (address.is_unspecified or address.is_multicast):
                addresses.append(str(address))
    return addresses


def _records(lines: list[str], apex: bytes, server: bytes, found: Translation) -> list[str]:
    static = records.read(lines, apex=apex, origin=name.ROOT, default_ttl=_RECORD_TTL, nameservers=[server])
    found.warnings += [
        f"general.records[{item.index}] = {shown('', item.line)!r} is not served: {item.reason}"
        for item in static.rejected
    ]
    if not records.nameservers_at(apex, static.rrsets):
        found.warnings.append(
            f"general.records has no NS record of {name.to_text(apex)}: NS {name.to_text(server)} is served"
        )
    return [_complete(lines[index], record, apex) for index, record in static.records.items()]


def _complete(line: str, record: RRset, apex: bytes) -> str:
    """Give a line that means the same in a file of ours: as it is, or in the generic form (RFC 3597 5)."""
    try:
        if parse_record(line, origin=apex, default_ttl=_RECORD_TTL) == record:
            return line
    except BadRecord:
        # Completed by the zone the name is too long, so it is not the same.
        pass
    rdata = record.rdatas[0]
    return f"{name.to_text(record.owner)} {record.ttl} TYPE{record.rrtype} \\# {len(rdata)} {rdata.hex()}".rstrip()


def _dns(general: General, found: Translation) -> dict[str, object]:
    host, colon, port = general.listen.rpartition(":")
    if not colon:
        host, port = general.listen, "53"
    listen = _listen(host, port)
    if general.debug:
        found.warnings.append('general.debug has no effect; logconfig.loglevel = "debug" tells more')
    if all(_is_loopback(text) for text in listen):
        found.warnings.append(
            f'general.listen = "{general.listen}" can\'t be reached from other hosts, so no CA can ask this server; '
            f"name the public address"
        )
    return {"listen": listen, "protocol": general.protocol}


def _listen(host: str, port: str) -> list[str]:
    """Give our places to listen for a host and port as Go reads them; none and "::" both mean every address."""
    bare = host.strip("[]")
    if bare in ("", "::"):
        return [f"0.0.0.0:{port}", f"[::]:{port}"]
    if bare == "localhost":
        bare = "127.0.0.1"
    return [f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"]


def _is_loopback(text: str) -> bool:
    try:
        return values.listen_address(text)[0].is_loopback
    except ValueError:
        return False


def _api(api: Api, found: Translation) -> dict[str, object]:
    ours: dict[str, object] = {
        "registration": "off" if api.disable_registration else "open",
        "tls": _tls(api, found),
        "cors_origins": _origins(api, found),
        "use_header": api.use_header,
        "header_name": api.header_name or "X-Forwarded-For",
        "hsts": api.hsts_enabled,
        "hsts_max_age": api.hsts_max_age,
        "hsts_include_subdomains": api.hsts_include_subdomains,
        "hsts_preload": api.hsts_preload,
    }
    if api.port == "":
        if "api.listen" not in found.broken:
            found.problems.append(ConfigError("api.port", NOT_SET, 'name the port of the API, such as "443"'))
        found.broken.add("api.listen")
    else:
        ours["listen"] = _listen(api.ip, api.port)
    if api.tls != "none":
        ours |= {key: Path(text) for key, text in _certificate(api).items() if text}
    if api.use_header:
        ours["trusted_proxies"] = list(PRIVATE_PROXIES)
        found.warnings.append(
            "api.use_header: the header is believed from loopback and private addresses only, and the last address "
            "that is not one of these counts"
        )
    if api.hsts_enabled and api.tls == "none" and not api.use_header:
        ours["hsts"] = False
        found.warnings.append('api.hsts_enabled is not used, as api.tls is "none" and no proxy is in front')
    found.warnings += _without_effect(api)
    return ours


def _tls(api: Api, found: Translation) -> str:
    if api.tls in ("none", "cert"):
        return api.tls
    if api.tls in _DIRECTORIES:
        return "acme"
    found.broken.add("api.tls")
    cure = "write one of " + ", ".join(f'"{word}"' for word in ("none", "cert", *_DIRECTORIES))
    found.problems.append(ConfigError("api.tls", shown("api.tls", api.tls), cure))
    return "none"


def _own_certificate(api: Api) -> dict[str, object]:
    if api.tls not in _DIRECTORIES:
        return {}
    # acme-dns's own files there are left alone: they have other names.
    return {
        "directory": _DIRECTORIES[api.tls],
        "state_dir": Path(api.acme_cache_dir or _DEFAULT_CACHE_DIR),
        "contact": api.notification_email,
    }


def _certificate(api: Api) -> dict[str, str]:
    return {"tls_certificate": api.tls_cert_fullchain, "tls_key": api.tls_cert_privkey}


def _origins(api: Api, found: Translation) -> list[str]:
    if not api.corsorigins and "api.cors_origins" not in found.broken:
        found.warnings.append('api.corsorigins is not set: no other origin is allowed; write ["*"] to allow all')
    allowed = []
    for index, text in enumerate(api.corsorigins):
        try:
            allowed.append(values.origin(text))
        except ValueError as error:
            found.warnings.append(f"api.corsorigins[{index}] = {shown('', text)!r} is ignored: {error}")
    return allowed


def _without_effect(api: Api) -> Iterator[str]:
    if api.tls not in _DIRECTORIES:
        if api.acme_cache_dir not in ("", _DEFAULT_CACHE_DIR):
            yield f'api.acme_cache_dir has no effect, as api.tls is "{api.tls}"'
        if api.notification_email:
            yield f'api.notification_email has no effect, as api.tls is "{api.tls}"'
    if api.autocert_port not in ("", "80"):
        yield "api.autocert_port has no effect: the CA looks for the API's certificate in the DNS"
    if api.api_domain:
        yield "api.api_domain has no effect: the API's certificate is for general.domain"


def _database(database: Database, found: Translation) -> dict[str, object]:
    if "database.url" in found.broken:
        return {}
    connection = acme_dns_connection.translate(database.engine, database.connection)
    found.problems += connection.problems
    found.warnings += connection.warnings
    if connection.url is None:
        found.broken.add("database.url")
    return {"url": connection.url}


def _log(log: LogConfig, found: Translation) -> dict[str, object]:
    ours: dict[str, object] = {"destination": log.logtype}
    if log.logtype not in ("stdout", "file"):
        ours["destination"] = "stdout"
        found.warnings.append(
            f'logconfig.logtype = {shown("", log.logtype)!r}: known are "stdout" and "file"; stdout is used'
        )
    if log.logtype == "file" and log.logfile:
        ours["file"] = Path(log.logfile)
    for key, written, words in (("level", log.loglevel, _LEVELS), ("format", log.logformat, _FORMATS)):
        if written.lower() in words:
            ours[key] = words[written.lower()]
        else:
            known = ", ".join(f'"{word}"' for word in words if word)
            found.problems.append(ConfigError(f"logconfig.log{key}", shown("", written), f"write one of {known}"))
    return ours
