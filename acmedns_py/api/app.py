"""The routes, and the one door through which every request comes and every answer leaves.

It stands on aiohttp's low-level server (a function from request to response) and not on `web.Application`:
clients send `//update`, `/update/` and `/UPDATE` and can't follow a redirect, aiohttp's router does not find
those, and its own error pages are text with a version. Here the path is normalised first, a dictionary finds
the route, and each failure goes through `problems`.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count
from urllib.parse import unquote

import structlog
from aiohttp import hdrs, web

from acmedns_py.accounts.own import OwnAccount
from acmedns_py.accounts.register import Registration
from acmedns_py.accounts.storage import Storage
from acmedns_py.accounts.token_text import has_form
from acmedns_py.accounts.update import Updates
from acmedns_py.api.account import AccountRoute
from acmedns_py.api.answers import Answer, go_not_found
from acmedns_py.api.client import ForwardedBy, client_address
from acmedns_py.api.cors import Cors
from acmedns_py.api.health import HealthRoutes, Readiness
from acmedns_py.api.openapi import admin_document, document, document_route
from acmedns_py.api.problems import MethodNotAllowed, NotFound, foreseen, problem, reason, unreadable
from acmedns_py.api.register import RegisterRoute
from acmedns_py.api.remote import RemoteAdmin
from acmedns_py.api.storage import StorageRoute
from acmedns_py.api.traffic import NO_ROUTE, Traffic
from acmedns_py.api.update import UpdateRoute
from acmedns_py.api.visit import Visit

Handler = Callable[[web.BaseRequest, Visit], Awaitable[Answer]]
Routes = dict[str, dict[str, Handler]]

NO_CORS = Cors(())

_HEALTH = ("/health", "/health/ready")
_STORAGE = "/storage"
_STORED = "/storage/{domain}"

_log = structlog.get_logger(__name__)


def make_app(
    *,
    registration: Registration | None,
    updates: Updates,
    own: OwnAccount,
    storage: Storage,
    readiness: Readiness,
    zone: str,
    traffic: Traffic,
    forwarded_by: ForwardedBy | None = None,
    cors_origins: Sequence[str] = (),
    hsts: str | None = None,
    admin: RemoteAdmin | None = None,
) -> "Api":
    """The whole API.

    `registration` is None where nobody may register, `zone` the zone's name without a final dot, `traffic` counts what
    is answered, `forwarded_by` is None where no proxy stands in front, `hsts` the value of Strict-Transport-Security or
    None, `admin` None where the operator's routes are not here.
    """
    health = HealthRoutes(readiness)
    update = UpdateRoute(updates)
    stored = StorageRoute(storage)
    register: dict[str, Handler] = {}
    if registration is not None:
        register["POST"] = RegisterRoute(registration, zone).post
    routes: Routes = {
        "/register": register,
        "/update": {"POST": update.post, "DELETE": update.delete},
        "/account": {"GET": AccountRoute(own, zone).get},
        _STORAGE: {"GET": stored.all},
        _STORED: {"GET": stored.get, "POST": stored.post},
        "/health": {"GET": health.alive},
        "/health/ready": {"GET": health.ready},
        "/openapi.json": {
            "GET": document_route(
                partial(document, registration_open=registration is not None),
                _nowhere if admin is None else admin.exist,
            )
        },
    }
    for route, methods in document(registration_open=registration is not None, admin=False)["paths"].items():
        for operation in methods.values():
            for status in operation["responses"]:
                traffic.expect(route, int(status))
    return Api(routes, traffic=traffic, forwarded_by=forwarded_by, cors=Cors(cors_origins), hsts=hsts, admin=admin)


def make_admin_app(
    admin: RemoteAdmin, *, traffic: Traffic, forwarded_by: ForwardedBy | None = None, hsts: str | None = None
) -> "Api":
    """The operator's routes and their document alone; arguments as those of `make_app`."""
    routes: Routes = {"/openapi.json": {"GET": document_route(admin_document, admin.exist)}}
    return Api(routes, traffic=traffic, forwarded_by=forwarded_by, cors=NO_CORS, hsts=hsts, admin=admin)


async def _nowhere() -> bool:
    """Say that the operator's routes are not here."""
    return False


def hsts_header(*, max_age: int, include_subdomains: bool, preload: bool) -> str:
    """The value of Strict-Transport-Security (RFC 6797 6.1); an age that is not positive means a year, as acme-dns."""
    parts = [f"max-age={max_age if max_age > 0 else 31_536_000}"]
    if include_subdomains:
        parts.append("includeSubDomains")
    if preload:
        parts.append("preload")
    return "; ".join(parts)


