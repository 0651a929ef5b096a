"""The operator's routes in OpenAPI: paths, schemas and answers that `openapi` puts into its document."""

from typing import Any

from aiohttp import hdrs

from acmedns_py.accounts.tokens import SCOPES
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.accounts.verdict import Word
from acmedns_py.api.admin import PREFIX
from acmedns_py.api.answers import JSON, OPERATOR_CHALLENGE

_TOKEN: list[dict[str, list[str]]] = [{"basicToken": []}, {"bearerToken": []}]
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {**_TIME, "type": ["string", "null"]}
_CIDRS = {"type": "array", "items": {"type": "string"}}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}

_RULE = {"enum": list(TxtRule), "description": "Which values the account may hold"}

_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}
_PAGE = {"after": {"type": "integer", "minimum": 0}, "limit": {"type": "integer", "minimum": 1}}
_FILTER = {
    "label": _TEXT,
    "unused_since": _TIME,
    "never_updated": {"type": "boolean"},
    "last_from": _TEXT,
    "disabled": {"type": "boolean"},
    "made_by": _TEXT,
}

_FAILURES = {
    "400": ("AdminUnusable", "It can't be done as it was asked; `detail` says why and what to do."),
    "401": ("AdminTokenNeeded", "No token, or none that is good here; which is not told."),
    "403": ("AdminNotAllowed", "The token has not the scope, or would give away more than it has."),
    "404": ("AdminNotFound", "There is none of this name; or there is no token yet that could open these routes."),
    "405": ("AdminMethod", "The header Allow names the methods."),
    "408": ("AdminTooSlow", "The body did not arrive within ten seconds."),
    "409": ("AdminTaken", "Another has, or had, this name."),
    "413": ("AdminTooLarge", "The body has more than 16 KiB."),
    "429": ("AdminTooMany", "Too many wrong tokens of this source; Retry-After says when to come back."),
    "431": ("AdminHeaderTooLarge", "A header has more than 8 KiB."),
    "500": ("AdminFailed", "A fault of the server."),
    "503": ("AdminUnavailable", "The database, the DNS workers or the CA could not do it; `detail` says what holds."),
}
_READING = "400 401 403 404 429 431 500 503"
_WRITING = f"{_READING} 408 413"
_MAKING = f"{_WRITING} 409"


def paths() -> dict[str, Any]:
    """The paths of the operator's routes."""
    return {
        f"{PREFIX}/accounts": {
            "get": _operation("listAccounts", "A page of accounts by id", "AdminAccounts", query={**_PAGE, **_FILTER}),
            "post": _operation(
                "newAccount", "Make an account", "AdminCredential", body="AdminNewAccount", status="201"
            ),
        },
        f"{PREFIX}/accounts/{{name}}": {
            "parameters": [_NAME],
            "get": _operation("showAccount", "One account with its values", "AdminWhole"),
            "patch": _operation("editAccount", "Change one thing of an account", "AdminWhole", body="AdminEdit"),
            "delete": _operation("deleteAccount", "Delete an account for ever", "AdminDeleted", write=True),
        },
        f"{PREFIX}/accounts/{{name}}/password": {
            "parameters": [_NAME],
            "post": _operation("rotate", "Give an account a new password", "AdminCredential", body="AdminRotation"),
        },
        f"{PREFIX}/accounts/{{name}}/values": {
            "parameters": [_NAME],
            "post": _operation("setValue", "Add a value, or renew it", "AdminWhole", body="AdminValue"),
            "delete": _operation(
                "takeValues",
                "Take one value away, or without a body and with all=true all of them",
                "AdminWhole",
                body="AdminValue",
                optional=True,
                query={"all": {"enum": ["true"]}},
            ),
        },
        f"{PREFIX}/accounts/{{name}}/trace": {
            "parameters": [_NAME],
            "get": _operation("trace", "Who asked for its name behind each of the last updates", "AdminTrace"),
        },
        f"{PREFIX}/tokens": {
            "get": _operation("listTokens", "A page of tokens by id", "AdminTokens", query=_PAGE),
            "post": _operation("newToken", "Make a token", "AdminFreshToken", body="AdminNewToken", status="201"),
        },
        f"{PREFIX}/tokens/{{name}}": {
            "parameters": [_NAME],
            "get": _operation("showToken", "One token, all but its text", "AdminToken"),
            "delete": _operation("revokeToken", "End a token for good", "AdminToken", write=True),
        },
        f"{PREFIX}/certificate": {
            "get": _operation("showCertificate", "How the API's own certificate stands", "AdminCertificate")
        },
        f"{PREFIX}/certificate/renewal": {
            "post": _operation("renew", "Have it renewed where that is due, or now", "AdminBegun", body="AdminRenewal")
        },
        f"{PREFIX}/certificate/revocation": {
            "post": _operation(
                "revoke", "Have it revoked, then ordered anew", "AdminCertificate", body="AdminRevocation"
            )
        },
        f"{PREFIX}/canaries": {
            "post": _operation("setCanary", "Serve a random value for a check", "AdminCanary", status="201", write=True)
        },
        f"{PREFIX}/canaries/{{name}}": {
            "parameters": [_NAME],
            "delete": _operation("removeCanary", "Take such a value away", "AdminRemoved", write=True),
        },
        f"{PREFIX}/check": {
            "get": _operation("showCheck", "The last report of the check that the server makes", "AdminCheck"),
            "post": _operation("check", "Have it check now, beside its usual times", "AdminBegun", write=True),
        },
        f"{PREFIX}/audit": {
            "get": _operation("audit", "A page of the audit log", "AdminAudit", query={**_PAGE, "since": _TIME})
        },
        f"{PREFIX}/stats": {"get": _operation("stats", "Numbers of the whole database", "AdminStats")},
        f"{PREFIX}/top": {
            "get": _operation(
                "top",
                "Which names are asked for most, by whom, with which answers; the last updates",
                "AdminTop",
                query={"limit": {"type": "integer", "minimum": 1}},
            )
        },
    }


