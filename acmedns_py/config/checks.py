"""What options must say together: the rules over several of them, and over files, users and groups of this machine."""

import grp
import pwd
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from acmedns_py import tls
from acmedns_py.config.hostnames import proved_over_http
from acmedns_py.config.problems import NOT_SET
from acmedns_py.config.settings import Settings
from acmedns_py.config.values import listen_address
from acmedns_py.errors import ConfigError

CA_BUNDLE = "certificate.ca_bundle"

_PRELOAD_SECONDS = 31_536_000
"""What browsers' preload lists ask for at least."""


def problems(settings: Settings, broken: set[str]) -> Iterator[ConfigError]:
    """Give every problem that several options make together; rules that need one of `broken` are passed over."""
    for options, rule in _RULES:
        if broken.isdisjoint(options):
            yield from rule(settings)


def warnings(settings: Settings, *, translated: bool) -> Iterator[str]:
    """Give what is allowed and probably not meant; an acme-dns file (`translated`) names certificates in any case."""
    api = settings.api
    if not translated and api.tls != "cert" and (api.tls_certificate is not None or api.tls_key is not None):
        yield f'api.tls_certificate and api.tls_key are not used, as api.tls is "{api.tls}"'
    if settings.certificate.http_listen and api.tls != "acme":
        yield f'certificate.http_listen is not used, as api.tls is "{api.tls}"'
    elif settings.certificate.http_listen and not proved_over_http(settings):
        yield "certificate.http_listen is not used, as the API has no host name outside the zone"
    if api.trusted_proxies and not api.use_header:
        yield "api.trusted_proxies is not used, as api.use_header is false"
    if api.hsts and api.hsts_preload and (not api.hsts_include_subdomains or api.hsts_max_age < _PRELOAD_SECONDS):
        yield f"api.hsts_preload has no effect without api.hsts_include_subdomains and a max_age of {_PRELOAD_SECONDS}"
    if api.tls == "none" and any(not listen_address(text)[0].is_loopback for text in settings.admin.listen):
        yield 'admin.listen has addresses that others reach, and api.tls is "none": tokens travel there in the clear'
    if settings.database.password is not None and settings.database.url.startswith("sqlite:"):
        yield "database.password is not used, as database.url names an SQLite file"
    for address in settings.zone.addresses:
        if address.is_loopback or address.is_link_local:
            yield f"zone.addresses has {address}, which no other host reaches"


def _families(settings: Settings) -> Iterator[ConfigError]:
    dns = settings.dns
    version = {"4": 4, "6": 6}.get(dns.protocol[-1])
    if version is not None and all(
        text != "auto" and listen_address(text)[0].version != version for text in dns.listen
    ):
        yield ConfigError(
            "dns.listen", dns.listen, f'no address fits dns.protocol "{dns.protocol}"; change one of them'
        )


def _proxies(settings: Settings) -> Iterator[ConfigError]:
    api = settings.api
    if api.use_header and not api.trusted_proxies:
        cure = 'api.use_header needs the networks of your proxies, such as ["127.0.0.1", "::1"]'
        yield ConfigError("api.trusted_proxies", api.trusted_proxies, cure)


def _hsts(settings: Settings) -> Iterator[ConfigError]:
    api = settings.api
    if api.hsts and api.tls == "none" and not api.use_header:
        yield ConfigError(
            "api.hsts", True, 'HSTS needs HTTPS; set api.tls = "acme" or "cert", or leave it to the proxy in front'
        )


def _admin_listen(settings: Settings) -> Iterator[ConfigError]:
    cure = "the API is there already; name another port, or leave it out to have the routes on the API's own"
    yield from _shared("admin.listen", settings.admin.listen, settings.api.listen, cure=cure)


def _http_listen(settings: Settings) -> Iterator[ConfigError]:
    taken = (*settings.api.listen, *settings.admin.listen)
    cure = "the API is there already; name another port, to which port 80 of the host names leads"
    yield from _shared("certificate.http_listen", settings.certificate.http_listen, taken, cure=cure)


def _metrics_listen(settings: Settings) -> Iterator[ConfigError]:
    taken = (*settings.api.listen, *settings.admin.listen, *settings.certificate.http_listen)
    cure = "something else of this server is there already; name another port"
    yield from _shared("metrics.listen", settings.metrics.listen, taken, cure=cure)


