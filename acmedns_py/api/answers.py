"""What the API sends back: JSON on one line, and nothing that tells what the server is made of."""

from collections.abc import Mapping

import msgspec
from aiohttp import hdrs, web

JSON = "application/json"

CHALLENGE = 'Basic realm="registration", Bearer'
"""How a registration token may be sent (RFC 9110 11.6.1)."""


OPERATOR_CHALLENGE = 'Basic realm="operator", Bearer'
"""The same of a token for operators."""


class Answer(web.Response):
    """A response without a `Server` header."""

    async def _prepare_headers(self) -> None:
        # aiohttp writes its own and Python's version into each response; no hook sees those that it makes itself
        # for broken requests, so it is taken out here.
        await super()._prepare_headers()
        self.headers.popall(hdrs.SERVER, None)


def json_answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """A document as compact JSON: no blanks and no line end, since acme.sh reads it with sed (clients #5)."""
    return Answer(
        status=status,
        body=msgspec.json.encode(document),
        headers={hdrs.CONTENT_TYPE: JSON, **(headers or {})},
    )


def error_answer(status: int, word: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A failure: `{"error": word}`, with acme-dns's word where it has one (clients #7)."""
    return json_answer(status, {"error": word}, headers)


def registration_refused() -> Answer:
    """What is said to whoever may not register, for whatever reason: text, as for a route that is not there.

    The challenge is there for wget, which sends the password of a URL only when it was asked for one.
    """
    return _text(
        401, "a registration token is needed, and this is none that is good here\n", {hdrs.WWW_AUTHENTICATE: CHALLENGE}
    )


def go_not_found() -> Answer:
    """What Go's HTTP server says of a route that it has not, octet for octet.

    Chosen for /register when registration is off: simple-acme and win-acme never look at the status and would keep
    a JSON object as an account of empty names, while this text makes them fail (clients #7).
    """
    return _text(404, "404 page not found\n", {})


def _text(status: int, text: str, headers: Mapping[str, str]) -> Answer:
    return Answer(
        status=status,
        body=text.encode(),
        headers={hdrs.CONTENT_TYPE: "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", **headers},
    )
