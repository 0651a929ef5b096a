"""What clients meet: the API by its name, its certificate, the clock; who may register, and accounts without use."""

import asyncio
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from acmedns_py.check.api_answer import Who, ask
from acmedns_py.check.asking import NO_WAY
from acmedns_py.check.deadline import TIME_OVER, Deadline
from acmedns_py.check.facts import Question
from acmedns_py.check.finding import Finding, listed, told
from acmedns_py.check.own_kinds import KINDS
from acmedns_py.check.referral import ADDRESS_TYPES, addresses_of
from acmedns_py.check.routes import Routes, read
from acmedns_py.check.walk import Lookup, Walk
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError
from acmedns_py.lifetime import ENDING_SLACK, LATE_SLACK, Life, slack_used

NAME: Final = "api"
TITLE: Final = "The API, as clients meet it"

VISIT_SECONDS: Final = 8.0

MOST_SKEW_SECONDS: Final = 60
"""ACME clients and TLS bear more, and a clock that is wrong at all is one that nobody sets."""

_WRONG: Final = {
    Who.BUSY: "api-busy",
    Who.UNAVAILABLE: "api-unavailable",
    Who.CLOSED: "api-closed-to-us",
    Who.OTHER: "api-not-ours",
}

_STATS: Final = "/admin/v1/stats"

