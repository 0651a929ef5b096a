"""Whether a set of CAA records lets a CA issue (RFC 8659 4, RFC 8657), by which method, for which names and accounts.

The set is the relevant one: of the name, or of the first name above it that has any; which that is, is not judged here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

CRITICAL: Final = 128
"""The flag by which a record forbids all that do not know its tag (RFC 8659 4.1): the highest bit, not the number 1."""

METHOD: Final = "dns-01"
"""What all is about, where no other method of proof is named (RFC 8555 8.4)."""

OTHER_METHODS: Final = ("dns-account-01", "dns-persist-01")
"""Those whose values come from this server as well."""

_METHODS: Final = "validationmethods"
_ACCOUNT: Final = "accounturi"

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

    @property
    def text(self) -> str:
        """The rdata in presentation form (RFC 8659 4.1.1)."""
        return f'{self.flags} {self.tag} "{"".join(map(_escaped, self.value))}"'


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may issue: the CA's name, folded, "" for nobody; by which methods and for which accounts, None: any."""

    domain: str
    methods: frozenset[str] | None = None
    account: str | None = None

    def takes(self, method: str) -> bool:
        """Whether it may issue by this method."""
        return self.methods is None or method in self.methods

    def serves(self, account: str) -> bool:
        """Whether it may issue for this account."""
        return self.account is None or self.account == account


def properties(rdatas: Iterable[bytes]) -> list[Property]:
    """Read records in wire form; one that is too short for its tag has none, and flags of zero."""
    return [_property(rdata) for rdata in rdatas]


def issuers(rdatas: Iterable[bytes], *, wildcard: bool = False) -> list[Issuer] | None:
    """Give who is named for a name, or for a wildcard; None where the records say nothing of it, so that anybody may.

    For wildcards `issuewild` goes before `issue` (RFC 8659 4.3).
    """
    return [_issuer(one.value) for one in _relevant(rdatas, wildcard=wildcard)] or None


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
    if issuers(rdatas, wildcard=wildcard) is None:
        return None
    named = _naming(rdatas, identities, wildcard=wildcard)
    if not named:
        return Obstacle.ISSUER
    if not any(issuer.takes(method) for _, issuer in named):
        return Obstacle.METHOD
    shut = shut_out(rdatas, identities, accounts, method=method, wildcard=wildcard)
    return Obstacle.ACCOUNT if accounts and len(shut) == len(accounts) else None


def shut_out(
    rdatas: Iterable[bytes],
    identities: Collection[str],
    accounts: Iterable[str],
    *,
    method: str = METHOD,
    wildcard: bool = False,
) -> list[str]:
    """Give those of the accounts that no record lets in, where the CA itself is let in by some; else none."""
    able = [issuer for _, issuer in _naming(rdatas, identities, wildcard=wildcard) if issuer.takes(method)]
    return [one for one in accounts if able and not any(issuer.serves(one) for issuer in able)]


def correction(
    rdatas: Sequence[bytes],
    identities: Collection[str],
    account: str | None = None,
    *,
    method: str = METHOD,
    wildcard: bool = False,
) -> Property | None:
    """Give the record that lets a CA issue by a method, and for an account where one is given.

    It is made of the record that is nearest to that, whose other parameters it keeps, unknown ones too; where none
    names the CA it is the name alone, and None where there is no name. For wildcards it is an `issuewild` only where
    there is one already: the first one shuts out all CAs that `issue` let in (RFC 8659 4.3).
    """
    near = _naming(rdatas, identities, wildcard=wildcard)
    if not near:
        tag = next((one.tag for one in _relevant(rdatas, wildcard=wildcard)), _ISSUE)
        return Property(0, tag, min(identities)) if identities else None

    def distance(one: tuple[Property, Issuer]) -> tuple[bool, bool, bool]:
        issuer = one[1]
        wanted = account is None or issuer.serves(account)
        return not wanted and not _of_one_ca(issuer.account, account), not issuer.takes(method), not wanted

    record, issuer = min(near, key=distance)
    value = record.value
    if not issuer.takes(method):
        value = _with(value, _METHODS, ",".join((*sorted(issuer.methods or ()), method)))
    if account is not None and not issuer.serves(account):
        value = _with(value, _ACCOUNT, account)
    return replace(record, value=value)


def limits(rdatas: Iterable[bytes], values: Iterable[str], *, wildcard: bool, alone: bool) -> list[Property]:
    """Give the records by which the CAs of these values may issue for a name, to stand beside those that are there.

    With `wildcard` for wildcards of it too: `issue` lets them in, unless there is an `issuewild` (RFC 8659 4.3). Else
    nobody may for wildcards, where the name is `alone` in having the records, and nothing is said of wildcards yet.
    """
    said = any(one.tag == _ISSUEWILD for one in properties(rdatas))
    values = tuple(values)
    found = [Property(0, _ISSUE, value) for value in values]
    if said and wildcard:
        found += [Property(0, _ISSUEWILD, value) for value in values]
    elif not said and not wildcard and alone:
        found.append(Property(0, _ISSUEWILD, ";"))
    return found


def _relevant(rdatas: Iterable[bytes], *, wildcard: bool) -> list[Property]:
    found = properties(rdatas)
    wild = [one for one in found if one.tag == _ISSUEWILD] if wildcard else []
    return wild or [one for one in found if one.tag == _ISSUE]


def _naming(rdatas: Iterable[bytes], identities: Collection[str], *, wildcard: bool) -> list[tuple[Property, Issuer]]:
    """The records that name one of these CAs, and without any, all that name a CA."""
    read = [(one, _issuer(one.value)) for one in _relevant(rdatas, wildcard=wildcard)]
    return [(one, issuer) for one, issuer in read if issuer.domain and (not identities or issuer.domain in identities)]


def _of_one_ca(url: str | None, other: str | None) -> bool:
    """Whether two accounts are at the same host."""
    return url is not None and other is not None and url.split("/")[:3] == other.split("/")[:3]


def _with(value: str, wanted: str, text: str) -> str:
    """Give the value of a record with this parameter, in the place of all others of its name."""
    domain, *parameters = (part.strip(" \t") for part in value.split(";"))
    kept = [one for one in parameters if one and one.partition("=")[0].strip(" \t").lower() != wanted]
    return "; ".join((domain, *kept, f"{wanted}={text}"))


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\{ord(character):03d}"


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
        if tag.lower() == _METHODS:
            methods = frozenset(method.strip(" \t") for method in text.split(",") if method.strip(" \t"))
        elif tag.lower() == _ACCOUNT:
            # A second one makes a record that no account can fulfil (RFC 8657 3).
            account = text if account is None else ""
    return Issuer(domain.lower(), methods, account)
