"""CAA: who may issue for each host by dns-01, as a CA reads it climbing from the host up (RFC 8659 3, RFC 8657)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from acmedns_py.check.asking import record_lines
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.paths import Host
from acmedns_py.check.walk import Lookup, Walk
from acmedns_py.dns import name
from acmedns_py.dns.caa import (
    CRITICAL,
    OTHER_METHODS,
    Obstacle,
    correction,
    issuers,
    obstacle,
    properties,
    shut_out,
    unknown_critical,
)
from acmedns_py.dns.caa import METHOD as DNS_01
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

NAME: Final = "caa"
TITLE: Final = "CAA records"

_REFUSES: Final = "The CA will refuse the host, and say that CAA forbids it."

UNANSWERED: Final = Kind(
    "caa-unanswered",
    Verdict.FAIL,
    "the question for CAA records gets no answer",
    "A CA must not issue as long as it can't know (RFC 8659 6): it will refuse the host.",
    "See why that server does not answer; one that knows no CAA must answer that there is none, not fail.",
)
UNTESTED: Final = Kind(
    "caa-not-tested",
    Verdict.NOT_TESTED,
    "CAA records of the host were not looked at",
    "Whether a CA may issue is not known.",
    "Where the host's zone does not answer, begin with that; where no way leads to its servers, check from another "
    "machine; where the time ran out, check fewer hosts at once or give acmedns check more: --timeout.",
)
CRITICAL_UNKNOWN: Final = Kind(
    "caa-critical",
    Verdict.FAIL,
    "a critical CAA record has a tag that CAs don't know",
    "Every CA that does not know the tag must refuse the host (RFC 8659 4.1).",
    "Correct the tag, or set the record's flags to 0.",
)
FORBIDS: Final = Kind(
    "caa-forbids",
    Verdict.FAIL,
    "the CAA records do not let the CA issue",
    _REFUSES,
    "Add a record that names the CA; those that are there may stay beside it.",
)
METHOD: Final = Kind(
    "caa-method",
    Verdict.FAIL,
    "the CAA records let the CA issue by no method whose values come from this server",
    _REFUSES,
    "Add dns-01 to validationmethods: the record to paste goes in the place of the one that it was made of.",
)
METHOD_OTHER: Final = Kind(
    "caa-method-other",
    Verdict.NOTE,
    "the CAA records let the CA issue by dns-account-01 or dns-persist-01, and not by dns-01",
    "A client that uses dns-01, as nearly all do, will be refused.",
    "Nothing, if yours uses the other method; else add dns-01 to validationmethods.",
)
ACCOUNT: Final = Kind(
    "caa-account",
    Verdict.FAIL,
    "the CAA records let another account of the CA issue than yours",
    _REFUSES,
    "Add a record with your client's account URL as accounturi, which the client shows (certbot show_account, lego's "
    "account.json); the one that is there may stay beside it.",
)
ACCOUNT_SOME: Final = Kind(
    "caa-account-some",
    Verdict.WARN,
    "the CAA records let one of your accounts of the CA issue, and another one not",
    "If the client with that account renews the host, the CA will refuse it.",
    "Add a record for that account too. Nothing, if each account has hosts of its own: then check them apart, with "
    "--account-url.",
)
ACCOUNT_BOUND: Final = Kind(
    "caa-account-bound",
    Verdict.NOTE,
    "the CAA records let one account of a CA issue alone",
    "That is as safe as can be. A client with a new account at the CA will be refused.",
    "To have it compared, give your client's account URL: check.accounts, or --account-url.",
)
MALFORMED: Final = Kind(
    "caa-malformed",
    Verdict.WARN,
    "the value of a CAA record has octets that none may have",
    "Some CAs refuse the host for it.",
    'Write the value in ASCII, as in 0 issue "ca.example"; names in other scripts as A-labels (xn--...).',
)
FLAG: Final = Kind(
    "caa-flag",
    Verdict.NOTE,
    "a CAA record has flags that mean nothing",
    "It is not critical, as was probably meant: that is the number 128, and not 1 (RFC 8659 4.1).",
    "Write 128 for a critical record, and 0 for others.",
)

ALLOWS: Final = Kind(
    "caa-allows",
    Verdict.OK,
    "the CAA records, or that there are none, let the CA issue",
    "No CA that is wanted has to refuse the host for it.",
    "Nothing. To let your own account alone issue: accounturi and validationmethods=dns-01 (RFC 8657).",
)

KINDS: Final = catalogue(
    (
        *(UNANSWERED, UNTESTED, CRITICAL_UNKNOWN, FORBIDS, METHOD, METHOD_OTHER),
        *(ACCOUNT, ACCOUNT_SOME, ACCOUNT_BOUND, MALFORMED, FLAG, ALLOWS),
    )
)

_BY_OBSTACLE: Final = {
    Obstacle.CRITICAL: CRITICAL_UNKNOWN,
    Obstacle.ISSUER: FORBIDS,
    Obstacle.METHOD: METHOD,
    Obstacle.ACCOUNT: ACCOUNT,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to issue: the names that the CA goes by in CAA records, none: any CA; and the clients' account URLs."""

    identities: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Climb:
    """What was found for a host: at each name from it upwards, up to the first that has records or can't be known.

    Nothing where the host's zone does not answer, so that there was no use in asking.
    """

    host: Host
    levels: tuple[tuple[bytes, Lookup], ...]

    @property
    def relevant(self) -> RRset | None:
        """The records that count, None where there are none up to the root."""
        return self.levels[-1][1].rrset if self.levels else None


