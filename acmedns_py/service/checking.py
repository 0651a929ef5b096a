"""The wiring of `acmedns check`: what is checked, from the configuration, and the way to it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from acmedns_py.check.accounts import labelled_hosts
from acmedns_py.check.asking import AT_ONCE, Asker, Limits, usual_questions
from acmedns_py.check.caa import Wanted
from acmedns_py.check.caa_place import Place as CaaPlace
from acmedns_py.check.caa_place import places
from acmedns_py.check.client import check_client
from acmedns_py.check.client_file import read as read_client_file
from acmedns_py.check.deadline import Deadline, usual_seconds
from acmedns_py.check.paths import Host
from acmedns_py.check.per_host import Targets
from acmedns_py.check.report import Report
from acmedns_py.check.resolvers import system_resolvers
from acmedns_py.check.root_hints import ROOT_HINTS, read_hints
from acmedns_py.check.run import Ours, check
from acmedns_py.check.serving import Place
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk
from acmedns_py.config.delegation import nameservers
from acmedns_py.config.hostnames import host_names
from acmedns_py.config.load import Loaded
from acmedns_py.config.problems import one_line
from acmedns_py.config.settings import Check, Settings
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, Unusable
from acmedns_py.service.door import Door, NotDone, open_remote, open_server
from acmedns_py.service.probe import reachable
from acmedns_py.service.sockets import api_addresses, dns_addresses, global_addresses, holder_of

_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The zone's server, on another host: the URL of its API, and a token of the scope `write`, empty for none."""

    api_url: str
    token: str = field(default="", repr=False)


async def check_zone(
    apex: bytes,
    loaded: Loaded | None,
    options: Check,
    *,
    begun: Callable[[str], None],
    hosts: Iterable[Host] = (),
    labelled: bool = False,
    elsewhere: Elsewhere | None = None,
    seconds: float | None = None,
    at_once: int = AT_ONCE,
) -> Report:
    """Check a zone and hosts, against its configuration where that is `loaded`; `begun` is told each part.

    `options` are those of the configuration, or others in their place; `elsewhere` goes before the server on this host.
    `labelled`: also the hosts that the labels of accounts name, where the server can be asked. After `seconds`, by
    default as many as are usual for so many hosts, what is left is not tested; `at_once` questions are on their way
    together at the most. Raises `Unusable` for root hints that can't be read.
    """
    with ExitStack() as ends:
        ours, routes, why = None, None, "no configuration of its server is at hand"
        try:
            if elsewhere is not None:
                ours = Ours((), (elsewhere.api_url,), registration_open=False)
                why = "no token was given by which its server could be asked"
                if elsewhere.token:
                    routes = ends.enter_context(open_remote(elsewhere.api_url, elsewhere.token))
            elif loaded is not None and _is_ours(apex, loaded):
                ours = _ours(loaded.settings)
                routes = ends.enter_context(open_server(loaded.settings))
        except NotDone as error:
            why = str(error)
        if labelled:
            hosts = [*hosts, *await _labelled(routes)]
        hosts = tuple(dict.fromkeys(hosts))
        walk = _walk(options.root_hints, len(hosts), seconds, at_once)
        return await check(subject_of(apex, loaded), walk, _targets(options, hosts, routes, why), ours, begun=begun)


async def check_storage(file: Path, *, form: str, url: str, domain: str, hints: Path | None) -> Report:
    """Check the credentials in a client's file; raises `Unusable` where it can't be used.

    `form` is the file's, empty to see it by itself; `url` is the API's, and `domain` what the credential is for, where
    the file does not say.
    """
    found = read_client_file(file, form)
    credentials = [replace(one, url=url or one.url, domain=one.domain or domain) for one in found]
    if any(not one.url for one in credentials):
        raise Unusable(f"{file} does not say where the API is; name it with --api-url https://auth.example.org")
    return await check_client(_walk(hints, len(credentials)), credentials, one_line(str(file)))


async def caa_places(hosts: Iterable[bytes], settings: Settings) -> dict[bytes, CaaPlace]:
    """See in DNS where the CAA records of hosts can stand; raises `Unusable` for root hints that can't be read."""
    hosts = tuple(hosts)
    return await places(_walk(settings.check.root_hints, len(hosts)), hosts)


def _walk(hints: Path | None, hosts: int, seconds: float | None = None, at_once: int = AT_ONCE) -> Walk:
    roots: Mapping[str, tuple[str, ...]] = ROOT_HINTS if hints is None else read_hints(hints)
    deadline = Deadline(usual_seconds(hosts) if seconds is None else seconds)
    return Walk(Asker(Limits(at_once=at_once, in_all=usual_questions(hosts)), deadline=deadline), roots)


async def _labelled(routes: Door | None) -> list[Host]:
    if routes is None:
        return []
    try:
        return await asyncio.to_thread(labelled_hosts, routes)
    except AcmednsError:
        # Why the server can't be asked is told by those who need it more.
        return []


def _targets(options: Check, hosts: tuple[Host, ...], routes: Door | None, why: str) -> Targets:
    resolvers = dict.fromkeys((*system_resolvers(), *map(str, options.resolvers)))
    wanted = Wanted(frozenset(options.ca), frozenset(options.accounts))
    return Targets(hosts, tuple(resolvers), wanted, routes, why)


def _ours(settings: Settings) -> Ours:
    """Give where this host's own server should be; raises `ConfigError` where no address is left for it."""
    protocol = settings.dns.protocol
    places = [
        Place(reachable(address)[0], address.port, tcp, partial(holder_of, address, udp=not tcp))
        for address in dns_addresses(settings.dns.listen, port=settings.dns.port, protocol=protocol)
        for tcp in (False, True)
        if not protocol.startswith("udp" if tcp else "tcp")
    ]
    return Ours(tuple(places), _api_urls(settings), settings.api.registration == "open")


def _api_urls(settings: Settings) -> tuple[str, ...]:
    if settings.check.api_url:
        return (settings.check.api_url,)
    # Another port is one that something in front leads to, a container's for example, and which one clients know of is
    # not said here.
    known = settings.api.tls != "none" and any(address.port == _HTTPS for address in api_addresses(settings.api.listen))
    return tuple(f"https://{host}" for host in host_names(settings)) if known else ()


def _is_ours(apex: bytes, loaded: Loaded) -> bool:
    return name.from_text(loaded.settings.zone.name) == apex


def subject_of(apex: bytes, loaded: Loaded | None) -> Subject:
    """Give the zone with what the configuration says of its name servers; nothing of the zone of another."""
    if loaded is None or not _is_ours(apex, loaded):
        return Subject(apex)
    return Subject(apex, nameservers(apex, loaded.static), frozenset(map(str, global_addresses())))
