"""GET /openapi.json: the API in OpenAPI 3.1, kept true by a test that sends what it promises and more."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import hdrs, web

from acmedns_py.accounts.txt_rule import LONGEST_OCTETS
from acmedns_py.api import openapi_admin
from acmedns_py.api.answers import CHALLENGE, JSON, Answer
from acmedns_py.api.visit import Visit

_ERRORS = {
    "400": ("BadRequest", "The body, or the request, can't be used; `error` says how."),
    "401": ("Forbidden", "Wrong credential, source address, name, or a body that is no JSON; which one is not told."),
    "404": ("NotFound", "There is nothing here."),
    "405": ("MethodNotAllowed", "The header Allow names the methods."),
    "408": ("TooSlow", "The body did not arrive within ten seconds."),
    "413": ("TooLarge", "The body has more than 16 KiB."),
    "429": (
        "TooManyRequests",
        "Too many failed logins, wrong tokens or registrations; Retry-After says when to come back.",
    ),
    "431": ("HeaderTooLarge", "A header has more than 8 KiB."),
    "500": ("Failed", "A fault of the server."),
    "503": ("Unavailable", "Nothing is lost, and a repeat is harmless; Retry-After says when to come back."),
}

_TIME = {"type": "string", "format": "date-time"}
_UUID = {"type": "string", "format": "uuid"}
_TXT = {
    "type": "string",
    "description": "43 characters of `A-Z a-z 0-9 _ -` (RFC 8555 8.4); an account of the rule `any` may hold other "
    f"text, of at most {LONGEST_OCTETS} octets",
    "examples": ["___validation_token_received_from_the_ca___"],
}
_CIDRS = {"type": "array", "items": {"type": "string"}, "examples": [["192.0.2.0/24", "2001:db8::/32"]]}
_LABEL = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_CREDENTIAL: list[dict[str, list[str]]] = [{"user": [], "key": []}]
_TOKEN: list[dict[str, list[str]]] = [{"basicToken": []}, {"bearerToken": []}]
_DOMAIN = [{"name": "domain", "in": "path", "required": True, "schema": {"type": "string"}}]
_BY_TOKEN = {
    "401": {"$ref": "#/components/responses/TokenNeeded"},
    "403": {"$ref": "#/components/responses/ScopeLacking"},
}
_KEPT_KEYS = ("fulldomain", "subdomain", "username", "password", "server_url")


def document(*, registration_open: bool, admin: bool) -> dict[str, Any]:
    """The OpenAPI document; /register is in it where it is open, the operator's routes with `admin`."""
    paths: dict[str, Any] = {
        "/update": {
            "post": {
                "operationId": "update",
                "summary": "Add a TXT value to the account's name; an empty value removes all",
                "description": "The answer comes when every DNS worker serves the value.",
                "security": _CREDENTIAL,
                "requestBody": _body("Update", required=True),
                "responses": {"200": _json("Served", "Txt"), **_failures("400 401 408 413 429 431 500 503")},
            },
            "delete": {
                "operationId": "remove",
                "summary": "Remove one TXT value from the account's name",
                "security": _CREDENTIAL,
                "requestBody": _body("Remove", required=True),
                "responses": {"200": _json("Removed", "Txt"), **_failures("400 401 408 413 429 431 500 503")},
            },
        },
        "/account": {
            "get": {
                "operationId": "account",
                "summary": "What this credential is; changes nothing",
                "security": _CREDENTIAL,
                "responses": {"200": _json("The account", "Own"), **_failures("400 401 429 431 500 503")},
            }
        },
        "/storage": {
            "get": {
                "operationId": "storage",
                "summary": "All accounts that the holder of this token keeps here, by domain",
                "security": _TOKEN,
                "responses": {
                    "200": _json("The accounts", "KeptAccounts"),
                    **_BY_TOKEN,
                    **_failures("400 429 431 500 503"),
                },
            }
        },
        "/storage/{domain}": {
            "get": {
                "operationId": "stored",
                "parameters": _DOMAIN,
                "summary": "The account that is kept for a domain; 404 where there is none",
                "security": _TOKEN,
                "responses": {
                    "200": _json("The account", "KeptAccount"),
                    **_BY_TOKEN,
                    **_failures("400 404 429 431 500 503"),
                },
            },
            "post": {
                "operationId": "store",
                "parameters": _DOMAIN,
                "summary": "Keep an account of this server for a domain",
                "description": "Never 201, which would tell lego that the CNAME is there already.",
                "security": _TOKEN,
                "requestBody": _body("KeptAccount", required=True),
                "responses": {
                    "200": _json("Kept", "KeptFor"),
                    **_BY_TOKEN,
                    **_failures("400 404 408 413 429 431 500 503"),
                },
            },
        },
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the process is there",
                "responses": {"200": {"description": "It is; the body is empty."}, **_failures("400 431 500")},
            }
        },
        "/health/ready": {
            "get": {
                "operationId": "ready",
                "summary": "Whether database and DNS workers do their work, and how the API's own certificate stands",
                "responses": {
                    "200": _json("They do", "Readiness"),
                    "503": _json("One of them does not", "Readiness"),
                    **_failures("400 431 500"),
                },
            }
        },
        **_ITSELF,
    }
    if registration_open:
        paths["/register"] = {
            "post": {
                "operationId": "register",
                "summary": "Make an account",
                "description": "Where the operator demands a registration token, it is sent as Bearer, as the password "
                "of Basic, or in front of the path: `/TOKEN/register`.",
                "security": [{}, {"basicToken": []}, {"bearerToken": []}],
                "requestBody": _body("Register", required=False),
                "responses": {
                    "201": _json("Made", "Account"),
                    "401": {"$ref": "#/components/responses/RegistrationRefused"},
                    **_failures("400 408 413 429 431 500 503"),
                },
            }
        }
    return _document(paths, admin=admin)


