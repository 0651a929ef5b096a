"""A client's own credentials: each asked for at the API as the client would use it, and the CNAME that leads to it.

Nothing is changed anywhere: `GET /account` only looks.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from acmedns_py.check.client_file import Credential
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.report import Report
from acmedns_py.check.walk import Lookup, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType

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
            "the challenge name of a domain does not lead to the account",
            "The CA does not find what the client sets, and refuses.",
            "Set this record in the zone of the domain.",
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
    """What the API said of a credential, and where the challenge name of its domain leads.

    `problem` is why there was no answer, else empty; `account` is the document of a good one. `path` is None without a
    domain.
    """

    credential: Credential
    status: int = 0
    account: dict[str, Any] | None = None
    problem: str = ""
    path: Lookup | None = None


async def check_client(walk: Walk, credentials: Sequence[Credential], file: str) -> Report:
    """Check all credentials of a file."""
    turns = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(credential: Credential) -> ClientFacts:
            async with turns:
                return await _collect(walk, session, credential)

        facts = await asyncio.gather(*map(one, credentials))
    report = Report(file)
    report.add(NAME, TITLE, (finding for each in facts for finding in judge(each)), seen=f"{len(facts)} accounts")
    return report


async def _collect(walk: Walk, session: aiohttp.ClientSession, credential: Credential) -> ClientFacts:
    path = None
    if credential.domain:
        try:
            path = await walk.lookup(name.from_text(f"{name.CHALLENGE}.{credential.domain}"), RRType.TXT)
        except name.InvalidName as error:
            return ClientFacts(credential, problem=told(str(error)))
    headers = {"X-Api-User": credential.username, "X-Api-Key": credential.password}
    try:
        url = f"{credential.url.rstrip('/')}/account"
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            octets = await _bounded(response)
            account = json.loads(octets) if response.status == 200 else None
            return ClientFacts(credential, response.status, account if isinstance(account, dict) else None, path=path)
    except TimeoutError:
        return ClientFacts(credential, problem=f"no answer within {ANSWER_SECONDS:g} s", path=path)
    except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
        # A header that can't be sent is named without what it holds: it is the password.
        told_of = "what the file holds can't be sent" if isinstance(error, ValueError) else told(str(error))
        return ClientFacts(credential, problem=told_of, path=path)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    octets = b""
    async for chunk in response.content.iter_chunked(MOST_OCTETS):
        octets += chunk
        if len(octets) > MOST_OCTETS:
            break
    return octets


def judge(facts: ClientFacts) -> Iterator[Finding]:
    """Give what is wrong with one credential."""
    credential = facts.credential
    subject = told(credential.domain or credential.username)
    if facts.problem:
        yield Finding(KINDS["client-unreachable"], subject, facts.problem)
    elif facts.status == 401:
        yield Finding(KINDS["client-refused"], subject, "401, wrong username or password")
    elif facts.account is None:
        yield Finding(KINDS["client-untold"], subject, f"GET /account was answered {facts.status}")
    else:
        yield from _account(facts, subject, facts.account)
    if facts.path is not None:
        yield from _path(facts, facts.path, subject)


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


def _path(facts: ClientFacts, path: Lookup, subject: str) -> Iterator[Finding]:
    account = facts.account or {}
    fulldomain = str(account.get("fulldomain") or facts.credential.fulldomain)
    if not fulldomain or not path.steps:
        if path.broken:
            yield Finding(KINDS["client-cname"], subject, told(path.broken))
        return
    end = path.steps[-1].question.qname
    if name.to_text(end).lower().rstrip(".") != fulldomain.lower().rstrip("."):
        owner = f"{name.CHALLENGE}.{facts.credential.domain}."
        seen = told(f"{owner} leads to {name.to_text(end)}{f' ({path.broken})' if path.broken else ''}")
        paste = (told(f"{owner} 300 IN CNAME {fulldomain}."),)
        yield Finding(KINDS["client-cname"], subject, seen, paste=paste, repeat=path.steps[0].repeat)