def judge(climbs: Iterable[Climb], wanted: Wanted) -> list[Finding]:
    """Judge what a CA would make of each host; what is wrong with a record is told once for all hosts below it."""
    found: dict[tuple[str, str], Finding] = {}
    for climb in climbs:
        for finding in _judged(climb, wanted):
            found.setdefault((finding.kind.id, finding.subject), finding)
    return list(found.values())


async def climb(walk: Walk, host: Host) -> Climb:
    """Climb for a host; what hosts have in common is asked once. Aliases are followed at each name (RFC 8659 3)."""
    levels: list[tuple[bytes, Lookup]] = []
    owner = host.name
    # The root itself is not asked (RFC 8659 3).
    while owner != name.ROOT:
        found = await walk.lookup(owner, RRType.CAA)
        levels.append((owner, found))
        if found.broken or found.rrset is not None:
            break
        owner = name.parent(owner)
    return Climb(host, tuple(levels))


def _judged(climb: Climb, wanted: Wanted) -> Iterator[Finding]:
    if not climb.levels:
        yield Finding(UNTESTED, climb.host.text, "its zone gave no answer for its challenge name")
        return
    owner, last = climb.levels[-1]
    if last.broken:
        repeat = last.steps[-1].repeat if last.steps else ""
        yield Finding(
            UNTESTED if last.untested else UNANSWERED,
            climb.host.text,
            told(f"{_name(owner)} {last.broken}"),
            repeat=repeat,
        )
        return
    rrset = climb.relevant
    if rrset is None:
        yield Finding(ALLOWS, climb.host.text, "no CAA record from here to the root: any CA may issue")
        return
    yield from _oddities(rrset, last)
    method, wildcard = _method(rrset.rdatas, climb.host, wanted), climb.host.wildcard
    way = obstacle(rrset.rdatas, wanted.identities, method=method, wildcard=wildcard, accounts=wanted.accounts)
    shut = shut_out(rrset.rdatas, wanted.identities, sorted(wanted.accounts), method=method, wildcard=wildcard)
    if way is not None or shut:
        yield _hindered(climb, rrset, wanted, ACCOUNT_SOME if way is None else _BY_OBSTACLE[way], shut)
        return
    named = issuers(rrset.rdatas, wildcard=climb.host.wildcard)
    who = "any CA" if named is None else ", ".join(sorted({told(one.domain) for one in named if one.domain}))
    seen = told(f"{who} may issue; {_seen(owner, rrset)}")
    yield Finding(ALLOWS, climb.host.text, seen, repeat=last.steps[-1].repeat)
    # Of the records, and not of each host below them: nothing is wrong with any.
    if method != DNS_01:
        yield Finding(METHOD_OTHER, _name(rrset.owner), _seen(owner, rrset), repeat=last.steps[-1].repeat)
    if not wanted.accounts and _bound(rrset.rdatas, climb.host, wanted):
        yield Finding(ACCOUNT_BOUND, _name(rrset.owner), _seen(owner, rrset), repeat=last.steps[-1].repeat)