def responses() -> dict[str, Any]:
    """The failures of the operator's routes by name."""
    found = {name: _json(text, "AdminError") for name, text in _FAILURES.values()}
    found["AdminTokenNeeded"]["headers"] = {
        hdrs.WWW_AUTHENTICATE: {"required": True, "schema": {"type": "string", "const": OPERATOR_CHALLENGE}}
    }
    return found


def _operation(
    name: str,
    summary: str,
    schema: str,
    *,
    query: dict[str, Any] | None = None,
    body: str | None = None,
    status: str = "200",
    optional: bool = False,
    write: bool = False,
) -> dict[str, Any]:
    statuses = _READING if body is None and not write else _MAKING if body is not None and status == "201" else _WRITING
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": ["operator"],
        "summary": summary,
        "security": _TOKEN,
        "responses": {
            status: _json("Done", schema),
            **{each: {"$ref": f"#/components/responses/{_FAILURES[each][0]}"} for each in statuses.split()},
        },
    }
    if query is not None:
        operation["parameters"] = [{"name": key, "in": "query", "schema": value} for key, value in query.items()]
    if body is not None:
        operation["requestBody"] = {
            "required": body in ("AdminEdit", "AdminValue", "AdminNewToken") and not optional,
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        }
    return operation


def _json(text: str, schema: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {**required, **(optional or {})},
    }


def _page(key: str, schema: str) -> dict[str, Any]:
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    return _object({key: rows, "next": {"type": ["integer", "null"], "description": "What `after` is next"}})


_ACCOUNT = {
    "id": _COUNT,
    "username": _TEXT,
    "subdomain": _TEXT,
    "fulldomain": _TEXT,
    "label": _TEXT,
    "allowfrom": _CIDRS,
    "disabled": {"type": "boolean"},
    "created": _TIME,
    "last_update": _MAYBE_TIME,
    "last_update_from": {"type": ["string", "null"]},
    "txt_rule": _RULE,
    "made_by": {"type": ["string", "null"], "description": "The token that registered it"},
}

_STORED_FOR = {"type": "array", "items": _object({"domain": _TEXT, "token": _TEXT})}

_ASKER = {
    "network": {"type": "string", "description": "A /24 of IPv4 or a /48 of IPv6"},
    "questions": _COUNT,
    "first": _TIME,
    "last": _TIME,
    "own": {"type": "boolean", "description": "Whether it is the updater's own, or asked as clients do, not as CAs"},
    "valued": {"type": "boolean", "description": "Whether the last answer held a value"},
}