class Api:
    """A request handler for aiohttp's low-level server; `ApiListener` serves it."""

    def __init__(
        self,
        routes: Routes,
        *,
        traffic: Traffic,
        forwarded_by: ForwardedBy | None,
        cors: Cors,
        hsts: str | None,
        admin: RemoteAdmin | None,
    ) -> None:
        self._routes = routes
        self._traffic = traffic
        self._admin = admin
        self._forwarded_by = forwarded_by
        self._cors = cors
        self._hsts = hsts
        # A random start tells the requests of two runs apart, at the price of one counter.
        self._run = secrets.token_hex(4)
        self._numbers = count(1)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: always JSON or nothing, but for the text of a closed /register."""
        began = time.perf_counter()
        visit = self._visit(request)
        path: str | None = None
        failure: Exception | None = None
        cors = self._cors
        try:
            path = self._route(request, visit)
            operators = None
            if path is None and self._admin is not None:
                operators = await self._admin.route(request, _path(request))
            if self._admin is not None and operators is not None:
                # No page of another origin has a token to show here.
                path, cors = operators, NO_CORS
                answer = await self._admin.answer(request, _path(request), visit)
            else:
                answer = cors.preflight(request) or await self._answer(request, visit, path)
        except Exception as error:  # noqa: BLE001 - this is the border where every failure becomes an answer
            failure = error
            answer = problem(error)
        cors.permit(request, answer)
        return self._sent(request, visit, path, answer, failure, time.perf_counter() - began)

    def refused(self, request: web.BaseRequest, error: BaseException | None) -> web.StreamResponse:
        """The answer to octets that are no request that HTTP knows."""
        failure = unreadable(error)
        answer = problem(failure)
        answer.force_close()
        self._cors.permit(request, answer)
        return self._sent(request, self._visit(request), None, answer, failure, 0.0)

    async def _answer(self, request: web.BaseRequest, visit: Visit, path: str | None) -> Answer:
        if path is None:
            raise NotFound
        methods = self._routes[path]
        if not methods:
            return go_not_found()
        method = hdrs.METH_GET if request.method == hdrs.METH_HEAD else request.method
        handler = methods.get(method)
        if handler is not None:
            return await handler(request, visit)
        allow = ", ".join(sorted({*methods, hdrs.METH_OPTIONS, *([hdrs.METH_HEAD] if "GET" in methods else [])}))
        if method == hdrs.METH_OPTIONS:
            return Answer(status=200, headers={hdrs.ALLOW: allow})
        raise MethodNotAllowed(allow)

    def _route(self, request: web.BaseRequest, visit: Visit) -> str | None:
        """The path of a route, whatever slashes and case it was asked with; None where there is none (clients #4).

        What has the form of a token may stand before any route, since clients have one base URL for all. Only
        /register and /storage look at it: a token that has ended must not end the renewals of the hosts that it made.
        """
        if request.raw_path in self._routes and request.raw_path != _STORED:
            return request.raw_path
        path = unquote(_path(request))
        parts = [part for part in path.split("/") if part]
        if len(parts) > 1 and has_form(parts[0]):
            visit.prefix = parts.pop(0)
        path = "/" + "/".join(parts).lower()
        if len(parts) == 2 and path.startswith(f"{_STORAGE}/"):
            visit.domain = parts[1].lower()
            return _STORED
        return path if path in self._routes else None

    def _visit(self, request: web.BaseRequest) -> Visit:
        return Visit(f"{self._run}-{next(self._numbers):x}", client_address(request, self._forwarded_by))

    def _sent(
        self,
        request: web.BaseRequest,
        visit: Visit,
        path: str | None,
        answer: Answer,
        failure: Exception | None,
        seconds: float,
    ) -> Answer:
        """Give an answer the headers that all have, count it, and write its line in the log."""
        route = path or NO_ROUTE
        self._traffic.answered(route, answer.status, seconds)
        answer.headers["X-Request-Id"] = visit.request_id
        if self._hsts is not None:
            answer.headers[hdrs.STRICT_TRANSPORT_SECURITY] = self._hsts
        facts: dict[str, object] = {
            "method": request.method,
            "route": route,
            "status": answer.status,
            "source": str(visit.source or request.remote),
            "request_id": visit.request_id,
            "duration_ms": round(seconds * 1000, 2),
        }
        if visit.account is not None:
            facts["account"] = visit.account
        if visit.token is not None:
            facts["token"] = visit.token
        if failure is None:
            # Whoever looks after us asks for our health every few seconds.
            level = _log.debug if path in _HEALTH else _log.info
            level("request_answered", **facts)
        elif foreseen(failure):
            _log.warning("request_refused", reason=reason(failure), **facts)
        else:
            _log.error("request_failed", exc_info=failure, **facts)
        return answer


def _path(request: web.BaseRequest) -> str:
    """The path that was asked for, with percent signs as they came, without query; also of a target with a host."""
    target = request.raw_path
    if not target.startswith("/"):
        target = request.rel_url.raw_path
    return target.partition("?")[0].partition("#")[0]