def _method(rdatas: Sequence[bytes], host: Host, wanted: Wanted) -> str:
    """Give the method to judge by: dns-01, unless the records let in another one of this server's in its place."""

    def let_in(method: str) -> bool:
        way = obstacle(rdatas, wanted.identities, method=method, wildcard=host.wildcard)
        return way is not Obstacle.METHOD

    return next(filter(let_in, (DNS_01, *OTHER_METHODS)), DNS_01)


def _bound(rdatas: Sequence[bytes], host: Host, wanted: Wanted) -> bool:
    named = issuers(rdatas, wildcard=host.wildcard) or []
    able = [one for one in named if one.domain and (not wanted.identities or one.domain in wanted.identities)]
    return bool(able) and all(one.account is not None for one in able)


def _oddities(rrset: RRset, found: Lookup) -> Iterator[Finding]:
    repeat = found.steps[-1].repeat
    read = properties(rrset.rdatas)
    if not all(one.value.isascii() for one in read):
        yield Finding(MALFORMED, _name(rrset.owner), _seen(rrset.owner, rrset), repeat=repeat)
    if any(one.flags & ~CRITICAL for one in read) and not unknown_critical(rrset.rdatas):
        yield Finding(FLAG, _name(rrset.owner), _seen(rrset.owner, rrset), repeat=repeat)


def _hindered(climb: Climb, rrset: RRset, wanted: Wanted, kind: Kind, shut: Sequence[str]) -> Finding:
    owner, found = climb.levels[-1]
    host = climb.host.text
    who = ", ".join(sorted(wanted.identities)) or "Every CA"
    consequence = kind.consequence.replace(_REFUSES, f"{who} will refuse {host}, and say that CAA forbids it.")
    kept_out = f"not for {', '.join(shut)}: " if shut else ""
    return Finding(
        kind,
        host,
        told(f"{kept_out}{_seen(owner, rrset)}"),
        consequence,
        cure=_cure(kind, owner, rrset),
        paste=() if kind is CRITICAL_UNKNOWN else _paste(rrset, climb.host, wanted, shut),
        repeat=found.steps[-1].repeat,
    )


def _cure(kind: Kind, owner: bytes, rrset: RRset) -> str:
    """Say where the record goes: what is at an alias itself nobody sees, and no server serves (RFC 2181 10.1)."""
    if rrset.owner == owner:
        return ""
    there = _name(rrset.owner)
    return (
        f"{kind.cure} It goes to {there}, and not to {_name(owner)}: that is a CNAME, beside which no other record may "
        f"stand, and CAs take the records of its target (RFC 8659 3). If {there} is not yours, ask whose it is, or put "
        "addresses in the place of the CNAME."
    )


def _paste(rrset: RRset, host: Host, wanted: Wanted, shut: Sequence[str]) -> tuple[str, ...]:
    """The records that are missing, for each account that is shut out; no name of a CA's, no record."""
    made = [
        correction(rrset.rdatas, wanted.identities, account, wildcard=host.wildcard) for account in (shut or (None,))
    ]
    lines = (f"{name.to_text(rrset.owner)} CAA {one.text}" for one in made if one is not None)
    # Half a record is none.
    return tuple(line for line in lines if line == told(line))


def _seen(owner: bytes, rrset: RRset) -> str:
    via = "" if rrset.owner == owner else f"{_name(owner)} is an alias, and so counts "
    return told(via + "; ".join(record_lines(rrset)))


def _name(owner: bytes) -> str:
    return told(name.to_text(owner))