_QUESTIONS = {
    "lately": {**_COUNT, "description": "Questions within lately_seconds; but for failed ones, for TXT of accounts"},
    "questions": {**_COUNT, "description": "Such questions since then"},
    "at_least": {"type": "boolean", "description": "Whether it was forgotten meanwhile, so that there may be more"},
}

_TOKEN_FACTS = {
    "id": _COUNT,
    "name": _TEXT,
    "state": {"enum": ["good", "revoked", "expired", "used up"]},
    "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
    "accounts": _COUNT,
    "uses_left": {"type": ["integer", "null"]},
    "expires": _MAYBE_TIME,
    "sources": _CIDRS,
    "labels": {"type": ["string", "null"]},
    "txt_rule": _RULE,
    "created": _TIME,
    "last_used": _MAYBE_TIME,
    "revoked": _MAYBE_TIME,
}

SCHEMAS: dict[str, Any] = {
    "AdminError": _object({"error": {"type": "string", "pattern": "^[a-z_]+$"}}, {"detail": _TEXT}),
    "AdminAccount": _object(_ACCOUNT),
    "AdminAccounts": _page("accounts", "AdminAccount"),
    "AdminWhole": _object(
        {
            **_ACCOUNT,
            "values": {"type": "array", "items": _object({"txt": _TEXT, "written": _TIME, "age_seconds": _COUNT})},
            "former_password_until": _MAYBE_TIME,
            "stored_for": _STORED_FOR,
        },
        {"remarks": {"type": "array", "items": _TEXT, "description": "What is odd in a value that was set"}},
    ),
    "AdminCredential": _object(
        {
            "username": _TEXT,
            "password": _TEXT,
            "fulldomain": _TEXT,
            "subdomain": _TEXT,
            "allowfrom": _CIDRS,
            "label": _TEXT,
        },
        {
            "served": {"type": "boolean", "description": "Of a new account: whether every DNS worker has it already"},
            "warning": _TEXT,
            "stored_for": {**_STORED_FOR, "description": "What this rotation has made out of date"},
        },
    ),
    "AdminTrace": _object(
        {
            "username": _TEXT,
            "fulldomain": _TEXT,
            "label": _TEXT,
            "last_update": _MAYBE_TIME,
            "last_update_from": {"type": ["string", "null"]},
            "values": {"type": "array", "items": _object({"written": _TIME, "age_seconds": _COUNT})},
            "known_since": {**_TIME, "description": "How far back it is known who asked"},
            "complete": {"type": "boolean", "description": "Whether every question could be noted; else: at least"},
            "verdict": {"enum": list(Word)},
            "detail": {"type": "string", "description": "The verdict for people"},
            "rounds": {
                "type": "array",
                "description": "The last updates, latest first; one that is not known begins with what is",
                "items": _object(
                    {
                        "updated": _MAYBE_TIME,
                        "updated_from": {"type": ["string", "null"]},
                        "questions": _COUNT,
                        "first": _MAYBE_TIME,
                        "last": _MAYBE_TIME,
                        "more_networks": {"type": "boolean", "description": "Whether more asked than are kept"},
                        "networks": {"type": "array", "items": _object(_ASKER)},
                    }
                ),
            },
        }
    ),
    "AdminDeleted": _object({"deleted": _TEXT}),
    "AdminToken": _object(_TOKEN_FACTS),
    "AdminTokens": _page("tokens", "AdminToken"),
    "AdminFreshToken": _object(
        {"token": {"type": "string", "description": "Told this once"}, "name": _TEXT},
        {key: value for key, value in _TOKEN_FACTS.items() if key != "name"},
    ),
    "AdminCertificate": _object(
        {
            "file": _TEXT,
            "issuer": {"type": "string", "description": "The directory of the CA, or self-signed"},
            "names": {"type": "array", "items": _TEXT},
            "serial": _TEXT,
            "key_type": _TEXT,
            "not_before": _TIME,
            "expires": _TIME,
            "revoked": {"type": "boolean"},
            "problem": {"type": ["string", "null"], "description": "Why the last try came to nothing"},
            "failures": {**_COUNT, "description": "How many have since the last certificate"},
            "next_try_not_before": _MAYBE_TIME,
            "renewal": {"type": "string", "description": "When it is to be renewed, or due"},
            "at_work": {"type": "boolean", "description": "Whether it is being renewed or revoked"},
        }
    ),
    "AdminBegun": _object(
        {"begun": {"type": "boolean"}, "detail": {"type": "string", "description": "Why not, and until when"}}
    ),
    "AdminCanary": _object(
        {
            "name": _TEXT,
            "fulldomain": _TEXT,
            "txt": _TEXT,
            "seconds": {**_COUNT, "description": "After how many it goes by itself"},
        }
    ),
    "AdminCheck": _object(
        {
            "every_seconds": {**_COUNT, "description": "check.every; 0 where it is off"},
            "running": {"type": "boolean", "description": "Whether one is under way"},
            "unconfirmed": {**_COUNT, "description": "Failures seen once: they count when the next one has them too"},
            "failure": {"type": ["string", "null"], "description": "Why the last one came to no report"},
            "begun": {**_MAYBE_TIME, "description": "When the one of this report began"},
            "seconds": {"type": ["number", "null"], "minimum": 0, "description": "How long it took"},
            "report": {"type": ["object", "null"], "description": "As acmedns check --json prints it"},
        }
    ),
    "AdminRemoved": _object({"removed": {"type": "boolean", "description": "Whether it was there still"}}),
    "AdminEntry": _object(
        {
            "id": _COUNT,
            "at": _TIME,
            "actor": _TEXT,
            "source": _TEXT,
            "action": _TEXT,
            "subject": _TEXT,
            "result": _TEXT,
            "details": {"type": "object"},
        }
    ),
    "AdminAudit": _page("entries", "AdminEntry"),
    "AdminTop": _object(
        {
            "since": {**_TIME, "description": "When the server began to count"},
            "at": _TIME,
            "lately_seconds": {"type": "number", "minimum": 0, "description": "What lately means"},
            "names": {"type": "array", "items": _object({"fulldomain": _TEXT, **_QUESTIONS})},
            "networks": {"type": "array", "items": _object({"network": _ASKER["network"], **_QUESTIONS})},
            "failed_names": {
                "type": "array",
                "description": "Of the queries that dns.log chose, those with another rcode than NOERROR",
                "items": _object({"name": _TEXT, **_QUESTIONS}),
            },
            "failed_networks": {
                "type": "array",
                "description": "Where these came from",
                "items": _object({"network": _ASKER["network"], **_QUESTIONS}),
            },
            "missed": {
                **_COUNT,
                "description": "Questions whose names could not be noted; each other number may lack them",
            },
            "missed_lately": _COUNT,
            "answers": {
                "type": "array",
                "description": "To all questions since then, of this zone or not; no row stands for none",
                "items": _object({"transport": {"enum": ["udp", "tcp"]}, "rcode": _TEXT, "answers": _COUNT}),
            },
            "updates": {
                "type": "array",
                "description": "Latest first",
                "items": _object({"fulldomain": _TEXT, "updated": _TIME, "updated_from": {"type": ["string", "null"]}}),
            },
        }
    ),
    "AdminStats": {"type": "object", "additionalProperties": _COUNT},
    "AdminNewAccount": _object(
        {}, {"label": _TEXT, "subdomain": {"type": ["string", "null"]}, "allowfrom": _CIDRS, "txt_rule": _RULE}
    ),
    "AdminEdit": {
        **_object({}, {"label": _TEXT, "allowfrom": _CIDRS, "disabled": {"type": "boolean"}, "txt_rule": _RULE}),
        "minProperties": 1,
        "maxProperties": 1,
    },
    "AdminRotation": _object({}, {"grace_seconds": _COUNT}),
    "AdminRenewal": _object(
        {}, {"force": {"type": "boolean", "description": "Before its time, and in a pause that is not the CA's wish"}}
    ),
    "AdminRevocation": _object({}, {"reason": {"type": "string", "default": "unspecified"}}),
    "AdminValue": _object({"txt": _TEXT}),
    "AdminNewToken": _object(
        {"name": _TEXT},
        {
            "scopes": {"type": "array", "items": {"enum": list(SCOPES)}, "default": ["register"]},
            "expires": _MAYBE_TIME,
            "uses": {"type": ["integer", "null"], "minimum": 1},
            "sources": _CIDRS,
            "labels": {"type": ["string", "null"]},
            "txt_rule": {"enum": [*TxtRule, None]},
        },
    ),
}
