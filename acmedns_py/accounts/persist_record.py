"""What is odd about a lasting value, read as the record of dns-persist-01: a CAA issue-value with certain parameters.

    issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]         (RFC 8659 4.2)

dns-persist-01 (draft-ietf-acme-dns-persist) knows the parameters accounturi, which must be there, policy and
persistUntil; others are left alone. All that is found here is said to people, who may well mean it: a TXT record can
hold anything. Nothing of the value is quoted but names of its parameters.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import structlog

from acmedns_py.accounts.txt_rule import is_challenge

_WSP = " \t"
_LABEL = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*", re.ASCII)
_ISSUER = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*", re.ASCII)
_PARAMETER_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]*", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)
_UNIX_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)

_SHOWN_CHARACTERS = 32
"""Of a parameter's name, in what is said about it."""


_log = structlog.get_logger(__name__)


class NotIssueValue(ValueError):
    """A text that has not the form of an issue-value; says where."""


def parse(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Give issuer domain name (perhaps empty) and parameters of an issue-value; raises `NotIssueValue`."""
    issuer, semicolon, rest = text.partition(";")
    issuer = issuer.strip(_WSP)
    if issuer and _ISSUER.fullmatch(issuer) is None:
        raise NotIssueValue("what stands before the first ; is no domain name")
    parameters: list[tuple[str, str]] = []
    if not semicolon or not rest.strip(_WSP):
        return issuer, parameters
    for number, part in enumerate(rest.split(";"), 1):
        tag, equals, value = (piece.strip(_WSP) for piece in part.partition("="))
        if not part.strip(_WSP):
            raise NotIssueValue(f"parameter {number} is empty; a ; stands only between two parameters")
        if not equals or _LABEL.fullmatch(tag) is None:
            raise NotIssueValue(f"parameter {number} has not the form NAME=VALUE")
        if _PARAMETER_VALUE.fullmatch(value) is None:
            raise NotIssueValue(f"parameter {number} holds a blank, or what is not printable ASCII")
        parameters.append((tag, value))
    return issuer, parameters


def remark(username: str, text: str, now: datetime) -> list[str]:
    """Log what is odd about a value that this account has been given, and give it; challenges have nothing odd."""
    if is_challenge(text.encode()):
        return []
    found = oddities(text, now)
    for oddity in found:
        _log.warning("lasting_value_odd", account=username, problem=oddity)
    return found


def oddities(text: str, now: datetime) -> list[str]:
    """What a CA that looks for its record would stumble over, one sentence each; nothing for a good one."""
    try:
        issuer, parameters = parse(text)
    except NotIssueValue as error:
        return [f"this is no record of dns-persist-01 (RFC 8659 4.2): {error}"]
    return list(_oddities(issuer, parameters, now))


def _oddities(issuer: str, parameters: list[tuple[str, str]], now: datetime) -> Iterator[str]:
    if not issuer:
        yield "no CA is named before the first ; and so none is allowed anything by it"
    elif "." not in issuer:
        yield "what stands before the first ; is one label, and CAs go by complete domain names"
    named: dict[str, str] = {}
    for tag, value in parameters:
        if tag.lower() in named:
            yield f"{tag[:_SHOWN_CHARACTERS]} is there more than once"
        named.setdefault(tag.lower(), value)
    account = named.get("accounturi")
    if account is None:
        yield "there is no accounturi, without which it gives nobody leave"
    elif _URI.fullmatch(account) is None:
        yield "accounturi is no URI"
    policy = named.get("policy")
    if policy is not None and policy.lower() != "wildcard":
        yield "policy is not wildcard, the only one there is, and counts as absent"
    until = named.get("persistuntil")
    if until is not None:
        if _UNIX_TIME.fullmatch(until) is None:
            yield "persistUntil is no number of seconds since 1970"
        elif int(until) <= now.astimezone(UTC).timestamp():
            yield "persistUntil has passed"