def _shared(option: str, listen: Iterable[str], taken: Iterable[str], *, cure: str) -> Iterator[ConfigError]:
    addresses = {listen_address(text) for text in taken}
    if shared := [text for text in listen if listen_address(text) in addresses]:
        yield ConfigError(option, shared, cure)


def _certificate(settings: Settings) -> Iterator[ConfigError]:
    api = settings.api
    if api.tls != "cert":
        return
    files = {tls.CERTIFICATE: api.tls_certificate, tls.KEY: api.tls_key}
    found = [problem for option, path in files.items() if (problem := _missing(option, path)) is not None]
    yield from found
    if found or api.tls_certificate is None or api.tls_key is None:
        return
    try:
        tls.server_context(api.tls_certificate, api.tls_key)
    except ConfigError as error:
        yield error


def _authority(settings: Settings) -> Iterator[ConfigError]:
    if settings.api.tls != "acme":
        return
    options = settings.certificate
    if options.ca_bundle is not None and (problem := tls.unusable_bundle(CA_BUNDLE, options.ca_bundle)) is not None:
        yield problem
    for option, given, other in (
        ("certificate.eab_hmac_key", options.eab_hmac_key is not None, options.eab_key_id != ""),
        ("certificate.eab_key_id", options.eab_key_id != "", options.eab_hmac_key is not None),
    ):
        if other and not given:
            yield ConfigError(option, NOT_SET, "an external account has a key id and a key; set both, or none")


def _missing(option: str, path: Path | None) -> ConfigError | None:
    if path is None:
        return ConfigError(option, NOT_SET, 'api.tls = "cert" needs this file; name it')
    return tls.unreadable(option, path)


def _backup_directory(settings: Settings) -> Iterator[ConfigError]:
    if settings.backup.every_seconds and settings.backup.directory is None:
        yield ConfigError("backup.directory", NOT_SET, "backup.every needs it; name the directory")


def _log_file(settings: Settings) -> Iterator[ConfigError]:
    log = settings.log
    if log.destination != "file":
        return
    if log.file is None:
        yield ConfigError("log.file", NOT_SET, 'log.destination = "file" needs it; name the file')
    elif (cure := _no_place(log.file)) is not None:
        yield ConfigError("log.file", str(log.file), cure)


def _no_place(path: Path) -> str | None:
    """Give the cure where `path` can be no file that is written to; whether it may be is seen when it is opened."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return "this is a directory; name a file in it"
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            return f"there is no directory {path.parent}; make it"
    except OSError as error:
        return f"it can't be looked at ({error.strerror}); name another, or let this user into its directory"
    return None


def _owner(settings: Settings) -> Iterator[ConfigError]:
    process = settings.process
    if process.group is not None and process.user is None:
        # Root in another group stays root, with root's own further groups.
        cure = "process.group needs process.user; name the user to become, or leave the group out"
        yield ConfigError("process.group", process.group, cure)
        return
    if process.user is not None and not _known(pwd.getpwnam, process.user):
        yield ConfigError("process.user", process.user, "no such user on this machine; create it or name another")
    if process.group is not None and not _known(grp.getgrnam, process.group):
        yield ConfigError("process.group", process.group, "no such group on this machine; create it or name another")


def _known(lookup: Callable[[str], object], name: str) -> bool:
    try:
        lookup(name)
    except (KeyError, ValueError):
        return False
    return True


_RULES: list[tuple[tuple[str, ...], Callable[[Settings], Iterator[ConfigError]]]] = [
    (("dns.listen", "dns.protocol"), _families),
    (("api.use_header", "api.trusted_proxies"), _proxies),
    (("api.hsts", "api.tls", "api.use_header"), _hsts),
    (("admin.listen", "api.listen"), _admin_listen),
    (("certificate.http_listen", "admin.listen", "api.listen"), _http_listen),
    (("metrics.listen", "certificate.http_listen", "admin.listen", "api.listen"), _metrics_listen),
    (("api.tls", "api.tls_certificate", "api.tls_key"), _certificate),
    (("api.tls", CA_BUNDLE, "certificate.eab_key_id", "certificate.eab_hmac_key"), _authority),
    (("backup.every", "backup.directory"), _backup_directory),
    (("log.destination", "log.file"), _log_file),
    (("process.user", "process.group"), _owner),
]
