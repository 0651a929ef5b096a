"""The wiring of `acmedns check`: what is checked, from the configuration, and the way to it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from acmedns_py.check.accounts import Labelled, labelled_hosts
from acmedns_py.check.asking import AT_ONCE, Asker, Limits, usual_questions
from acmedns_py.check.caa import Wanted
from acmedns_py.check.caa_place import Place as CaaPlace
from acmedns_py.check.caa_place import places
from acmedns_py.check.client import check_client
from acmedns_py.check.client_file import read as read_client_file
from acmedns_py.check.deadline import Deadline, usual_seconds
from acmedns_py.check.finding import told
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

_LABELS_PART: Final = 0.5
"""Of the time of a check, at most: a server that does not answer must not keep it from looking at DNS."""


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
    `labelled`: also the hosts that the labels of accounts name; where these can't be read, the report says so. After
    `seconds`, by default as many as are usual for so many hosts, what is left is not tested; `at_once` questions are on
    their way together at the most. Raises `Unusable` for root hints that can't be read.
    """
    with ExitStack() as ends:
        ours, routes, why = None, None, "no configuration of its server is at hand"
        api_hosts: frozenset[str] | None = None
        try:
            if elsewhere is not None:
                ours = Ours((), (elsewhere.api_url,), registration_open=False)
                why = "no token was given by which its server could be asked"
                if elsewhere.token:
                    routes = ends.enter_context(open_remote(elsewhere.api_url, elsewhere.token))
            elif loaded is not None and _is_ours(apex, loaded):
                api_hosts = frozenset(host_names(loaded.settings) if loaded.settings.api.tls == "acme" else ())
                ours = _ours(loaded.settings)
                routes = ends.enter_context(open_server(loaded.settings))
        except NotDone as error:
            why = str(error)
        given = tuple(dict.fromkeys(hosts))
        deadline = _deadline(len(given), seconds)
        named = await _labelled(routes, why, deadline) if labelled else Labelled()
        if named.unread:
            # Its connection may be waiting still.
            routes, why = None, named.unread
        wanted = tuple(dict.fromkeys((*given, *named.hosts)))
        if seconds is None:
            deadline.extend(usual_seconds(len(wanted)) - usual_seconds(len(given)))
        walk = _walk(options.root_hints, len(wanted), deadline, at_once)
        targets = replace(_targets(options, wanted, routes, why), labelled=named, api_hosts=api_hosts)
        report = await check(subject_of(apex, loaded), walk, targets, ours, begun=begun)
        report.ignore(options.ignore)
        return report


async def check_storage(
    file: Path, *, form: str, url: str, domain: str, hints: Path | None, seconds: float | None = None
) -> Report:
    """Check the credentials in a client's file; raises `Unusable` where it can't be used.

    `form` is the file's, empty to see it by itself; `url` is the API's, and `domain` what the credential is for, where
    the file does not say. After `seconds`, by default as many as usual, what is left is not tested.
    """
    found = read_client_file(file, form)
    credentials = [replace(one, url=url or one.url, domain=one.domain or domain) for one in found]
    if any(not one.url for one in credentials):
        raise Unusable(f"{file} does not say where the API is; name it with --api-url https://auth.example.org")
    walk = _walk(hints, len(credentials), _deadline(len(credentials), seconds))
    return await check_client(walk, credentials, one_line(str(file)))


async def caa_places(hosts: Iterable[bytes], settings: Settings) -> dict[bytes, CaaPlace]:
    """See in DNS where the CAA records of hosts can stand; raises `Unusable` for root hints that can't be read."""
    hosts = tuple(hosts)
    return await places(_walk(settings.check.root_hints, len(hosts), _deadline(len(hosts))), hosts)


def _deadline(hosts: int, seconds: float | None = None) -> Deadline:
    return Deadline(usual_seconds(hosts) if seconds is None else seconds)


def _walk(hints: Path | None, hosts: int, deadline: Deadline, at_once: int = AT_ONCE) -> Walk:
    roots: Mapping[str, tuple[str, ...]] = ROOT_HINTS if hints is None else read_hints(hints)
    return Walk(Asker(Limits(at_once=at_once, in_all=usual_questions(hosts)), deadline=deadline), roots)


async def _labelled(routes: Door | None, why: str, deadline: Deadline) -> Labelled:
    """Read which hosts labels name, or why that is not known: without them a report must not look whole."""
    if routes is None:
        return Labelled(unread=f"the labels of accounts could not be read: {why}")
    try:
        return await Deadline(deadline.left_seconds * _LABELS_PART).blocking(lambda: labelled_hosts(routes))
    except (AcmednsError, TimeoutError) as error:
        return Labelled(unread=told(f"the labels of accounts could not be read: {error}"))


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
    public, local = (frozenset(map(str, some)) for some in (loaded.settings.zone.addresses, global_addresses()))
    return Subject(apex, nameservers(apex, loaded.static), public, local)
