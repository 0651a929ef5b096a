"""The operator's routes below /admin/v1, from a request's parts to a status and a document; without HTTP itself.

The local socket and, for who shows a token, the API's listeners carry them as HTTP; the command line calls them
directly where no server runs. Bodies are JSON objects with the keys that are named here and no others. Each failure is
`{"error": word, "detail": text}`: the text is for people, and says what was wrong and what to do. A new account that
the workers did not confirm in time is told with `"served": false` and a `warning`: it is there, and its password is
known nowhere else.

| method | path | does |
|---|---|---|
| GET | /admin/v1/accounts | a page; `label`, `unused_since`, `never_updated`, `last_from`, `disabled`, `made_by` |
| POST | /admin/v1/accounts | a new account: `label`, `subdomain`, `allowfrom`, `txt_rule` |
| GET, PATCH, DELETE | /admin/v1/accounts/NAME | one; PATCH takes one of `label`, `allowfrom`, `disabled`, `txt_rule` |
| POST | /admin/v1/accounts/NAME/password | a new password: `grace_seconds` |
| POST, DELETE | /admin/v1/accounts/NAME/values | `txt`: set it, take it away; DELETE without a body clears |
| GET | /admin/v1/accounts/NAME/trace | who asked for its name behind each of the last updates |
| GET | /admin/v1/tokens | a page: `after`, `limit` |
| POST | /admin/v1/tokens | a new token: `name`, `scopes`, `expires`, `uses`, `sources`, `labels`, `txt_rule` |
| GET, DELETE | /admin/v1/tokens/NAME | one token; DELETE revokes it |
| GET | /admin/v1/certificate | how the API's own certificate stands |
| POST | /admin/v1/certificate/renewal | has it renewed: `force` |
| POST | /admin/v1/certificate/revocation | has it revoked, then ordered anew: `reason` |
| GET, POST | /admin/v1/check | the last report of the server's own check; POST has it run now |
| GET | /admin/v1/audit | a page: `since`, `after`, `limit` |
| GET | /admin/v1/stats | numbers |
| GET | /admin/v1/top | what goes on: `limit` |
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog

from acmedns_py.accounts.activity import Live
from acmedns_py.accounts.administration import MOST_LISTED, Administration, Credential
from acmedns_py.accounts.canary import Canaries
from acmedns_py.accounts.directory import Filter, Listed, Recorded, Shown
from acmedns_py.accounts.issued_tokens import IssuedTokens
from acmedns_py.accounts.own_certificate import OwnCertificate
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.api.asked import Asked, Told, body_of, flag, known, moment, next_after, number
from acmedns_py.api.canary_routes import CanaryRoutes
from acmedns_py.api.certificate_routes import CertificateRoutes
from acmedns_py.api.check_routes import Checker, CheckRoutes
from acmedns_py.api.problems import RETRY_AFTER_SECONDS
from acmedns_py.api.token_routes import TokenRoutes
from acmedns_py.api.top_routes import top
from acmedns_py.api.trace_routes import trace
from acmedns_py.errors import (
    ConfigError,
    LabelTaken,
    NotIssued,
    NotServed,
    Overloaded,
    RightsExceeded,
    StoreUnavailable,
    TokenNotAccepted,
    TokenRefused,
    TokenTaken,
    UnknownAccount,
    UnknownToken,
    Unusable,
)

PREFIX = "/admin/v1"

_LATE = "not every DNS worker answers so yet; each that comes does, so there is nothing to repeat"

_log = structlog.get_logger(__name__)


class _NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    label: str = ""
    subdomain: str | None = None
    allowfrom: tuple[str, ...] = ()
    txt_rule: str = TxtRule.ACME


class _Edit(msgspec.Struct, forbid_unknown_fields=True):
    label: str | msgspec.UnsetType = msgspec.UNSET
    allowfrom: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET
    txt_rule: str | msgspec.UnsetType = msgspec.UNSET


class _Rotation(msgspec.Struct, forbid_unknown_fields=True):
    grace_seconds: int = 0


class _Value(msgspec.Struct, forbid_unknown_fields=True):
    txt: str


class AdminRoutes:
    """`zone` is the zone's name without a final dot."""

    def __init__(
        self,
        administration: Administration,
        issued: IssuedTokens,
        certificate: OwnCertificate,
        canaries: Canaries | None,
        checker: Checker | None,
        live: Live | None,
        zone: str,
    ) -> None:
        self._accounts = administration
        self._tokens = TokenRoutes(issued)
        self._certificate = CertificateRoutes(certificate)
        self._canaries = CanaryRoutes(canaries)
        self._check = CheckRoutes(checker)
        self._live = live
        self._zone = zone

    async def answer(self, asked: Asked) -> Told:
        """Answer one request; raises nothing but `TokenNotAccepted`, where the token that was shown has just ended."""
        try:
            return await self._routed(asked)
        except TokenNotAccepted:
            raise
        except Exception as error:  # noqa: BLE001 - this is the border where every failure becomes an answer
            return _problem(error)

    async def _routed(self, asked: Asked) -> Told:
        if not asked.path.startswith(f"{PREFIX}/"):
            return _nothing_there()
        parts = _parts(asked.path)
        routes: dict[str, Callable[[], Awaitable[Told]]]
        match parts:
            case ["accounts"]:
                routes = {"GET": lambda: self._list(asked), "POST": lambda: self._create(asked)}
            case ["accounts", name]:
                routes = {
                    "GET": lambda: self._show(name),
                    "PATCH": lambda: self._edit(asked, name),
                    "DELETE": lambda: self._delete(asked, name),
                }
            case ["accounts", name, "password"]:
                routes = {"POST": lambda: self._rotate(asked, name)}
            case ["accounts", name, "values"]:
                routes = {
                    "POST": lambda: self._set_value(asked, name),
                    "DELETE": lambda: self._take_values(asked, name),
                }
            case ["accounts", name, "trace"]:
                routes = {"GET": lambda: trace(self._accounts, name, self._zone)}
            case ["tokens"]:
                routes = {"GET": lambda: self._tokens.page(asked), "POST": lambda: self._tokens.create(asked)}
            case ["tokens", name]:
                routes = {"GET": lambda: self._tokens.show(name), "DELETE": lambda: self._tokens.revoke(asked, name)}
            case ["certificate"]:
                routes = {"GET": self._certificate.show}
            case ["certificate", "renewal"]:
                routes = {"POST": lambda: self._certificate.renew(asked)}
            case ["certificate", "revocation"]:
                routes = {"POST": lambda: self._certificate.revoke(asked)}
            case ["canaries"]:
                routes = {"POST": lambda: self._canaries.set(asked)}
            case ["canaries", name]:
                routes = {"DELETE": lambda: self._canaries.remove(asked, name)}
            case ["check"]:
                routes = {"GET": self._check.show, "POST": self._check.begin}
            case ["audit"]:
                routes = {"GET": lambda: self._audit(asked)}
            case ["stats"]:
                routes = {"GET": self._statistics}
            case ["top"]:
                routes = {"GET": lambda: top(self._live, asked, self._zone)}
            case _:
                return _nothing_there()
        handler = routes.get(asked.method)
        if handler is None:
            allow = ", ".join(routes)
            return _failure(405, "method_not_allowed", f"possible here: {allow}", {"Allow": allow})
        return await handler()

    async def _list(self, asked: Asked) -> Told:
        query = known(
            asked.query, "after", "limit", "label", "unused_since", "never_updated", "last_from", "disabled", "made_by"
        )
        limit = number(query, "limit", MOST_LISTED)
        wanted = Filter(
            title=query.get("label"),
            unused_since=moment(query, "unused_since"),
            never_updated=flag(query, "never_updated"),
            last_update_from=query.get("last_from"),
            disabled=flag(query, "disabled"),
            made_by=query.get("made_by"),
        )
        found = await self._accounts.listed(wanted, after=number(query, "after", 0), most=limit)
        more = next_after([one.id for one in found], limit)
        return Told(200, {"accounts": [self._account(one) for one in found], "next": more})

    async def _create(self, asked: Asked) -> Told:
        wish = body_of(asked, _NewAccount)
        made = await self._accounts.create(
            asked.by, title=wish.label, label=wish.subdomain, allow_from=wish.allowfrom, txt_rule=wish.txt_rule
        )
        warning = {} if made.served else {"warning": f"the account is there, but {_LATE}"}
        return Told(201, {**self._credential(made), "served": made.served, **warning})

    async def _show(self, name: str) -> Told:
        return Told(200, self._whole(await self._accounts.shown(name)))

    async def _edit(self, asked: Asked, name: str) -> Told:
        wish = body_of(asked, _Edit)
        given = [key for key in wish.__struct_fields__ if getattr(wish, key) is not msgspec.UNSET]
        if len(given) != 1:
            # Each is a change of its own in the audit log, and one of two could fail.
            raise Unusable("give exactly one of label, allowfrom, disabled and txt_rule")
        if wish.label is not msgspec.UNSET:
            await self._accounts.set_title(asked.by, name, wish.label)
        if wish.allowfrom is not msgspec.UNSET:
            await self._accounts.set_allow_from(asked.by, name, wish.allowfrom)
        if wish.disabled is not msgspec.UNSET:
            await self._accounts.set_disabled(asked.by, name, disabled=wish.disabled)
        if wish.txt_rule is not msgspec.UNSET:
            await self._accounts.set_txt_rule(asked.by, name, wish.txt_rule)
        return await self._show(name)

    async def _delete(self, asked: Asked, name: str) -> Told:
        await self._accounts.delete(asked.by, name)
        return Told(200, {"deleted": name})

    async def _rotate(self, asked: Asked, name: str) -> Told:
        wish = body_of(asked, _Rotation)
        made = await self._accounts.rotate(asked.by, name, grace_seconds=wish.grace_seconds)
        return Told(200, {**self._credential(made), "stored_for": _stored_for(made.stored_for)})

    async def _set_value(self, asked: Asked, name: str) -> Told:
        remarks = await self._accounts.set_value(asked.by, name, body_of(asked, _Value).txt)
        shown = await self._show(name)
        return Told(200, {**shown.document, "remarks": remarks})

    async def _take_values(self, asked: Asked, name: str) -> Told:
        # Nothing less says that all are meant: a program that got a key wrong must not clear, nor one whose body was
        # lost on the way, as a proxy may lose that of a DELETE.
        if "all" not in known(asked.query, "all"):
            await self._accounts.remove_value(asked.by, name, body_of(asked, _Value).txt)
        elif asked.query["all"] == "true" and not asked.body:
            await self._accounts.clear_values(asked.by, name)
        else:
            raise Unusable("to take all values away, say ?all=true and send no body")
        return await self._show(name)

    async def _audit(self, asked: Asked) -> Told:
        query = known(asked.query, "since", "after", "limit")
        limit = number(query, "limit", MOST_LISTED)
        found = await self._accounts.audit(since=moment(query, "since"), after=number(query, "after", 0), most=limit)
        more = next_after([one.id for one in found], limit)
        return Told(200, {"entries": [_entry(one) for one in found], "next": more})

    async def _statistics(self) -> Told:
        found = await self._accounts.statistics()
        return Told(200, {name: getattr(found, name) for name in found.__slots__})

    def _account(self, account: Listed) -> dict[str, Any]:
        return {
            "id": account.id,
            "username": account.username,
            "subdomain": account.label,
            "fulldomain": f"{account.label}.{self._zone}",
            "label": account.title,
            "allowfrom": account.allow_from,
            "disabled": account.disabled,
            "created": account.created_at,
            "last_update": account.last_update_at,
            "last_update_from": account.last_update_from,
            "txt_rule": account.txt_rule,
            "made_by": account.made_by,
        }

    def _whole(self, shown: Shown) -> dict[str, Any]:
        return {
            **self._account(shown.account),
            "values": [
                {"txt": one.value, "written": one.written_at, "age_seconds": one.age_seconds} for one in shown.values
            ],
            "former_password_until": shown.former_until,
            "stored_for": _stored_for(shown.stored_for),
        }

    def _credential(self, made: Credential) -> dict[str, Any]:
        """The five keys of acme-dns's own answer, and what people call the account."""
        return {
            "username": made.username,
            "password": made.password,
            "fulldomain": f"{made.label}.{self._zone}",
            "subdomain": made.label,
            "allowfrom": made.allow_from,
            "label": made.title,
        }


