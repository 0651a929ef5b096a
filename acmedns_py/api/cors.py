"""What browsers of other origins may do (Fetch standard, CORS protocol), with acme-dns's options.

Origins are compared without case; `*` alone lets in all, and one `*` inside stands for anything. Beyond acme-dns,
DELETE and the headers of credential and token are allowed, without which no page could send an update.
"""

from collections.abc import Sequence

from aiohttp import hdrs, web

from acmedns_py.api.answers import Answer

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
HEADERS = frozenset(
    {"origin", "accept", "content-type", "x-requested-with", "x-api-user", "x-api-key", "authorization"}
)


class Cors:
    """The origins that are let in; without any, nothing is said and preflights are ordinary OPTIONS requests."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._patterns = [origin.lower().partition("*") for origin in origins]
        self._all = "*" in origins

    def preflight(self, request: web.BaseRequest) -> Answer | None:
        """The answer to a preflight: 204, with permission or without; None where the request is none."""
        if not self._patterns or request.method != hdrs.METH_OPTIONS:
            return None
        method = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, "").upper()
        if not method:
            return None
        answer = Answer(status=204)
        for header in (hdrs.ORIGIN, hdrs.ACCESS_CONTROL_REQUEST_METHOD, hdrs.ACCESS_CONTROL_REQUEST_HEADERS):
            answer.headers.add(hdrs.VARY, header)
        origin = request.headers.get(hdrs.ORIGIN, "")
        listed = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")
        wanted = [name for name in (item.strip().lower() for item in listed) if name]
        if self._lets_in(origin) and method in METHODS and HEADERS.issuperset(wanted):
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if self._all else origin
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = method
            if wanted:
                answer.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join(wanted)
        return answer

    def permit(self, request: web.BaseRequest, answer: web.StreamResponse) -> None:
        """Let the page that sent an ordinary request read the answer, if its origin is let in; preflights are done."""
        if not self._patterns or answer.status == 204:
            return
        answer.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN, "")
        if request.method in METHODS and self._lets_in(origin):
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if self._all else origin

    def _lets_in(self, origin: str) -> bool:
        if not origin:
            return False
        folded = origin.lower()
        return self._all or any(
            folded == start
            if not star
            else len(folded) >= len(start) + len(end) and folded.startswith(start) and folded.endswith(end)
            for start, star, end in self._patterns
        )
