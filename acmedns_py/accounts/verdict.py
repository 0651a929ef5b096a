"""What the updates of a name and the questions behind the last of them say of where a renewal is stuck.

Rules, in the order of a renewal: a client sets a value, perhaps looks at it itself, tells the CA, and the CA asks from
several networks at once. Let's Encrypt asks from further networks only after it liked what the first one saw (its
software Boulder, va/va.go). Questions can be forged and answers cached: they explain, and decide nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from acmedns_py.accounts.directory import Listed
from acmedns_py.accounts.trace import Round, Traced
from acmedns_py.dns.source import packed, site
from acmedns_py.feed.questions import Asker

BURST_SECONDS: Final = 120.0
"""Within which all networks of a CA ask."""

UNASKED_SECONDS: Final = 900.0
"""After an update a client may still look at the value itself, or wait, before it tells the CA."""

FEW_SECONDS: Final = 300.0
"""After its first question a CA that goes on has gone on."""

_CHECK: Final = "run acmedns check --host HOST with the name of the certificate"


class Word(StrEnum):
    """The verdicts, for programs."""

    DISABLED = "disabled"
    NEVER_UPDATED = "never_updated"
    ASKED_WITHOUT_UPDATE = "asked_without_update"
    NOT_KNOWN = "not_known"
    WAITING = "waiting"
    NEVER_ASKED = "never_asked"
    ASKED_BY_ITSELF = "asked_by_itself"
    ASKED_BY_FEW = "asked_by_few"
    ASKED_BY_A_CA = "asked_by_a_ca"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word for programs and a sentence for people."""

    word: Word
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The last update, perhaps None, and where from; who asked behind it, as far as is known: since `known_since`.

    All times are Unix seconds; `window_seconds` is how long a value is sure to be answered, and from `ca_networks`
    networks and more a CA asks. Where it is not `complete` there were others who asked.
    """

    updated_at: float | None
    updated_from: str | None
    known_since: float
    askers: tuple[Asker, ...]
    window_seconds: float
    now: float
    ca_networks: int
    complete: bool = True
    disabled: bool = False


def facts_of(account: Listed, traced: Traced) -> Facts:
    """Put together what the database and the memory know; the memory's times are by the clock of the questions."""
    latest = traced.rounds[0] if traced.rounds else Round()
    updated_at, updated_from = latest.at, latest.source
    if updated_at is None and account.last_update_at is not None:
        updated_at, updated_from = account.last_update_at.timestamp(), account.last_update_from
    askers = tuple(latest.askers.values())
    return Facts(
        updated_at,
        updated_from,
        traced.since,
        askers,
        traced.window_seconds,
        traced.now,
        traced.ca_networks,
        complete=traced.complete,
        disabled=account.disabled,
    )


def own(asker: Asker, source: str | None) -> bool:
    """Whether a network is the updater's own, or asked only as clients do who look before they tell the CA."""
    return asker.resolver_wanted or asker.network == _site_of(source)


def verdict(facts: Facts) -> Verdict:
    """Judge; the same facts always get the same verdict."""
    if facts.disabled:
        return Verdict(Word.DISABLED, "disabled: its name has no values and its password is refused")
    foreign = [asker for asker in facts.askers if not own(asker, facts.updated_from)]
    burst = _burst(foreign, facts.ca_networks)
    networks = _counted(foreign)
    if burst is not None and not any(asker.valued for asker in foreign):
        return _without_update(f"asked from {networks}, each time without a value")
    if burst is not None and facts.updated_at is None:
        return _without_update(f"asked from {networks}, but never updated")
    if facts.updated_at is None:
        cure = "give its credential to the client, and look for request_refused in the log"
        return Verdict(Word.NEVER_UPDATED, f"never updated: no client has set a value with it; {cure}")
    if burst is not None and burst > facts.updated_at + facts.window_seconds:
        return _without_update(f"asked from {networks}, but not updated for that")
    if burst is not None:
        cure = "if there is no certificate, see what the CA told the client: CAA, a limit, another name"
        return Verdict(Word.ASKED_BY_A_CA, f"asked from {networks}: a CA has seen the value; {cure}")
    return _without_ca(facts, foreign, facts.updated_at)


def _without_ca(facts: Facts, foreign: Sequence[Asker], updated_at: float) -> Verdict:
    """Judge where no CA is known to have asked since the update."""
    if foreign and facts.now < min(asker.first for asker in foreign) + FEW_SECONDS:
        text = f"asked from {_counted(foreign)} so far, a short time ago: a CA may be about to ask from more"
        return Verdict(Word.WAITING, f"{text}; look again in {FEW_SECONDS / 60:.0f} minutes")
    if not facts.complete:
        text = "there were more questions than could be noted, so whether a CA has asked is not known"
        return Verdict(Word.NOT_KNOWN, f"{text}: have the client renew when there are fewer, and look again")
    if foreign:
        return Verdict(Word.ASKED_BY_FEW, _few(facts, foreign))
    if facts.askers:
        text = "asked by the client itself or through its resolver only: the client has not told the CA, or waits"
        return Verdict(Word.ASKED_BY_ITSELF, f"{text}; see the client's log")
    if updated_at < facts.known_since:
        text = "not asked since the memory of questions began, which is after the last update: have the client renew"
        return Verdict(Word.NOT_KNOWN, f"{text}, and look again")
    if facts.now < updated_at + UNASKED_SECONDS:
        text = "updated a short time ago, and not asked yet: clients may wait before they tell the CA"
        return Verdict(Word.WAITING, f"{text}; look again in {UNASKED_SECONDS / 60:.0f} minutes")
    text = "updated, but never asked since: the delegation of the zone or the CNAME of the host is broken"
    return Verdict(Word.NEVER_ASKED, f"{text}, or the client has not told the CA; {_CHECK}")


def _few(facts: Facts, foreign: Sequence[Asker]) -> str:
    networks = _counted(foreign)
    if not any(asker.valued for asker in foreign):
        return f"asked from {networks} only, each time without a value: the client has taken it away, or did not set it"
    text = f"asked from {networks} only, and a CA asks from {facts.ca_networks} and more (challenges.ca_networks)"
    return f"{text}: it has met a wrong value or can't reach this server from elsewhere; {_CHECK}"


def _counted(askers: Iterable[Asker]) -> str:
    count = _perspectives(askers)
    return "1 network" if count == 1 else f"{count} networks"


def _without_update(what: str) -> Verdict:
    cure = "the client is broken or refused, or somebody else orders for this name; look for request_refused in the log"
    return Verdict(Word.ASKED_WITHOUT_UPDATE, f"{what}: {cure}")


def _perspective(network: bytes) -> bytes:
    """What may be one party's: /16 of IPv4, /32 of IPv6."""
    return network[:2] if len(network) == 3 else network[:4]


def _perspectives(askers: Iterable[Asker]) -> int:
    return len({_perspective(asker.network) for asker in askers})


def _burst(askers: Sequence[Asker], ca_networks: int) -> float | None:
    """Give when the latest questions began that came from as many networks as a CA's do; None: there were none."""
    begun = []
    for times in ([asker.first for asker in askers], [asker.last for asker in askers]):
        for start in times:
            together = [
                asker for asker, time in zip(askers, times, strict=True) if start <= time <= start + BURST_SECONDS
            ]
            if _perspectives(together) >= ca_networks:
                begun.append(start)
    return max(begun, default=None)


def _site_of(source: str | None) -> bytes | None:
    """Give the /24 or /48 of an address in text form; None for what is no address, such as the operator's socket."""
    try:
        return site(packed(ip_address(source or "").packed, 0))
    except ValueError:
        return None
