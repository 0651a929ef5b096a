"""The proofs of an order over HTTP (RFC 8555 8.3): a few texts, each at its path, for whoever asks; nothing else."""

from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import hdrs, web

from acmedns_py.api.answers import Answer, go_not_found

_METHODS: Final = (hdrs.METH_GET, hdrs.METH_HEAD)

_log = structlog.get_logger(__name__)


class HttpChallenges:
    """A request handler for `ApiListener`: it knows no route of the API, and reads neither headers nor bodies.

    Whatever is not a text of the running order is not found. A redirect to HTTPS would hide that a client sends its
    password in the clear first.
    """

    def __init__(self) -> None:
        self._texts: Mapping[str, str] = {}

    def show(self, texts: Mapping[str, str]) -> None:
        """Answer these texts (ASCII), by path, in place of those before."""
        self._texts = dict(texts)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, which is the last of its connection."""
        text = self._texts.get(request.raw_path) if request.method in _METHODS else None
        if text is None:
            answer = go_not_found()
        else:
            # Strangers can't guess a path: this is the CA, and worth a line.
            _log.info("http_challenge_answered", path=request.raw_path, source=request.remote)
            answer = Answer(body=text.encode(), headers={hdrs.CONTENT_TYPE: "application/octet-stream"})
        answer.force_close()
        return answer

    def refused(self, _request: web.BaseRequest, _error: BaseException | None) -> web.StreamResponse:
        """The answer to octets that are no HTTP."""
        answer = Answer(status=400)
        answer.force_close()
        return answer
