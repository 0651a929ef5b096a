"""What clients meet: the API by its name, its certificate, the clock; who may register, and accounts without use."""

import asyncio
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from acmedns_py.check.asking import NO_WAY
from acmedns_py.check.deadline import TIME_OVER, Deadline
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, listed, told
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name

NAME: Final = "api"
TITLE: Final = "The API, as clients meet it"

VISIT_SECONDS: Final = 8.0

MOST_SKEW_SECONDS: Final = 60
"""ACME clients and TLS bear more, and a clock that is wrong at all is one that nobody sets."""

WARN_SLACK: Final = 0.25
FAIL_SLACK: Final = 0.75
"""Of the time between when a certificate should have been renewed and its end."""

_DAY: Final = 86_400

_CUT_OFF: Final = "Clients that meet this can't update, and their certificates are not renewed."

KINDS: Final = catalogue(
    (
        Kind(
            "api-unknown",
            Verdict.NOTE,
            "it is not known by which URL clients reach the API",
            "Whether they do was not looked at.",
            "Name it in check.api_url; behind a proxy nothing else tells it.",
        ),
        Kind(
            "api-no-address",
            Verdict.FAIL,
            "the name of the API has no address",
            _CUT_OFF,
            "Give it A or AAAA records; inside the zone by zone.records.",
        ),
        Kind(
            "api-unreachable",
            Verdict.FAIL,
            "the API does not answer at an address of its name",
            _CUT_OFF,
            "Let the API or its proxy listen there (api.listen), and its port through every firewall; or take the "
            "address away from the name.",
        ),
        Kind(
            "api-ipv6-untested",
            Verdict.NOT_TESTED,
            "this host has no IPv6, so the IPv6 addresses of the API were not visited",
            "Clients with IPv6 use them first, and what they meet there is not known.",
            "Run the check from a host with IPv6.",
        ),
        Kind(
            "api-not-tested",
            Verdict.NOT_TESTED,
            "an address of the API was not visited",
            "What clients meet there is not known.",
            "Where no way leads there, check from another machine; where the time ran out, give it more: --timeout.",
        ),
        Kind(
            "api-certificate",
            Verdict.FAIL,
            "the certificate of the API is not valid for its name, or not trusted",
            _CUT_OFF,
            'With api.tls = "acme" see acmedns certificate show; else renew the certificate of the proxy.',
        ),
        Kind(
            "api-certificate-late",
            Verdict.WARN,
            "the certificate of the API should have been renewed by now",
            "When it ends clients can't update any more, and their certificates end after it.",
            'With api.tls = "acme" see acmedns certificate show; else see why it is not renewed.',
        ),
        Kind(
            "api-certificate-ending",
            Verdict.FAIL,
            "the certificate of the API ends soon, and was not renewed in time",
            "When it ends clients can't update any more, and their certificates end after it.",
            'With api.tls = "acme" see acmedns certificate show; else renew it by hand now.',
        ),
        Kind(
            "api-not-ours",
            Verdict.FAIL,
            "what answers at the URL of the API is not the API",
            _CUT_OFF,
            "Look where the proxy sends requests for this name and path.",
        ),
        Kind(
            "clock-off",
            Verdict.WARN,
            "the clock of the API's host and the clock here differ",
            "Certificates and values that are judged by a wrong clock end too soon or too late.",
            "Set both clocks by NTP: timedatectl set-ntp true.",
        ),
        Kind(
            "registration-open",
            Verdict.NOTE,
            "whoever reaches the API may register",
            "Strangers can make accounts; each is good for its own name alone.",
            'Set api.registration to "token" and give your hosts a token, or to "off".',
        ),
        Kind(
            "accounts-unused",
            Verdict.NOTE,
            "accounts have never been updated",
            "Either their clients do not work, or nobody needs them.",
            "Look at them with acmedns account list --never-updated; acmedns check --host NAME tells of one host.",
        ),
        Kind(
            "accounts-disabled",
            Verdict.NOTE,
            "accounts are disabled",
            "Their clients are refused, and certificates that need them are not renewed.",
            "Look at them with acmedns account list --disabled; enable or delete them.",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to one address of the API's name.

    `problem` is why there was no answer, `untested` why it was not looked for, and `untrusted` what is wrong with the
    certificate, each empty for nothing;
    `life` is from when to when the certificate is valid, `date` the clock of the other side, `now` ours, all in Unix
    seconds.
    """

    address: str
    now: float
    problem: str = ""
    untested: str = ""
    untrusted: str = ""
    life: tuple[float, float] | None = None
    status: int = 0
    date: float | None = None


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """`url` is the base URL, empty where it is not known; `stats` are the counts of accounts, None where not known.

    `unvisited` are the addresses of IPv6 that this host has no way to; `unknown`: there may be addresses that could not
    be looked up.
    """

    url: str
    visits: tuple[Visit, ...]
    stats: Mapping[str, Any] | None
    registration_open: bool
    unvisited: tuple[str, ...] = ()
    unknown: bool = False


async def collect(walk: Walk, url: str, *, stats: Mapping[str, Any] | None, registration_open: bool) -> ApiFacts:
    """Visit each address of the API's name, as DNS has them and no hosts file."""
    visits: Sequence[Visit] = ()
    unvisited: Sequence[str] = ()
    unknown = False
    if url:
        looked_up = await walk.addresses(name.from_text(urlsplit(url).hostname or "."))
        addresses, unknown = looked_up.found, looked_up.untested
        unvisited = [address for address in addresses if ":" in address]
        if not unvisited or await walk.has_ipv6():
            unvisited = ()
        visits = await asyncio.gather(
            *(_visit(url, address, walk.asker.deadline) for address in addresses if address not in unvisited)
        )
    return ApiFacts(url, tuple(visits), stats, registration_open, tuple(unvisited), unknown)


async def _visit(url: str, address: str, deadline: Deadline) -> Visit:
    parts = urlsplit(url)
    seconds = min(VISIT_SECONDS, deadline.left_seconds)
    try:
        async with asyncio.timeout(seconds):
            life = None
            if parts.scheme == "https":
                life = await _certificate(address, parts.port or 443, parts.hostname or "")
            return await _request(f"{url.rstrip('/')}/health", address, life)
    except ssl.SSLCertVerificationError as error:
        return Visit(address, time.time(), untrusted=told(error.verify_message))
    except TimeoutError:
        if seconds < VISIT_SECONDS:
            return Visit(address, time.time(), untested=TIME_OVER)
        return Visit(address, time.time(), problem=f"no answer within {VISIT_SECONDS:g} s")
    except (OSError, aiohttp.ClientError, ValueError) as error:
        reason = told(getattr(error, "strerror", None) or str(error))
        if getattr(error, "errno", None) in NO_WAY:
            return Visit(address, time.time(), untested=reason)
        return Visit(address, time.time(), problem=reason)


async def _certificate(address: str, port: int, host: str) -> tuple[float, float]:
    """Give from when to when the certificate is valid; raises what TLS raises where it is not trusted."""
    context = ssl.create_default_context()
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    return ssl.cert_time_to_seconds(certificate["notBefore"]), ssl.cert_time_to_seconds(certificate["notAfter"])


async def _request(url: str, address: str, life: tuple[float, float] | None) -> Visit:
    connector = aiohttp.TCPConnector(resolver=_Fixed(address))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, allow_redirects=False, headers={"Connection": "close"}) as response,
    ):
        now = time.time()
        try:
            date = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            # What is no date comes to any of these.
            date = None
        return Visit(address, now, life=life, status=response.status, date=date)


class _Fixed(AbstractResolver):
    """Leads to one address, whatever the name."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return


def judge(facts: ApiFacts) -> Iterator[Finding]:
    """Give what clients would stumble over, and what the operator may want to know."""
    if not facts.url:
        yield Finding(KINDS["api-unknown"], "the API", "neither check.api_url nor an API with HTTPS of its own")
    elif facts.unknown:
        yield Finding(
            KINDS["api-not-tested"], urlsplit(facts.url).hostname or "", "its addresses could not be looked up"
        )
    elif not facts.visits and not facts.unvisited:
        host = urlsplit(facts.url).hostname or ""
        yield Finding(KINDS["api-no-address"], host, "neither A nor AAAA records", repeat=f"dig {host} A")
    for visit in facts.visits:
        yield from _visited(visit, facts.url)
    if facts.unvisited:
        yield Finding(KINDS["api-ipv6-untested"], urlsplit(facts.url).hostname or "", listed(facts.unvisited))
    if facts.registration_open:
        yield Finding(KINDS["registration-open"], "the API", 'api.registration = "open"')
    if facts.stats is not None:
        yield from _accounts(facts.stats)


def _visited(visit: Visit, url: str) -> Iterator[Finding]:
    host = urlsplit(url).hostname or ""
    where = f"{host} at {visit.address}"
    port = urlsplit(url).port or (443 if url.startswith("https:") else 80)
    there = f"[{visit.address}]" if ":" in visit.address else visit.address
    repeat = f"curl -v --resolve {host}:{port}:{there} {url.rstrip('/')}/health"
    if visit.untested:
        yield Finding(KINDS["api-not-tested"], where, visit.untested, repeat=repeat)
    elif visit.untrusted:
        yield Finding(KINDS["api-certificate"], where, visit.untrusted, repeat=repeat)
    elif visit.problem:
        yield Finding(KINDS["api-unreachable"], where, visit.problem, repeat=repeat)
    elif visit.status != 200:
        yield Finding(KINDS["api-not-ours"], where, f"/health answered {visit.status}", repeat=repeat)
    if visit.life is not None:
        slack = slack_used(visit.life, visit.now)
        left = f"{(visit.life[1] - visit.now) / _DAY:.1f} days left of {(visit.life[1] - visit.life[0]) / _DAY:.0f}"
        if slack > FAIL_SLACK:
            yield Finding(KINDS["api-certificate-ending"], where, left, repeat=repeat)
        elif slack > WARN_SLACK:
            yield Finding(KINDS["api-certificate-late"], where, left, repeat=repeat)
    if visit.date is not None and abs(visit.date - visit.now) > MOST_SKEW_SECONDS:
        seen = f"{abs(visit.date - visit.now):.0f} s {'ahead' if visit.date > visit.now else 'behind'}"
        yield Finding(KINDS["clock-off"], where, seen, repeat=repeat)


def slack_used(life: tuple[float, float], now: float) -> float:
    """Give how much of the time for a renewal is gone: below 0 before it is due, from 1 on where the end is past.

    Due is a third of the life before the end, at most 30 days; half of it where the life is shorter than 10 days.
    """
    begin, end = life
    length = end - begin
    due = end - (length / 2 if length < 10 * _DAY else min(length / 3, 30 * _DAY))
    return (now - due) / (end - due) if end > due else 1.0


def _accounts(stats: Mapping[str, Any]) -> Iterator[Finding]:
    for key, kind, option in (
        ("never_updated", "accounts-unused", "--never-updated"),
        ("disabled", "accounts-disabled", "--disabled"),
    ):
        if stats[key]:
            repeat = f"acmedns account list {option}"
            yield Finding(KINDS[kind], "accounts", f"{stats[key]} of {stats['accounts']}", repeat=repeat)


def summary(facts: ApiFacts) -> str:
    """Tell in few words what was looked at."""
    return f"{facts.url} at {listed(visit.address for visit in facts.visits)}" if facts.url else ""
