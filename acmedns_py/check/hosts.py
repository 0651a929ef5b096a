"""The challenge name of each host: whether it leads to an account of ours, at every server on the way."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from acmedns_py.check import host_kinds as kinds
from acmedns_py.check.accounts import Holders
from acmedns_py.check.facts import Answer, Problem, texts
from acmedns_py.check.finding import Finding, Kind, Verdict, listed, told
from acmedns_py.check.paths import Ending, Host, Link, Path, failing, target
from acmedns_py.check.referral import failure, rcode_text
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType

NAME: Final = "hosts"
TITLE: Final = "Hosts' challenge names"

_SERVICES: Final = {
    name.from_text("authorize.certificatemanager.goog"): "Google Cloud Certificate Manager (its DNS authorization)",
    name.from_text("dcv.cloudflare.com"): "Cloudflare (its delegated validation, DCV)",
}


def judge(
    paths: Iterable[Path],
    zone: bytes,
    holders: Mapping[Host, Holders] | None = None,
    api_hosts: frozenset[str] | None = None,
) -> list[Finding]:
    """Judge hosts' paths; `holders` is what the server knows of their accounts, None where it can't be asked.

    A host that is not among them is judged by DNS alone. `api_hosts` are those that the server gets its own certificate
    for, None where that is not known.

    What is wrong with a server is told once, however many hosts it has.
    """
    found: dict[tuple[str, str], Finding] = {}
    for path in paths:
        holder = None if holders is None else holders.get(path.host)
        findings = list(_judged(path, zone, holder, api_hosts))
        if path.unasked is not None and path.ending is not Ending.BROKEN:
            findings.append(Finding(kinds.UNTESTED, path.host.text, failure(path.unasked)))
        elif path.ending is Ending.REACHED and len(path.links) > 1 and not any(map(_is_failure, findings)):
            findings.append(Finding(kinds.PATH, path.host.text, _with_ttls(path), repeat=path.links[0].first.repeat))
        for finding in findings:
            found.setdefault((finding.kind.id, finding.subject), _personal(finding, path))
    return list(found.values())


def _personal(finding: Finding, path: Path) -> Finding:
    """Give a finding about a host with its own name, and its account's, where the kind's texts leave room for them."""
    if finding.subject != path.host.text:
        return finding
    consequence = finding.what_follows.replace(kinds.REFUSES, f"No CA can issue for {path.host.text} by dns-01 now.")
    cure = finding.what_to_do.replace(" HOST ", f" {path.host.text} ")
    if path.ending is Ending.REACHED:
        cure = cure.replace(" NAME ", f" {_name(path.last.owner).removesuffix('.')} ")
    return replace(finding, consequence=consequence, cure=cure)


def _is_failure(finding: Finding) -> bool:
    return finding.kind.verdict is Verdict.FAIL


def _judged(path: Path, zone: bytes, holder: Holders | None, api_hosts: frozenset[str] | None) -> Iterator[Finding]:
    for link in path.links:
        if link.usable and link.cut.apex != zone:
            yield from _servers(link)
            yield from _differences(path, link)
    first = path.links[0]
    beside = _txt_beside(first)
    if beside is not None:
        yield _finding(path, kinds.TXT_BESIDE, beside, f"TXT {_values(beside, first.owner)}")
    if path.ending is Ending.REACHED and len(path.links) > 1 and path.last.owner == Host(zone).challenge:
        yield from _own(path, holder, api_hosts)
    else:
        yield from _ending(path, zone, holder)
    for link in path.links:
        alias = link.first.found(link.owner, RRType.CNAME) if link.usable else None
        if alias is not None and alias.ttl > kinds.LONG_TTL_SECONDS:
            yield _finding(path, kinds.LONG_TTL, link.first, f"{_name(link.owner)} has a TTL of {alias.ttl} s")


def _ending(path: Path, zone: bytes, holder: Holders | None) -> Iterator[Finding]:
    match path.ending:
        case Ending.BROKEN:
            yield _broken(path)
        case Ending.DELEGATED:
            yield _delegated(path, holder)
        case Ending.LOOP:
            yield _finding(
                path, kinds.LOOP, path.last.first, told(f"{path.text} -> {_name(path.last.target or b'')}"), holder
            )
        case Ending.TOO_LONG:
            yield _finding(path, kinds.TOO_LONG, path.last.first, told(path.text), holder)
        case Ending.ELSEWHERE:
            yield _elsewhere(path, zone, holder)
        case Ending.REACHED:
            yield from _reached(path, holder)


def _broken(path: Path) -> Finding:
    link = path.last
    if link.cut.broken:
        kind = kinds.UNTESTED if link.cut.untested else kinds.BROKEN
        return Finding(kind, path.host.text, told(f"{_name(link.cut.apex)} {link.cut.broken}"))
    # Without an answer here are servers that IPv6 alone leads to, where this machine has none.
    seen = "; ".join(map(failure, link.answers)) or f"{listed(link.cut.addresses)}: {Problem.UNREACHABLE}"
    blameless = all(answer.untested for answer in link.answers) or path.unasked is not None
    kind = kinds.UNTESTED if blameless else kinds.BROKEN
    repeat = link.answers[0].repeat if link.answers else ""
    return Finding(kind, path.host.text, told(f"{_name(link.cut.apex)} {seen}"), repeat=repeat)


def _delegated(path: Path, holder: Holders | None) -> Finding:
    cut = path.last.cut
    seen = told(f"{_name(cut.apex)} NS {listed(name.to_text(server.name) for server in cut.nameservers)}")
    repeat = path.last.answers[0].repeat if path.last.answers else ""
    return Finding(kinds.DELEGATED, path.host.text, seen, paste=_paste(path, holder), repeat=repeat)


def _elsewhere(path: Path, zone: bytes, holder: Holders | None) -> Finding:
    first, last = path.links[0], path.last
    if len(path.links) == 1:
        if path.txt_instead and not _is_wildcard(path):
            ours = holder is not None and not holder.values.isdisjoint(texts(last.first.found(last.owner, RRType.TXT)))
            kind = kinds.FLATTENED if ours else kinds.TXT_INSTEAD
            return _finding(path, kind, last.first, f"TXT {_values(last.first, last.owner)}", holder)
        if path.doubled is not None and path.doubled.answer and not (path.beside is not None and path.beside.answer):
            return _finding(
                path, kinds.OWNER_DOUBLED, path.doubled, f"{_name(path.doubled.question.qname)} exists", holder
            )
        kind = kinds.WILDCARD if _is_wildcard(path) else _missing(path, holder)
        also = f"; no way to us from {listed(map(name.to_text, path.in_vain))} either" if path.in_vain else ""
        seen = told(f"{_told_by(last.first, last.owner)} at {last.first.address}{also}")
        return _finding(path, kind, last.first, seen, holder)
    seen = told(path.text)
    for above in path.links[:-1]:
        meant = _without_suffix(last.owner, above.cut.apex)
        if meant is not None and name.is_subdomain(meant, zone) and meant != zone:
            paste = (f"{_name(above.owner)} CNAME {_name(meant)}",)
            return Finding(kinds.TARGET_DOUBLED, path.host.text, seen, paste=paste, repeat=above.first.repeat)
    for suffix, service in _SERVICES.items():
        if any(name.is_subdomain(link.owner, suffix) for link in path.links):
            return _finding(path, kinds.TAKEN, first.first, f"{seen}: {service}", holder)
    if _is_wildcard(path):
        return _finding(path, kinds.WILDCARD, first.first, seen, holder)
    kind = kinds.DANGLING if last.first.rcode == Rcode.NXDOMAIN else kinds.ELSEWHERE
    return _finding(path, kind, last.first, f"{seen} ({rcode_text(last.first.rcode)})", holder)


def _own(path: Path, holder: Holders | None, api_hosts: frozenset[str] | None) -> Iterator[Finding]:
    """Judge a path to the name at which the server proves names of the API that lie outside of the zone."""
    if api_hosts is None:
        yield _finding(path, kinds.OWN, path.last.first, told(path.text))
    elif path.host.text not in api_hosts:
        yield _finding(path, kinds.NO_ACCOUNT, path.last.first, told(path.text), holder)


def _missing(path: Path, holder: Holders | None) -> Kind:
    """Say whether a name that dns-account-01 has below the missing one may be in use: one that nobody knows here.

    What has names below it exists without records (RFC 8020).
    """
    has_below = path.last.first.rcode == Rcode.NOERROR
    looked = any(name.is_subdomain(one, path.host.challenge) for one in path.in_vain)
    return kinds.BELOW if has_below and not looked and holder is not None and holder.labelled else kinds.MISSING


def _reached(path: Path, holder: Holders | None) -> Iterator[Finding]:
    last = path.last
    if len(path.links) == 1:
        yield Finding(kinds.OURS, path.host.text, f"{_name(last.owner)} in {_name(last.cut.apex)}")
        return
    if _is_wildcard(path):
        yield _finding(path, kinds.WILDCARD_SHARED, path.links[0].first, told(path.text))
    if holder is None:
        if last.first.rcode == Rcode.NXDOMAIN:
            yield _finding(path, kinds.NO_ACCOUNT, last.first, f"{told(path.text)} (NXDOMAIN)")
        return
    account = holder.account
    if account is None:
        yield _finding(path, kinds.NO_ACCOUNT, last.first, told(path.text), holder)
        return
    if account.disabled:
        yield _finding(path, kinds.DISABLED, last.first, told(path.text))
    if not account.is_for(path.host) and (holder.labelled or account.names_others):
        kind = kinds.OTHER_ACCOUNT if holder.labelled else kinds.LABEL
        yield _finding(path, kind, path.links[0].first, told(f"{path.text}, labelled {account.label}"), holder)


def _servers(link: Link) -> Iterator[Finding]:
    for answer in link.answers:
        if failing(answer):
            subject = f"{answer.address} for {_name(link.cut.apex)}"
            yield Finding(kinds.SERVER_FAILS, subject, failure(answer), repeat=answer.repeat)


def _differences(path: Path, link: Link) -> Iterator[Finding]:
    heard: dict[str, list[str]] = {}
    for answer in link.usable:
        heard.setdefault(_told_by(answer, link.owner), []).append(answer.address)
    if len(heard) > 1:
        seen = "; ".join(f"{', '.join(addresses)}: {what}" for what, addresses in heard.items())
        yield Finding(kinds.DIFFER, path.host.text, told(f"{_name(link.owner)} {seen}"), repeat=link.first.repeat)


def _told_by(answer: Answer, owner: bytes) -> str:
    alias = target(answer, owner)
    if alias is not None:
        return f"CNAME {_name(alias)}"
    values = texts(answer.found(owner, RRType.TXT))
    return f"TXT {_values(answer, owner)}" if values else rcode_text(answer.rcode)


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
    return Finding(kind, path.host.text, seen, paste=_paste(path, holder), repeat=answer.repeat)


def _paste(path: Path, holder: Holders | None) -> tuple[str, ...]:
    if holder is None or len(holder.labelled) != 1:
        return ()
    return (f"{_name(path.host.challenge)} CNAME {_name(holder.labelled[0].fulldomain)}",)


def _values(answer: Answer, owner: bytes) -> str:
    values = texts(answer.found(owner, RRType.TXT))
    return told(", ".join(f'"{value.decode("latin-1")}"' for value in sorted(values)))


def _name(owner: bytes) -> str:
    return told(name.to_text(owner))
