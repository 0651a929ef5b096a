"""The operator's routes below /admin/v1, from a request's parts to a status and a document; without HTTP itself.

The local socket carries them as HTTP; the command line calls them directly where no server runs. Bodies are JSON
objects with the keys that are named here and no others. Each failure is `{"error": word, "detail": text}`: the text is
for people, and says what was wrong and what to do. A new account that the workers did not confirm in time is told with
`"served": false` and a `warning`: it is there, and its password is known nowhere else.

| method | path | does |
|---|---|---|
| GET | /admin/v1/accounts | `after`, `limit`; `label`, `unused_since`, `never_updated`, `last_from`, `disabled` |
| POST | /admin/v1/accounts | a new account: `label`, `subdomain`, `allowfrom`, `txt_rule` |
| GET, PATCH, DELETE | /admin/v1/accounts/NAME | one; PATCH takes one of `label`, `allowfrom`, `disabled`, `txt_rule` |
| POST | /admin/v1/accounts/NAME/password | a new password: `grace_seconds` |
| POST, DELETE | /admin/v1/accounts/NAME/values | `txt`: set it, take it away; DELETE without it clears |
| GET | /admin/v1/audit | a page: `since`, `after`, `limit` |
| GET | /admin/v1/stats | numbers |
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import structlog

from acmedns_py.accounts.administration import MOST_LISTED, Administration, Credential, Operator
from acmedns_py.accounts.directory import Filter, Listed, Recorded, Shown
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.errors import (
    LabelTaken,
    NotServed,
    Overloaded,
    StoreUnavailable,
    UnknownAccount,
    Unusable,
)

PREFIX = "/admin/v1"

_LATE = "not every DNS worker answers so yet; each that comes does, so there is nothing to repeat"

_FLAGS = {"true": True, "false": False}

_log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `path` with its query taken off, still with percent signs; `query` and `body` as they came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    by: Operator


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: an HTTP status, and what becomes its JSON body."""

    status: int
    document: Mapping[str, Any]


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


class _MaybeValue(msgspec.Struct, forbid_unknown_fields=True):
    txt: str | None = None


class AdminRoutes:
    """`zone` is the zone's name without a final dot."""

    def __init__(self, administration: Administration, zone: str) -> None:
        self._accounts = administration
        self._zone = zone

    async def answer(self, asked: Asked) -> Told:
        """Answer one request; never raises."""
        try:
            return await self._routed(asked)
        except Exception as error:  # noqa: BLE001 - this is the border where every failure becomes an answer
            return _problem(error)

    async def _routed(self, asked: Asked) -> Told:
        if not asked.path.startswith(f"{PREFIX}/"):
            return _nothing_there()
        parts = [unquote(part) for part in asked.path.removeprefix(f"{PREFIX}/").split("/")]
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
            case ["audit"]:
                routes = {"GET": lambda: self._audit(asked)}
            case ["stats"]:
                routes = {"GET": self._statistics}
            case _:
                return _nothing_there()
        handler = routes.get(asked.method)
        if handler is None:
            return _failure(405, "method_not_allowed", f"possible here: {', '.join(routes)}")
        return await handler()

    async def _list(self, asked: Asked) -> Told:
        query = _known(asked.query, "after", "limit", "label", "unused_since", "never_updated", "last_from", "disabled")
        limit = _number(query, "limit", MOST_LISTED)
        wanted = Filter(
            title=query.get("label"),
            unused_since=_moment(query, "unused_since"),
            never_updated=_flag(query, "never_updated"),
            last_update_from=query.get("last_from"),
            disabled=_flag(query, "disabled"),
        )
        found = await self._accounts.listed(wanted, after=_number(query, "after", 0), most=limit)
        more = found[-1].id if len(found) == min(limit, MOST_LISTED) and found else None
        return Told(200, {"accounts": [self._account(one) for one in found], "next": more})

    async def _create(self, asked: Asked) -> Told:
        wish = _body(asked, _NewAccount)
        made = await self._accounts.create(
            asked.by, title=wish.label, label=wish.subdomain, allow_from=wish.allowfrom, txt_rule=wish.txt_rule
        )
        warning = {} if made.served else {"warning": f"the account is there, but {_LATE}"}
        return Told(201, {**self._credential(made), "served": made.served, **warning})

    async def _show(self, name: str) -> Told:
        return Told(200, self._whole(await self._accounts.shown(name)))

    async def _edit(self, asked: Asked, name: str) -> Told:
        wish = _body(asked, _Edit)
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
        wish = _body(asked, _Rotation)
        made = await self._accounts.rotate(asked.by, name, grace_seconds=wish.grace_seconds)
        return Told(200, self._credential(made))

    async def _set_value(self, asked: Asked, name: str) -> Told:
        remarks = await self._accounts.set_value(asked.by, name, _body(asked, _Value).txt)
        shown = await self._show(name)
        return Told(200, {**shown.document, "remarks": remarks})

    async def _take_values(self, asked: Asked, name: str) -> Told:
        value = _body(asked, _MaybeValue).txt
        if value is None:
            await self._accounts.clear_values(asked.by, name)
        else:
            await self._accounts.remove_value(asked.by, name, value)
        return await self._show(name)

    async def _audit(self, asked: Asked) -> Told:
        query = _known(asked.query, "since", "after", "limit")
        limit = _number(query, "limit", MOST_LISTED)
        found = await self._accounts.audit(since=_moment(query, "since"), after=_number(query, "after", 0), most=limit)
        more = found[-1].id if len(found) == min(limit, MOST_LISTED) and found else None
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
        }

    def _whole(self, shown: Shown) -> dict[str, Any]:
        return {
            **self._account(shown.account),
            "values": [
                {"txt": one.value, "written": one.written_at, "age_seconds": one.age_seconds} for one in shown.values
            ],
            "former_password_until": shown.former_until,
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


def _body(asked: Asked, kind: type[T]) -> T:
    """The body as one of the structures above; nothing at all is an empty object."""
    try:
        return msgspec.json.decode(asked.body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Unusable(f"the body does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unusable("the body is no JSON object") from None


def _known(query: Mapping[str, str], *names: str) -> Mapping[str, str]:
    for name in query:
        if name not in names:
            raise Unusable(f"the parameter {name!r} is not known; known are {', '.join(names)}")
    return query


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 19) or (name == "limit" and int(text) == 0):
        raise Unusable(f"{name} = {text!r} is no number that can be used; write a positive one")
    return int(text)


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name)
    if text is None:
        return None
    if text not in _FLAGS:
        raise Unusable(f"{name} = {text!r} is neither true nor false")
    return _FLAGS[text]


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unusable(f"{name} = {text!r} is no time; write one such as 2026-11-24T16:00:00Z") from None


def _problem(error: Exception) -> Told:
    match error:
        case UnknownAccount():
            return _failure(404, "unknown_account", str(error))
        case LabelTaken():
            return _failure(409, "subdomain_taken", str(error))
        case Unusable():
            return _failure(400, "unusable", str(error))
        case Overloaded():
            return _failure(503, "overloaded", f"{error}; try again")
        case StoreUnavailable():
            return _failure(503, "db_error", str(error))
        case NotServed():
            return _failure(503, "not_served", f"it is done, but {_LATE} ({error})")
        case _:
            _log.error("admin_request_failed", exc_info=error)
            return _failure(500, "internal_error", "a fault of this program; it is in the log")


def _nothing_there() -> Told:
    return _failure(404, "not_found", "there is nothing at this path")


def _failure(status: int, word: str, detail: str) -> Told:
    return Told(status, {"error": word, "detail": detail})
