"""Request bodies: octets to acme-dns's words, with the leniency of Go's encoding/json that clients rely on.

The type that a client declares is never looked at: acme.sh sends JSON as a form, Certify as text. Keys match
without regard to case (goacmedns 0.1 sends `SubDomain` and `Txt`), the later of two wins, unknown ones are
ignored, a null leaves a field as it was, octets that are not UTF-8 become a replacement
character. /register takes nothing at all, and `null`, as no wishes; /update reads the first JSON value and
ignores what follows. Differences between the two routes are acme-dns's own: a field of the wrong type makes
/register refuse the body, while /update just goes without that field.

The standard library's decoder is used, since it alone keeps the order and the repeats of keys.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, NoReturn

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web import RequestPayloadError

from acmedns_py.accounts.credentials import canonical_username
from acmedns_py.accounts.register import Wish
from acmedns_py.accounts.storage import Kept
from acmedns_py.accounts.update import Change
from acmedns_py.api.problems import BadHttp, BodyTooLarge, BodyTooSlow
from acmedns_py.errors import BadInput

MOST_OCTETS = 16_384
"""Room for an allow-list of some 900 IPv4 networks; no request of a known client comes near."""

BODY_SECONDS = 10.0
"""acme-dns allows five for the whole request."""

_WHITESPACE = " \t\r\n"


class _Members(tuple[tuple[str, Any], ...]):
    """A JSON object: its keys and values in the order and number they came in."""

    __slots__ = ()


class _Number:
    """Any JSON number; no field of this API is one."""


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_NUMBER = _Number()
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members,
    parse_int=lambda _: _NUMBER,
    parse_float=lambda _: _NUMBER,
    parse_constant=_not_json,
)


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body; raises `BodyTooLarge`, `BodyTooSlow`, `BadHttp`."""
    if (request.content_length or 0) > MOST_OCTETS:
        raise BodyTooLarge
    stream = request.content
    if stream.is_eof():
        body = stream.read_nowait()
        if len(body) > MOST_OCTETS:
            raise BodyTooLarge
        return body
    if request.version == HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp counts what was written to know whether an answer has begun; this is none.
        request.writer.output_size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_up_to_limit(stream)
    except TimeoutError:
        raise BodyTooSlow from None
    except (RequestPayloadError, ConnectionError):
        raise BadHttp("the body broke off") from None


async def _read_up_to_limit(stream: Any) -> bytes:
    body = bytearray()
    while chunk := await stream.readany():
        body += chunk
        if len(body) > MOST_OCTETS:
            raise BodyTooLarge
    return bytes(body)


def wished_account(body: bytes) -> Wish:
    """What a /register body asks for; raises `BadInput` for what acme-dns calls malformed."""
    if not body:
        return Wish()
    text = _text(body)
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        raise BadInput("malformed_json_payload") from None
    if text[end:].strip(_WHITESPACE):
        raise BadInput("malformed_json_payload", "more than one value")
    if value is None:
        return Wish()
    if not isinstance(value, _Members):
        raise BadInput("malformed_json_payload", "no object")
    allow_from: list[str] = []
    label: str | None = None
    for key, member in _fields(value):
        if key == "allowfrom":
            allow_from = _texts(member)
        elif not _suits(key, member):
            raise BadInput("malformed_json_payload", f"{key} is of the wrong type")
        elif key == "subdomain" and member is not None:
            label = member
    return Wish(tuple(allow_from), label)


def wished_change(body: bytes, *, remove: bool) -> Change:
    """What an /update body asks for; never raises: a body that can't be read has no label."""
    try:
        value, _ = _DECODER.raw_decode(_text(body))
    except (ValueError, RecursionError):
        return Change(label=None, value=None, remove=remove)
    label = ""
    text: str | None = None
    for key, member in _fields(value):
        if key == "subdomain" and isinstance(member, str):
            label = member
        elif key == "txt":
            if isinstance(member, str):
                text = member
            elif text == "":
                # Go lets an earlier text stand, but clearing takes an explicit empty text as the last word.
                text = None
    return Change(label=label, value=text, remove=remove)


def kept_account(body: bytes, domain: str) -> Kept:
    """The account that a body of /storage/DOMAIN has kept; raises `BadInput` where it lacks any of the five keys."""
    try:
        value, _ = _DECODER.raw_decode(_text(body))
    except (ValueError, RecursionError):
        raise BadInput("malformed_json_payload") from None
    found = {key: member for key, member in _fields(value) if isinstance(member, str)}
    missing = [key for key in ("username", "password", "subdomain", "fulldomain", "server_url") if key not in found]
    if missing:
        raise BadInput("bad_account", f"{', '.join(missing)} not there as text")
    return Kept(
        domain=domain,
        username=found["username"],
        password=found["password"],
        label=found["subdomain"],
        fulldomain=found["fulldomain"],
        server_url=found["server_url"],
    )


def _text(body: bytes) -> str:
    # A decoder told not to fail; the decoder of JSON does not skip blanks at the start by itself.
    return body.decode("utf-8", "replace").lstrip(_WHITESPACE)


def _fields(value: object) -> Iterator[tuple[str, Any]]:
    """Keys folded as Go folds them, with their values; nothing for what is no object."""
    if isinstance(value, _Members):
        for key, member in value:
            # Go folds the long s as well; `casefold` would also make two letters of one.
            yield key.lower().replace("\N{LATIN SMALL LETTER LONG S}", "s"), member


def _texts(member: object) -> list[str]:
    """A list of texts; null is an empty list, and a null inside an empty text."""
    if member is None:
        return []
    if not isinstance(member, list) or not all(item is None or isinstance(item, str) for item in member):
        raise BadInput("malformed_json_payload", "allowfrom is no list of texts")
    return [item or "" for item in member]


def _suits(key: str, member: object) -> bool:
    """Whether acme-dns could store this value in the account that it reads a /register body into."""
    if member is None or key not in {"username", "password", "subdomain", "txt"}:
        return True
    return isinstance(member, str) and (key != "username" or canonical_username(member) is not None)
