"""A client's own credentials: each asked for at the API as the client would use it, and the path that leads to it.

Nothing is changed anywhere: `GET /account` only looks. The path is walked and judged as that of any host.
"""

import asyncio
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp

from acmedns_py.check import delegation_kinds, host_kinds, hosts
from acmedns_py.check.accounts import Account, Holders
from acmedns_py.check.client_file import Credential
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.paths import Ending, Path, host_from_text, walk_path
from acmedns_py.check.report import Report
from acmedns_py.check.walk import Walk, rcode_text
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode

NAME: Final = "client"
TITLE: Final = "Credentials of a client"

ANSWER_SECONDS: Final = 10.0
MOST_OCTETS: Final = 256 * 1024
"""Of an answer; an account with all its values has less."""

AT_ONCE: Final = 8
"""A login costs the server a slow hash."""

_NOT_RENEWED: Final = "The client can't update, and the certificate is not renewed."

KINDS: Final = catalogue(
    (
        Kind(
            "client-unreachable",
            Verdict.FAIL,
            "the API does not answer this client",
            _NOT_RENEWED,
            "See whether the URL in the client's file is that of the API, and whether this host gets there.",
        ),
        Kind(
            "client-refused",
            Verdict.FAIL,
            "the API does not accept a credential",
            _NOT_RENEWED,
            "The password is not the account's, or the account is disabled or deleted: look with acmedns account show; "
            "acmedns account rotate gives a new password.",
        ),
        Kind(
            "client-shut-out",
            Verdict.FAIL,
            "the account may not be used from this host",
            _NOT_RENEWED,
            "Add this host's network by acmedns account allow-from.",
        ),
        Kind(
            "client-other-name",
            Verdict.FAIL,
            "the account has another name than the client's file says",
            "The client sets values of a name that is not its own, and is refused.",
            "Correct subdomain and fulldomain in the client's file.",
        ),
        Kind(
            "client-cname",
            Verdict.FAIL,
            "the challenge name of a domain leads to another name than the account's",
            "The CA does not find what the client sets, and refuses.",
            "Set this record in the zone of the domain.",
        ),
        Kind(
            "client-path-unknown",
            Verdict.NOT_TESTED,
            "it is not known where the challenge name of a domain should lead",
            "Whether a CA finds what the client sets is not known.",
            "Have the API answer, or correct the name in the client's file.",
        ),
        Kind(
            "client-untold",
            Verdict.NOT_TESTED,
            "the server does not tell of a credential",
            "Whether the client can use it is not known.",
            "An acme-dns server has no GET /account; one that says 429 or 503 can be asked again later.",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What the API said of a credential, and the paths from the challenge names of its domains.

    `problem` is why there was no answer, else empty; `account` is the document of a good one. `fulldomain` is where the
    paths should lead, None where neither server nor file says; `unwalked` has what could not be walked, and why.
    """

    credential: Credential
    status: int = 0
    account: dict[str, Any] | None = None
    problem: str = ""
    fulldomain: bytes | None = None
    paths: tuple[Path, ...] = ()
    unwalked: tuple[tuple[str, str], ...] = ()


async def check_client(walk: Walk, credentials: Sequence[Credential], file: str) -> Report:
    """Check all credentials of a file."""
    turns = asyncio.Semaphore(AT_ONCE)
    nonce = f"acmedns-check-{secrets.token_hex(8)}".encode()
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(credential: Credential) -> ClientFacts:
            async with turns:
                return await _walked(walk, await _asked(session, credential), nonce)

        facts = await asyncio.gather(*map(one, credentials))
    report = Report(file)
    report.add(NAME, TITLE, _once(map(judge, facts)), seen=f"{len(facts)} accounts")
    walked = sum(len(each.paths) for each in facts)
    if walked or any(each.unwalked for each in facts):
        report.add(hosts.NAME, hosts.TITLE, _once(map(judge_paths, facts)), seen=f"{walked} hosts")
    else:
        report.skip(
            hosts.NAME, hosts.TITLE, "the file does not say for which domain the account is; give --domain NAME"
        )
    return report


def _once(judged: Iterable[Iterable[Finding]]) -> list[Finding]:
    """Give all findings; what is wrong with a server is told once, however many paths meet it."""
    findings = (finding for each in judged for finding in each)
    return list({(finding.kind.id, finding.subject, finding.seen): finding for finding in findings}.values())


async def _asked(session: aiohttp.ClientSession, credential: Credential) -> ClientFacts:
    headers = {"X-Api-User": credential.username, "X-Api-Key": credential.password}
    try:
        url = f"{credential.url.rstrip('/')}/account"
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            octets = await _bounded(response)
            account = json.loads(octets) if response.status == 200 else None
            return ClientFacts(credential, response.status, account if isinstance(account, dict) else None)
    except TimeoutError:
        return ClientFacts(credential, problem=f"no answer within {ANSWER_SECONDS:g} s")
    except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
        # A header that can't be sent is named without what it holds: it is the password.
        told_of = "what the file holds can't be sent" if isinstance(error, ValueError) else told(str(error))
        return ClientFacts(credential, problem=told_of)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    octets = b""
    async for chunk in response.content.iter_chunked(MOST_OCTETS):
        octets += chunk
        if len(octets) > MOST_OCTETS:
            break
    return octets


async def _walked(walk: Walk, facts: ClientFacts, nonce: bytes) -> ClientFacts:
    """Walk from the domains that the file names, else from those that the account is labelled with."""
    account, credential = facts.account or {}, facts.credential
    fulldomain = _account_name(account.get("fulldomain") or credential.fulldomain)
    label = Account(b"", str(account.get("label") or ""), disabled=False)
    texts = [credential.domain] if credential.domain else label.hosts
    found: list[Path] = []
    unwalked: list[tuple[str, str]] = []
    for text in texts:
        try:
            host = host_from_text(text)
        except name.InvalidName as error:
            unwalked.append((text, str(error)))
            continue
        if fulldomain is None:
            unwalked.append((text, "neither the file nor the server says the account's whole name"))
        else:
            found.append(await walk_path(walk, host, name.parent(fulldomain), nonce=nonce))
    return replace(facts, fulldomain=fulldomain, paths=tuple(found), unwalked=tuple(unwalked))


def _account_name(text: object) -> bytes | None:
    """Give the whole name of an account, None for what can't be one: it has a zone above it."""
    try:
        found = name.from_text(str(text or ""))
    except name.InvalidName:
        return None
    return None if found == name.ROOT or name.parent(found) == name.ROOT else found


def judge(facts: ClientFacts) -> Iterator[Finding]:
    """Give what is wrong with one credential."""
    credential = facts.credential
    subject = told(credential.domain or credential.username)
    if facts.problem:
        yield Finding(KINDS["client-unreachable"], subject, facts.problem)
    elif facts.status == 401:
        seen = told(f"401, wrong username or password, for {credential.username}")
        yield Finding(KINDS["client-refused"], subject, seen)
    elif facts.account is None:
        yield Finding(KINDS["client-untold"], subject, f"GET /account was answered {facts.status}")
    else:
        yield from _account(facts, subject, facts.account)


def _account(facts: ClientFacts, subject: str, account: dict[str, Any]) -> Iterator[Finding]:
    wanted = {"subdomain": facts.credential.subdomain, "fulldomain": facts.credential.fulldomain}
    for key, ours in wanted.items():
        theirs = str(account.get(key, ""))
        if ours and ours.lower().rstrip(".") != theirs.lower().rstrip("."):
            yield Finding(KINDS["client-other-name"], subject, told(f"{key}: file {ours}, server {theirs}"))
            break
    if account.get("address_allowed") is False:
        seen = told(f"asked from {account.get('address')}, allowed {account.get('allowfrom')}")
        yield Finding(KINDS["client-shut-out"], subject, seen)


def judge_paths(facts: ClientFacts) -> Iterator[Finding]:
    """Give what `acmedns check --host` finds of the domains, and where they lead to another name than the account's."""
    for text, why in facts.unwalked:
        yield Finding(KINDS["client-path-unknown"], told(text), told(why))
    for path in facts.paths:
        assert facts.fulldomain is not None, "without it nothing is walked"
        yield from _path(path, facts.fulldomain)


def _path(path: Path, fulldomain: bytes) -> Iterator[Finding]:
    zone, last = name.parent(fulldomain), path.last
    ours = Account(fulldomain, path.host.text, disabled=False)
    if last.owner == fulldomain and path.ending is Ending.ELSEWHERE:
        seen = told(
            f"{name.to_text(last.cut.apex)} answers {rcode_text(last.first.rcode)} for {name.to_text(fulldomain)}"
        )
        cure = "Add the records that acmedns records prints on the server to the zone above."
        missing = delegation_kinds.KINDS["delegation-missing"]
        yield Finding(missing, told(name.to_text(zone)), seen, cure=cure, repeat=last.first.repeat)
        return
    astray = path.ending is Ending.REACHED and last.owner != fulldomain
    nobodys = astray and last.first.rcode == Rcode.NXDOMAIN
    findings = hosts.judge([path], zone, {path.host: Holders(None if nobodys else ours, (ours,))})
    if astray and not nobodys:
        paste = (f"{name.to_text(path.host.challenge)} CNAME {name.to_text(fulldomain)}",)
        yield Finding(
            KINDS["client-cname"], path.host.text, told(path.text), paste=paste, repeat=path.links[0].first.repeat
        )
        # It leads to an account, but to another one than this client's.
        findings = [finding for finding in findings if finding.kind is not host_kinds.PATH]
    yield from findings