def _stored_for(found: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"domain": domain, "token": token} for domain, token in found]


def template(path: str) -> str:
    """The route that a path below `PREFIX` leads to, without any name, for the log; `PREFIX` itself where to none."""
    match _parts(path):
        case ["accounts" | "tokens" | "certificate" | "canaries" | "check" | "audit" | "stats" | "top" as kind]:
            return f"{PREFIX}/{kind}"
        case ["accounts" | "tokens" | "canaries" as kind, _]:
            return f"{PREFIX}/{kind}/NAME"
        case ["certificate", "renewal" | "revocation" as what]:
            return f"{PREFIX}/certificate/{what}"
        case ["accounts", _, "password" | "values" | "trace" as what]:
            return f"{PREFIX}/accounts/NAME/{what}"
    return PREFIX


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.removeprefix(f"{PREFIX}/").split("/")]


def _entry(found: Recorded) -> dict[str, Any]:
    entry = found.entry
    return {
        "id": found.id,
        "at": found.at,
        "actor": entry.actor,
        "source": entry.source,
        "action": entry.action,
        "subject": entry.subject,
        "result": entry.result,
        "details": entry.details,
    }


def _problem(error: Exception) -> Told:
    match error:
        case UnknownAccount():
            return _failure(404, "unknown_account", str(error))
        case UnknownToken():
            return _failure(404, "unknown_token", str(error))
        case TokenTaken():
            return _failure(409, "name_taken", str(error))
        case TokenRefused():
            return _failure(400, "unusable", str(error))
        case RightsExceeded():
            return _failure(403, "rights_exceeded", str(error))
        case LabelTaken():
            return _failure(409, "subdomain_taken", str(error))
        case Unusable() | ConfigError():
            return _failure(400, "unusable", str(error))
        case Overloaded():
            return _later("overloaded", f"{error}; try again")
        case NotIssued():
            return _failure(503, "ca_error", str(error))
        case StoreUnavailable():
            return _later("db_error", str(error))
        case NotServed():
            return _failure(503, "not_served", f"it is done, but {_LATE} ({error})")
        case _:
            _log.error("admin_request_failed", exc_info=error)
            return _failure(500, "internal_error", "a fault of this program; it is in the log")


def _nothing_there() -> Told:
    return _failure(404, "not_found", "there is nothing at this path")


def _later(word: str, detail: str) -> Told:
    return _failure(503, word, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _failure(status: int, word: str, detail: str, headers: Mapping[str, str] | None = None) -> Told:
    return Told(status, {"error": word, "detail": detail}, headers or {})
