"""The challenge name of each host: whether it leads to an account of ours, at every server on the way."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from acmedns_py.check.accounts import Holders
from acmedns_py.check.facts import Answer, texts
from acmedns_py.check.finding import Finding, Kind, Verdict, catalogue, told
from acmedns_py.check.paths import Ending, Host, Link, Path, failing, target, untested
from acmedns_py.check.walk import LONGEST_CHAIN, rcode_text
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType

NAME: Final = "hosts"
TITLE: Final = "Hosts' challenge names"

LONG_TTL_SECONDS: Final = 3600
"""What a domain owner's alias may be remembered for before a change of it is a matter of patience."""

_REFUSES: Final = "No CA can issue for the host by dns-01 now."

_POINT: Final = (
    "Set the CNAME record at the host's DNS provider; acmedns account new HOST makes an account and prints the record."
)

BROKEN: Final = Kind(
    "host-zone-broken",
    Verdict.FAIL,
    "no server answers for a zone on the host's path",
    _REFUSES,
    "See at the provider of that zone why its servers don't answer for it, or whether its delegation is still right.",
)
UNTESTED: Final = Kind(
    "host-not-tested",
    Verdict.NOT_TESTED,
    "this machine has no way to any server of a zone on the host's path",
    "Nothing is known of the host.",
    "Check from a machine that reaches them; where they have IPv6 addresses only it needs IPv6.",
)
MISSING: Final = Kind(
    "host-no-alias",
    Verdict.FAIL,
    "the host's challenge name does not exist",
    _REFUSES,
    _POINT,
)
TXT_INSTEAD: Final = Kind(
    "host-txt-instead",
    Verdict.FAIL,
    "the provider has a TXT record at the challenge name and no CNAME record",
    "A CA reads that value and never asks this server, so that what clients set here is of no use.",
    "Delete the TXT record, which an earlier way of validation has left, and set the CNAME record.",
)
TXT_BESIDE: Final = Kind(
    "host-txt-beside",
    Verdict.FAIL,
    "there is a TXT record beside the CNAME record",
    "Resolvers take the one or the other (RFC 1034 3.6.2), so that validation fails by chance.",
    "Delete the TXT record at the provider.",
)
OWNER_DOUBLED: Final = Kind(
    "host-owner-doubled",
    Verdict.FAIL,
    "the record was made with the zone's name twice at its end",
    f"The name that a CA asks for does not exist. {_REFUSES}",
    "The provider completes names by the zone: write the name without the zone there, or with a dot at its end.",
)
TARGET_DOUBLED: Final = Kind(
    "host-target-doubled",
    Verdict.FAIL,
    "the alias leads to our name with the provider's zone behind it",
    f"The name that it leads to does not exist. {_REFUSES}",
    "The provider completes targets by the zone: write the target with a dot at its end.",
)
DANGLING: Final = Kind(
    "host-dangling",
    Verdict.FAIL,
    "the alias leads to a name that does not exist",
    _REFUSES,
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
ELSEWHERE: Final = Kind(
    "host-elsewhere",
    Verdict.FAIL,
    "the alias ends outside of our zone",
    "A CA asks another server than this one, so that what clients set here is of no use.",
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
TAKEN: Final = Kind(
    "host-taken",
    Verdict.FAIL,
    "another service has the challenge name",
    "A name has one CNAME record: as long as that service proves this host, no client of ours can.",
    "Decide who gets the certificate. For ours replace the CNAME record; the other service loses its own renewal.",
)
LOOP: Final = Kind(
    "host-loop",
    Verdict.FAIL,
    "the aliases lead back to where they have been",
    _REFUSES,
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
TOO_LONG: Final = Kind(
    "host-chain-too-long",
    Verdict.FAIL,
    f"more than {LONGEST_CHAIN} aliases follow one another",
    f"Resolvers give up after that many. {_REFUSES}",
    "Let the host's CNAME record lead to the name of an account directly.",
)
WILDCARD: Final = Kind(
    "host-wildcard",
    Verdict.FAIL,
    "a wildcard record answers in place of the challenge name, and leads elsewhere",
    _REFUSES,
    "Set a CNAME record for the challenge name itself; it goes before the wildcard.",
)
WILDCARD_SHARED: Final = Kind(
    "host-wildcard-shared",
    Verdict.NOTE,
    "the challenge name is answered by a wildcard record",
    "Every host below it shares one account: who may set its values can get a certificate for each of them.",
    "Where the hosts are not one owner's, set a CNAME record to an account of its own for each.",
)
NO_ACCOUNT: Final = Kind(
    "host-no-account",
    Verdict.FAIL,
    "the alias leads into our zone, to a name that is no account's",
    _REFUSES,
    "Let the CNAME record lead to the name of an account; a deleted account's name is never given out again.",
)
DISABLED: Final = Kind(
    "host-account-disabled",
    Verdict.FAIL,
    "the alias leads to an account that is disabled",
    "Its client is refused, so that no value can be set and no certificate be issued.",
    "acmedns account enable NAME lets it in again.",
)
OTHER_ACCOUNT: Final = Kind(
    "host-other-account",
    Verdict.WARN,
    "the alias leads to an account that is labelled for other hosts",
    "The client that knows this host's password sets its values at another name, and the CA finds none here.",
    "Let the CNAME record lead to the host's own account, or correct the label: acmedns account label NAME TEXT.",
)
DIFFER: Final = Kind(
    "host-servers-differ",
    Verdict.FAIL,
    "the servers of a zone on the path answer differently",
    "A CA asks any of them, and asks from several places: validation fails by chance.",
    "See why the provider's servers have different data: a second provider, or a secondary that gets no updates.",
)
SERVER_FAILS: Final = Kind(
    "host-server-fails",
    Verdict.WARN,
    "a server of a zone on the path does not answer for it",
    "CAs lose time there at each try, and some give up.",
    "Repair that server, or take its NS record away, in the zone and in the zone above it.",
)
LONG_TTL: Final = Kind(
    "host-ttl-long",
    Verdict.NOTE,
    "the alias is remembered for more than an hour",
    "After a change of it resolvers go on with the former target for so long.",
    f"Set a TTL of at most {LONG_TTL_SECONDS} s on it.",
)
OURS: Final = Kind(
    "host-in-our-zone",
    Verdict.NOTE,
    "the challenge name lies in our own zone",
    "It is no account's: this server sets it for its own certificate alone.",
    'Have the server get that certificate itself (api.tls = "acme"), or use another method there.',
)
PATH: Final = Kind(
    "host-path",
    Verdict.OK,
    "the challenge name leads to an account",
    "A CA finds what the host's client sets.",
    "Nothing.",
)

KINDS: Final = catalogue(
    (
        *(
            BROKEN,
            UNTESTED,
            MISSING,
            TXT_INSTEAD,
            TXT_BESIDE,
            OWNER_DOUBLED,
            TARGET_DOUBLED,
            DANGLING,
            ELSEWHERE,
            TAKEN,
            LOOP,
        ),
        *(TOO_LONG, WILDCARD, WILDCARD_SHARED, NO_ACCOUNT, DISABLED, OTHER_ACCOUNT, DIFFER, SERVER_FAILS, LONG_TTL),
        *(OURS, PATH),
    )
)

_SERVICES: Final = {
    name.from_text("authorize.certificatemanager.goog"): "Google Cloud Certificate Manager (its DNS authorization)",
    name.from_text("dcv.cloudflare.com"): "Cloudflare (its delegated validation, DCV)",
}


def judge(paths: Iterable[Path], zone: bytes, holders: Mapping[Host, Holders] | None = None) -> list[Finding]:
    """Judge hosts' paths; `holders` is what the server knows of their accounts, None where it can't be asked.

    What is wrong with a server is told once, however many hosts it has.
    """
    found: dict[tuple[str, str], Finding] = {}
    for path in paths:
        findings = list(_judged(path, zone, None if holders is None else holders[path.host]))
        if path.ending is Ending.REACHED and len(path.links) > 1 and not any(map(_is_failure, findings)):
            findings.append(Finding(PATH, path.host.text, _with_ttls(path), repeat=path.links[0].first.repeat))
        for finding in findings:
            found.setdefault((finding.kind.id, finding.subject), finding)
    return list(found.values())


def _is_failure(finding: Finding) -> bool:
    return finding.kind.verdict is Verdict.FAIL


def _judged(path: Path, zone: bytes, holder: Holders | None) -> Iterator[Finding]:
    for link in path.links:
        if link.usable and link.cut.apex != zone:
            yield from _servers(link)
            yield from _differences(path, link)
    first = path.links[0]
    beside = _txt_beside(first)
    if beside is not None:
        yield _finding(path, TXT_BESIDE, beside, f"TXT {_values(beside, first.owner)}")
    yield from _ending(path, zone, holder)
    for link in path.links:
        alias = link.first.found(link.owner, RRType.CNAME) if link.usable else None
        if alias is not None and alias.ttl > LONG_TTL_SECONDS:
            yield _finding(path, LONG_TTL, link.first, f"{_name(link.owner)} has a TTL of {alias.ttl} s")


def _ending(path: Path, zone: bytes, holder: Holders | None) -> Iterator[Finding]:
    match path.ending:
        case Ending.BROKEN:
            yield _broken(path)
        case Ending.LOOP:
            yield _finding(
                path, LOOP, path.last.first, told(f"{path.text} -> {_name(path.last.target or b'')}"), holder
            )
        case Ending.TOO_LONG:
            yield _finding(path, TOO_LONG, path.last.first, told(path.text), holder)
        case Ending.ELSEWHERE:
            yield _elsewhere(path, zone, holder)
        case Ending.REACHED:
            yield from _reached(path, holder)


def _broken(path: Path) -> Finding:
    link = path.last
    if all(map(untested, link.cut.said[-1:] if link.cut.broken else link.answers)):
        seen = link.cut.broken or ", ".join(link.cut.addresses)
        return Finding(UNTESTED, path.host.text, told(f"{_name(link.cut.apex)} {seen}"))
    if link.cut.broken:
        return Finding(BROKEN, path.host.text, told(f"{_name(link.cut.apex)} {link.cut.broken}"))
    seen = "; ".join(_failure(answer) for answer in link.answers)
    return Finding(BROKEN, path.host.text, told(f"{_name(link.cut.apex)} {seen}"), repeat=link.answers[0].repeat)


def _elsewhere(path: Path, zone: bytes, holder: Holders | None) -> Finding:
    first, last = path.links[0], path.last
    if len(path.links) == 1:
        if last.first.found(last.owner, RRType.TXT) is not None and not _is_wildcard(path):
            return _finding(path, TXT_INSTEAD, last.first, f"TXT {_values(last.first, last.owner)}", holder)
        if path.doubled is not None and path.doubled.answer and not (path.beside is not None and path.beside.answer):
            return _finding(path, OWNER_DOUBLED, path.doubled, f"{_name(path.doubled.question.qname)} exists", holder)
        kind = WILDCARD if _is_wildcard(path) else MISSING
        return _finding(path, kind, last.first, f"{_told_by(last.first, last.owner)} at {last.first.address}", holder)
    seen = told(path.text)
    for above in path.links[:-1]:
        meant = _without_suffix(last.owner, above.cut.apex)
        if meant is not None and name.is_subdomain(meant, zone) and meant != zone:
            paste = (f"{_name(above.owner)} CNAME {_name(meant)}",)
            return Finding(TARGET_DOUBLED, path.host.text, seen, paste=paste, repeat=above.first.repeat)
    for suffix, service in _SERVICES.items():
        if any(name.is_subdomain(link.owner, suffix) for link in path.links):
            return _finding(path, TAKEN, first.first, f"{seen}: {service}", holder)
    if _is_wildcard(path):
        return _finding(path, WILDCARD, first.first, seen, holder)
    kind = DANGLING if last.first.rcode == Rcode.NXDOMAIN else ELSEWHERE
    return _finding(path, kind, last.first, f"{seen} ({rcode_text(last.first.rcode)})", holder)


def _reached(path: Path, holder: Holders | None) -> Iterator[Finding]:
    last = path.last
    if len(path.links) == 1:
        yield Finding(OURS, path.host.text, f"{_name(last.owner)} in {_name(last.cut.apex)}")
        return
    if _is_wildcard(path):
        yield _finding(path, WILDCARD_SHARED, path.links[0].first, told(path.text))
    if holder is None:
        if last.first.rcode == Rcode.NXDOMAIN:
            yield _finding(path, NO_ACCOUNT, last.first, f"{told(path.text)} (NXDOMAIN)")
        return
    account = holder.account
    if account is None:
        yield _finding(path, NO_ACCOUNT, last.first, told(path.text), holder)
        return
    if account.disabled:
        yield _finding(path, DISABLED, last.first, told(path.text))
    if not account.is_for(path.host) and (holder.labelled or account.names_others):
        yield _finding(path, OTHER_ACCOUNT, path.links[0].first, told(f"{path.text}, labelled {account.label}"), holder)


def _servers(link: Link) -> Iterator[Finding]:
    for answer in link.answers:
        if failing(answer):
            subject = f"{answer.address} for {_name(link.cut.apex)}"
            yield Finding(SERVER_FAILS, subject, _failure(answer), repeat=answer.repeat)


def _differences(path: Path, link: Link) -> Iterator[Finding]:
    heard: dict[str, list[str]] = {}
    for answer in link.usable:
        heard.setdefault(_told_by(answer, link.owner), []).append(answer.address)
    if len(heard) > 1:
        seen = "; ".join(f"{', '.join(addresses)}: {what}" for what, addresses in heard.items())
        yield Finding(DIFFER, path.host.text, told(f"{_name(link.owner)} {seen}"), repeat=link.first.repeat)


def _told_by(answer: Answer, owner: bytes) -> str:
    alias = target(answer, owner)
    if alias is not None:
        return f"CNAME {_name(alias)}"
    values = texts(answer.found(owner, RRType.TXT))
    return f"TXT {_values(answer, owner)}" if values else rcode_text(answer.rcode)


def _failure(answer: Answer) -> str:
    if answer.problem is not None:
        return f"{answer.address}: {answer.problem}"
    if answer.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}:
        return f"{answer.address}: an answer without authority"
    return f"{answer.address}: {rcode_text(answer.rcode)}"


def _txt_beside(link: Link) -> Answer | None:
    for answer in link.usable:
        if target(answer, link.owner) is not None and answer.found(link.owner, RRType.TXT) is not None:
            return answer
    return None


def _is_wildcard(path: Path) -> bool:
    """Whether a name that nobody has made answers as the challenge name does."""
    first, beside = path.links[0].first, path.beside
    if beside is None or not beside.answer or not first.answer:
        return False
    made_up = beside.question.qname
    return _told_by(beside, made_up) == _told_by(first, path.links[0].owner)


def _with_ttls(path: Path) -> str:
    """Give the path with the seconds for which each alias is remembered."""
    aliases = ((link, link.first.found(link.owner, RRType.CNAME)) for link in path.links)
    return told(
        " -> ".join(name.to_text(link.owner) + (f" ({found.ttl} s)" if found else "") for link, found in aliases)
    )


def _without_suffix(owner: bytes, apex: bytes) -> bytes | None:
    """Give a name without the zone at its end, None where it does not lie in that zone."""
    if apex in {name.ROOT, owner} or not name.is_subdomain(owner, apex):
        return None
    return owner.removesuffix(apex) + name.ROOT


def _finding(path: Path, kind: Kind, answer: Answer, seen: str, holder: Holders | None = None) -> Finding:
    """Give a finding about a host, with the record to paste where the host's own account is known."""
    paste: tuple[str, ...] = ()
    if holder is not None and len(holder.labelled) == 1:
        paste = (f"{_name(path.host.challenge)} CNAME {_name(holder.labelled[0].fulldomain)}",)
    return Finding(kind, path.host.text, seen, paste=paste, repeat=answer.repeat)


def _values(answer: Answer, owner: bytes) -> str:
    values = texts(answer.found(owner, RRType.TXT))
    return told(", ".join(f'"{value.decode("latin-1")}"' for value in sorted(values)))


def _name(owner: bytes) -> str:
    return told(name.to_text(owner))
