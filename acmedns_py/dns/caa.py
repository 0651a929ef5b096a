"""Whether a set of CAA records lets a CA issue (RFC 8659 4, RFC 8657), by which method, for which names and accounts.

The set is the relevant one: of the name, or of the first name above it that has any; which that is, is not judged here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

CRITICAL: Final = 128
"""The flag by which a record forbids all that do not know its tag (RFC 8659 4.1): the highest bit, not the number 1."""

METHOD: Final = "dns-01"
"""What all is about, where no other method of proof is named (RFC 8555 8.4)."""

_ISSUE: Final = "issue"
_ISSUEWILD: Final = "issuewild"
_KNOWN: Final = frozenset({_ISSUE, _ISSUEWILD, "iodef", "issuemail"})
"""Tags that Let's Encrypt's software knows; a critical record with any other one stops it."""


class Obstacle(Enum):
    """Why the records let no CA that is asked for issue; of several reasons the one that is nearest to a yes."""

    CRITICAL = auto()
    ISSUER = auto()
    METHOD = auto()
    ACCOUNT = auto()


@dataclass(frozen=True, slots=True)
class Property:
    """One CAA record; the tag is folded, as it is compared (RFC 8659 4.1)."""

    flags: int
    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may issue: the CA's name, folded, "" for nobody; by which methods and for which accounts, None: any."""

    domain: str
    methods: frozenset[str] | None = None
    account: str | None = None


def properties(rdatas: Iterable[bytes]) -> list[Property]:
    """Read records in wire form; one that is too short for its tag has none, and flags of zero."""
    return [_property(rdata) for rdata in rdatas]


def issuers(rdatas: Iterable[bytes], *, wildcard: bool = False) -> list[Issuer] | None:
    """Give who is named for a name, or for a wildcard; None where the records say nothing of it, so that anybody may.

    For wildcards `issuewild` goes before `issue` (RFC 8659 4.3).
    """
    found = properties(rdatas)
    wild = [one for one in found if one.tag == _ISSUEWILD] if wildcard else []
    named = wild or [one for one in found if one.tag == _ISSUE]
    return [_issuer(one.value) for one in named] or None


def unknown_critical(rdatas: Iterable[bytes]) -> list[Property]:
    """Give the records that stop every CA which does not know their tag."""
    return [one for one in properties(rdatas) if one.flags & CRITICAL and one.tag not in _KNOWN]


def obstacle(
    rdatas: Sequence[bytes],
    identities: Collection[str],
    *,
    method: str = METHOD,
    wildcard: bool = False,
    accounts: Collection[str] = (),
) -> Obstacle | None:
    """Judge whether a CA that goes by one of `identities` may issue by a method of proof; None is yes.

    Identities are folded; without any, it is asked whether anybody may. `accounts` are the ACME account URLs that will
    ask; without any they are not judged.
    """
    if unknown_critical(rdatas):
        return Obstacle.CRITICAL
    named = issuers(rdatas, wildcard=wildcard)
    if named is None:
        return None
    wanted = [one for one in named if one.domain and (not identities or one.domain in identities)]
    if not wanted:
        return Obstacle.ISSUER
    able = [one for one in wanted if one.methods is None or method in one.methods]
    if not able:
        return Obstacle.METHOD
    if accounts and not any(one.account is None or one.account in accounts for one in able):
        return Obstacle.ACCOUNT
    return None


def _property(rdata: bytes) -> Property:
    if len(rdata) < 2 or len(rdata) < 2 + rdata[1]:
        return Property(0, "", "")
    end = 2 + rdata[1]
    return Property(rdata[0], rdata[2:end].decode("latin-1").lower(), rdata[end:].decode("latin-1"))


def _issuer(value: str) -> Issuer:
    domain, *parameters = (part.strip(" \t") for part in value.split(";"))
    methods: frozenset[str] | None = None
    account: str | None = None
    for parameter in parameters:
        tag, equals, text = (part.strip(" \t") for part in parameter.partition("="))
        if parameter and not equals:
            # What is no issue-value lets nobody issue (RFC 8659 4.2).
            return Issuer("")
        match tag.lower():
            case "validationmethods":
                methods = frozenset(method.strip(" \t") for method in text.split(","))
            case "accounturi":
                # A second one makes a record that no account can fulfil (RFC 8657 3).
                account = text if account is None else ""
    return Issuer(domain.lower(), methods, account)
