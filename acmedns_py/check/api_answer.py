"""Whether what answers at a URL is an API of ours: by /health, and where a proxy holds that back, by /update."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from acmedns_py.http_date import read_http_date

_MOST_OCTETS: Final = 4096
"""Of an answer's body: ours have some thirty here."""

_GATEWAY: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_KEPT_OUT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})


class Who(Enum):
    """What the answers say of who gave them."""

    OURS = auto()
    BUSY = auto()  # puts this host off
    UNAVAILABLE = auto()  # a proxy without its API, or an API that can't serve
    CLOSED = auto()  # lets this host in nowhere
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """Who it is; `seen` are the answers in words, and `date` is the other side's clock in Unix seconds, if it told."""

    who: Who
    seen: str
    date: float | None


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    body: bytes
    headers: Mapping[str, str]


async def ask(url: str, address: str) -> Said:
    """Ask at one address of the URL's name; raises what aiohttp raises.

    /update is asked without a credential, which changes nothing and counts for no limit on refused ones.
    """
    base = url.rstrip("/")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_Fixed(address))) as session:
        health = await _response(session, "GET", f"{base}/health")
        date = read_http_date(health.headers.get("Date", ""))
        seen = f"/health answered {health.status}"
        if health.status == HTTPStatus.OK and not health.body:
            return Said(Who.OURS, seen, date)
        update = await _response(session, "POST", f"{base}/update")
        return Said(_who(update), f"{seen}, and POST /update {update.status}", date)


async def _response(session: aiohttp.ClientSession, method: str, url: str) -> _Response:
    async with session.request(method, url, allow_redirects=False, headers={"Connection": "close"}) as response:
        body = await response.content.read(_MOST_OCTETS)
        return _Response(response.status, body, response.headers)


def _who(update: _Response) -> Who:
    if update.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Who.BUSY
    if update.status in _GATEWAY:
        return Who.UNAVAILABLE
    if update.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED} and _is_refusal(update.body):
        return Who.OURS
    return Who.CLOSED if update.status in _KEPT_OUT else Who.OTHER


def _is_refusal(body: bytes) -> bool:
    """Whether it has the form in which every server of acme-dns's API refuses: an object with the word of an error."""
    try:
        document: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return isinstance(document, dict) and isinstance(document.get("error"), str)


class _Fixed(AbstractResolver):
    """Leads to one address, whatever the name."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return
