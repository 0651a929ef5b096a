"""GET /metrics, on listeners that have nothing else: plain HTTP, for Prometheus and those that read the same form."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import hdrs, web

from acmedns_py.api.answers import Answer
from acmedns_py.api.problems import MethodNotAllowed, NotFound, problem, unreadable

PATH = "/metrics"

Exposed = Callable[[str], Awaitable[tuple[bytes, str]]]
"""From the value of Accept to the metrics in a form that it takes, and the form's media type."""

_log = structlog.get_logger(__name__)


class Exposition:
    """A request handler for `ApiListener`; `exposed` is asked at each request."""

    def __init__(self, exposed: Exposed) -> None:
        self._exposed = exposed

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a scrape leaves no line in the log, a fault does."""
        if request.path != PATH:
            return problem(NotFound())
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            return problem(MethodNotAllowed("GET, HEAD"))
        try:
            body, media_type = await self._exposed(request.headers.get(hdrs.ACCEPT, ""))
        except Exception as error:  # noqa: BLE001 - the border: a fault here is one line, and costs this scrape alone
            _log.error("metrics_failed", exc_info=error)
            return problem(error)
        return Answer(status=200, body=body, headers={hdrs.CONTENT_TYPE: media_type})

    def refused(self, _request: web.BaseRequest, error: BaseException | None) -> web.StreamResponse:
        """The answer to octets that are no request that HTTP knows."""
        answer = problem(unreadable(error))
        answer.force_close()
        return answer