def admin_document(*, admin: bool) -> dict[str, Any]:
    """The OpenAPI document of addresses that have the operator's routes alone; `admin` as in `document`."""
    return _document(dict(_ITSELF), admin=admin)


def _document(paths: dict[str, Any], *, admin: bool) -> dict[str, Any]:
    responses: dict[str, Any] = {
        **{name: _json(text, "Error") for name, text in _ERRORS.values()},
        "TokenNeeded": _json("No token, or none that is good here; which is not told.", "Explained"),
        "ScopeLacking": _json("The token is good, for something else.", "Explained"),
        "RegistrationRefused": {
            "description": "No registration token, or none that is good here; which is not told.",
            "headers": {hdrs.WWW_AUTHENTICATE: {"required": True, "schema": {"type": "string", "const": CHALLENGE}}},
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    }
    schemas = _SCHEMAS
    if admin:
        paths = {**paths, **openapi_admin.paths()}
        responses |= openapi_admin.responses()
        schemas = {**schemas, **openapi_admin.SCHEMAS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "acme-dns API",
            "version": "2",
            "description": 'Every failure is `{"error": "..."}`, a refused registration apart. Bodies are read as JSON '
            "whatever their type says, keys match without regard to case, unknown keys are ignored.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "user": {"type": "apiKey", "in": "header", "name": "X-Api-User"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "basicToken": {"type": "http", "scheme": "basic"},
                "bearerToken": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def document_route(
    described: Callable[..., dict[str, Any]], operators: Callable[[], Awaitable[bool]]
) -> Callable[[web.BaseRequest, Visit], Awaitable[Answer]]:
    """The handler that sends the document: `described` gives it, `operators` whether their routes are there by now."""
    octets = {admin: msgspec.json.encode(described(admin=admin)) for admin in (False, True)}

    async def get(_request: web.BaseRequest, _visit: Visit) -> Answer:
        return Answer(status=200, body=octets[await operators()], headers={hdrs.CONTENT_TYPE: JSON})

    return get


def _body(schema: str, *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _json(text: str, schema: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _failures(statuses: str) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/{_ERRORS[status][0]}"} for status in statuses.split()}


_ITSELF: dict[str, Any] = {
    "/openapi.json": {
        "get": {
            "operationId": "openapi",
            "summary": "This document",
            "responses": {"200": _json("OpenAPI 3.1", "Document"), **_failures("400 431 500")},
        }
    }
}

_SCHEMAS: dict[str, Any] = {
    "Register": {
        "type": ["object", "null"],
        "properties": {
            "allowfrom": {**_CIDRS, "type": ["array", "null"]},
            "subdomain": {
                "type": ["string", "null"],
                "description": "The label wished for; ignored but for tokens that let their holder choose",
            },
        },
    },
    "Account": {
        "type": "object",
        "required": ["username", "password", "fulldomain", "subdomain", "allowfrom"],
        "additionalProperties": False,
        "properties": {
            "username": _UUID,
            "password": {"type": "string", "pattern": "^[A-Za-z0-9_-]{40}$"},
            "fulldomain": {"type": "string", "description": "What `_acme-challenge` is to be a CNAME of"},
            "subdomain": _LABEL,
            "allowfrom": _CIDRS,
        },
    },
    "Own": {
        "type": "object",
        "required": [
            "username",
            "fulldomain",
            "subdomain",
            "label",
            "allowfrom",
            "address",
            "address_allowed",
            "created",
            "last_update",
            "last_update_from",
            "txt_rule",
            "values",
        ],
        "additionalProperties": False,
        "properties": {
            "username": _UUID,
            "fulldomain": {"type": "string"},
            "subdomain": {"type": "string", "pattern": "^[a-z0-9-]{1,63}$"},
            "label": {"type": "string", "description": "What people call the account"},
            "allowfrom": _CIDRS,
            "address": {"type": ["string", "null"], "description": "Where this request came from"},
            "address_allowed": {"type": "boolean", "description": "Whether an update from there would be let in"},
            "created": _TIME,
            "last_update": {**_TIME, "type": ["string", "null"]},
            "last_update_from": {"type": ["string", "null"]},
            "txt_rule": {"enum": ["acme", "any"], "description": "Which values the account may hold"},
            "values": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["txt", "written", "age_seconds"],
                    "additionalProperties": False,
                    "properties": {
                        "txt": {"type": "string"},
                        "written": _TIME,
                        "age_seconds": {"type": "integer", "minimum": 0},
                    },
                },
            },
        },
    },
    "Update": {
        "type": "object",
        "required": ["subdomain", "txt"],
        "properties": {"subdomain": _LABEL, "txt": _TXT},
    },
    "Remove": {
        "type": "object",
        "required": ["subdomain", "txt"],
        "properties": {"subdomain": _LABEL, "txt": _TXT},
    },
    "Txt": {
        "type": "object",
        "required": ["txt"],
        "additionalProperties": False,
        "properties": {"txt": {"type": "string"}},
    },
    "KeptAccount": {
        "type": "object",
        "required": list(_KEPT_KEYS),
        "properties": {key: {"type": "string"} for key in _KEPT_KEYS},
    },
    "KeptAccounts": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/KeptAccount"}},
    "KeptFor": {
        "type": "object",
        "required": ["domain", "fulldomain"],
        "additionalProperties": False,
        "properties": {"domain": {"type": "string"}, "fulldomain": {"type": "string"}},
    },
    "Readiness": {"type": "object"},
    "Document": {"type": "object"},
    "Explained": {
        "type": "object",
        "required": ["error", "detail"],
        "additionalProperties": False,
        "properties": {"error": {"type": "string", "pattern": "^[a-z_]+$"}, "detail": {"type": "string"}},
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {"error": {"type": "string", "pattern": "^[a-z_]+$"}},
    },
}