_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to one address of the API's name.

    `problem` is why there was no answer, `untested` why it was not looked for, and `untrusted` what is wrong with the
    certificate, each empty for nothing; `life` is the certificate's, `date` the clock of the other side, `now` ours,
    all in Unix seconds. `who` answered, as far as `seen` shows it. `inside`: the address is a router's, which may
    answer itself, or lead nobody back there.
    """

    address: str
    now: float
    problem: str = ""
    untested: str = ""
    untrusted: str = ""
    life: Life | None = None
    who: Who = Who.OURS
    seen: str = ""
    date: float | None = None
    inside: bool = False

    @property
    def elsewhere(self) -> str:
        """What was met of a router where the API should be; empty where it is the API, or no router is there."""
        if not self.inside:
            return ""
        # Nobody else has a certificate for the name.
        foreign = self.life is None and self.who is not Who.OURS
        return self.untrusted or self.problem or (self.seen if foreign else "")


@dataclass(frozen=True, slots=True)
class Site:
    """The API by one of its URLs: what was met at each address of its name.

    `unvisited` are the addresses of IPv6 that this host has no way to; `broken` is why not all addresses are known,
    else empty, and `untested` that no server is to blame for it. `internal` is the resolver that alone knows the name,
    which the Internet's servers don't; else empty.
    """

    url: str
    visits: tuple[Visit, ...] = ()
    unvisited: tuple[str, ...] = ()
    broken: str = ""
    untested: bool = False
    internal: str = ""

    @property
    def host(self) -> str:
        """The name of the API in it."""
        return urlsplit(self.url).hostname or ""


class Stats(msgspec.Struct, frozen=True):
    """The counts of accounts that are told on."""

    accounts: int
    never_updated: int
    disabled: int


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """`sites` has each URL, none where none is known; `stats` is None where not known, and `untold` why not."""

    sites: tuple[Site, ...]
    stats: Stats | None
    registration_open: bool
    untold: str = ""


async def collect(
    walk: Walk, urls: Iterable[str], resolvers: Sequence[str], *, routes: Routes | None, registration_open: bool
) -> ApiFacts:
    """Visit each address of the API's names, as DNS has them and no hosts file; ask the routes, if any, for counts.

    The `resolvers` are asked for names that the Internet's servers don't have.
    """
    sites = await asyncio.gather(*(_site(walk, url, resolvers) for url in urls))
    stats, untold = None, ""
    if routes is not None:
        try:
            stats = read(await walk.asker.deadline.blocking(lambda: routes.ask("GET", _STATS)), Stats)
        except (AcmednsError, TimeoutError) as error:
            untold = told(str(error))
    return ApiFacts(tuple(sites), stats, registration_open, untold)


async def _site(walk: Walk, url: str, resolvers: Sequence[str]) -> Site:
    host = name.from_text(urlsplit(url).hostname or ".")
    # One after the other, so that the way to the name is gone once.
    lookups = [await walk.lookup(host, rrtype) for rrtype in ADDRESS_TYPES]
    addresses = [address for found in lookups for address in addresses_of(found.rrset)]
    broken = next((found for found in lookups if found.broken), Lookup(None))
    internal = ""
    if not addresses and not broken.broken:
        internal, addresses = await _inside(walk, host, resolvers)
    unvisited = [address for address in addresses if ":" in address]
    if not unvisited or await walk.reaches(6):
        unvisited = []
    deadline = walk.asker.deadline
    visits = await asyncio.gather(
        *(_visit(url, address, deadline) for address in addresses if address not in unvisited)
    )
    visits = [replace(visit, inside=visit.address in walk.detours) for visit in visits]
    return Site(url, tuple(visits), tuple(unvisited), told(broken.broken), broken.untested, internal)


async def _inside(walk: Walk, host: bytes, resolvers: Iterable[str]) -> tuple[str, list[str]]:
    """Give the first resolver that knows addresses of the name, with these."""
    for resolver in resolvers:
        answers = [await walk.ask(Question(host, one, recursion_desired=True), resolver) for one in ADDRESS_TYPES]
        sets = [rrset for answer in answers for rrset in answer.answer if rrset.rrtype in ADDRESS_TYPES]
        if sets:
            return resolver, [address for rrset in sets for address in addresses_of(rrset)]
    return "", []


async def _visit(url: str, address: str, deadline: Deadline) -> Visit:
    parts = urlsplit(url)
    seconds = min(VISIT_SECONDS, deadline.left_seconds)
    try:
        async with asyncio.timeout(seconds):
            life = None
            if parts.scheme == "https":
                life = await _certificate(address, parts.port or 443, parts.hostname or "")
            said = await ask(url, address)
            return Visit(address, time.time(), life=life, who=said.who, seen=said.seen, date=said.date)
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


async def _certificate(address: str, port: int, host: str) -> Life:
    """Give from when to when the certificate is valid; raises what TLS raises where it is not trusted."""
    context = ssl.create_default_context()
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    begin, end = (ssl.cert_time_to_seconds(certificate[key]) for key in ("notBefore", "notAfter"))
    return Life(begin, end)


def judge(facts: ApiFacts) -> Iterator[Finding]:
    """Give what clients would stumble over, and what the operator may want to know."""
    if not facts.sites:
        yield Finding(KINDS["api-unknown"], "the API", "neither check.api_url nor an API with HTTPS of its own")
    for site in facts.sites:
        yield from _of_site(site)
    if facts.registration_open:
        yield Finding(KINDS["registration-open"], "the API", 'api.registration = "open"')
    if facts.untold:
        yield Finding(KINDS["accounts-untold"], "accounts", facts.untold, repeat="acmedns stats")
    if facts.stats is not None:
        yield from _accounts(facts.stats)


def _of_site(site: Site) -> Iterator[Finding]:
    repeat = f"dig {site.host} A"
    if site.broken:
        kind = KINDS["api-not-tested" if site.untested else "api-unresolved"]
        yield Finding(kind, site.host, site.broken, repeat=repeat)
    elif not site.visits and not site.unvisited:
        yield Finding(KINDS["api-no-address"], site.host, "neither A nor AAAA records", repeat=repeat)
    if site.internal:
        yield Finding(KINDS["api-internal"], site.host, f"known to {site.internal}", repeat=repeat)
    for visit in site.visits:
        yield from _visited(visit, site)
    if site.unvisited:
        yield Finding(KINDS["api-ipv6-untested"], site.host, listed(site.unvisited))


def _visited(visit: Visit, site: Site) -> Iterator[Finding]:
    where = f"{site.host} at {visit.address}"
    port = urlsplit(site.url).port or (443 if site.url.startswith("https:") else 80)
    there = f"[{visit.address}]" if ":" in visit.address else visit.address
    path, how = ("/update", "-X POST ") if visit.who in _WRONG else ("/health", "")
    repeat = f"curl -v {how}--resolve {site.host}:{port}:{there} {site.url.rstrip('/')}{path}"
    if visit.untested:
        yield Finding(KINDS["api-not-tested"], where, visit.untested, repeat=repeat)
    elif visit.elsewhere:
        yield Finding(KINDS["api-inside"], where, visit.elsewhere, repeat=repeat)
        return
    elif visit.untrusted:
        yield Finding(KINDS["api-certificate"], where, visit.untrusted, repeat=repeat)
    elif visit.problem:
        yield Finding(KINDS["api-unreachable"], where, visit.problem, repeat=repeat)
    elif visit.who in _WRONG:
        yield Finding(KINDS[_WRONG[visit.who]], where, visit.seen, repeat=repeat)
    if visit.life is not None:
        slack = slack_used(visit.life.due, visit.life.not_after, visit.now)
        left = f"{(visit.life.not_after - visit.now) / _DAY:.1f} days left of {visit.life.length / _DAY:.0f}"
        if slack > ENDING_SLACK:
            yield Finding(KINDS["api-certificate-ending"], where, left, repeat=repeat)
        elif slack > LATE_SLACK:
            yield Finding(KINDS["api-certificate-late"], where, left, repeat=repeat)
    if visit.date is not None and abs(visit.date - visit.now) > MOST_SKEW_SECONDS:
        seen = f"{abs(visit.date - visit.now):.0f} s {'ahead' if visit.date > visit.now else 'behind'}"
        yield Finding(KINDS["clock-off"], where, seen, repeat=repeat)


def _accounts(stats: Stats) -> Iterator[Finding]:
    for count, kind, option in (
        (stats.never_updated, "accounts-unused", "--never-updated"),
        (stats.disabled, "accounts-disabled", "--disabled"),
    ):
        if count:
            repeat = f"acmedns account list {option}"
            yield Finding(KINDS[kind], "accounts", f"{count} of {stats.accounts}", repeat=repeat)


def summary(facts: ApiFacts) -> str:
    """Tell in few words what was looked at."""
    return "; ".join(f"{site.url} at {listed(visit.address for visit in site.visits)}" for site in facts.sites)
