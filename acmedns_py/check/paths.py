"""From `_acme-challenge.HOST` to where its aliases end, as every authoritative server on the way tells it.

One `Walk` serves all hosts, so that what they have in common is asked once.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from acmedns_py.check.facts import Answer, Question, targets
from acmedns_py.check.walk import LONGEST_CHAIN, Cut, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import Rcode, RRType

CHALLENGE: Final = name.CHALLENGE.encode()
_DNS_01: Final = bytes((len(CHALLENGE),)) + CHALLENGE

MOST_ASKED_OF_EACH_FAMILY: Final = 13
"""Addresses of one zone's servers that a name of a path is looked for at; the root, which many rely on, has 13."""

_WILDCARD: Final = "*."
_DIGITS: Final = frozenset("0123456789.")
_LABEL: Final = re.compile(rb"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
"""Letters, digits and hyphens; the underscore, which no public CA takes, is left to private ones."""


class Ending(Enum):
    """How a path ends: in our zone; in another zone, where there is no alias; where servers fail; or never.

    `DELEGATED` is a zone that NS records give to our servers, which know nothing of it.
    """

    REACHED = auto()
    ELSEWHERE = auto()
    DELEGATED = auto()
    BROKEN = auto()
    LOOP = auto()
    TOO_LONG = auto()


@dataclass(frozen=True, slots=True)
class Host:
    """What a certificate is to be for: the name without `*.`, folded, and whether it is for the names below it.

    `labels` stand before it in the name that a CA asks for, in wire form; other methods than dns-01 have others.
    """

    name: bytes
    wildcard: bool = False
    labels: bytes = _DNS_01

    @property
    def text(self) -> str:
        """As certificates have it, without a final dot."""
        return (_WILDCARD if self.wildcard else "") + name.to_text(self.name).removesuffix(".")

    @property
    def challenge(self) -> bytes:
        """The name that a CA asks for, the same for both."""
        return self.labels + self.name


def host_from_text(text: str) -> Host:
    """Read a host name or a wildcard, as certificates have them (RFC 5280 4.2.1.6, RFC 8555 7.1.3).

    Raises `name.InvalidName`, also where its challenge name would be too long.
    """
    bare = text.removeprefix(_WILDCARD)
    host = Host(name.from_text(bare), wildcard=bare != text)
    if host.name == name.ROOT:
        raise name.InvalidName("the root is no host")
    if all(character in _DIGITS for character in bare):
        raise name.InvalidName(f"{text[:80]!r} is an address, which dns-01 can't prove (RFC 8738 7); write a host name")
    if not all(map(_LABEL.fullmatch, name.labels(host.name))):
        raise name.InvalidName(f"{text[:80]!r} is no host name; write one such as www.example.org or *.example.org")
    if len(host.challenge) > name.MAX_NAME_OCTETS:
        raise name.InvalidName(f"{text[:80]!r}: with _acme-challenge in front it has more than 255 octets")
    return host


@dataclass(frozen=True, slots=True)
class Link:
    """One name of a path: its zone, and what each address of that zone's servers answers.

    They are asked for TXT, but for CNAME where the zone is ours, and not all where they are many.
    """

    owner: bytes
    cut: Cut
    answers: tuple[Answer, ...] = ()

    @property
    def usable(self) -> tuple[Answer, ...]:
        """The answers of servers that answer for the zone."""
        return tuple(answer for answer in self.answers if usable(answer))

    @property
    def left_out(self) -> int:
        """How many addresses are too many to be asked."""
        return len(self.cut.addresses) - len(_some(self.cut.addresses))

    @property
    def first(self) -> Answer:
        """The answer that the path follows; only where there is a usable one."""
        return self.usable[0]

    @property
    def target(self) -> bytes | None:
        """Where the alias leads, None where there is none."""
        return target(self.first, self.owner) if self.usable else None


@dataclass(frozen=True, slots=True)
class Path:
    """The links from a host's challenge name on, at least one, and how they end.

    `beside` is what a name answers that nobody has made, in the place of the challenge name; `doubled` what the
    challenge name answers with its zone's name once more at its end. Each is None where it says nothing. `in_vain` are
    the names of other methods that were looked at, as the challenge name does not exist, and don't lead to us either.
    """

    host: Host
    links: tuple[Link, ...]
    ending: Ending
    beside: Answer | None = None
    doubled: Answer | None = None
    in_vain: tuple[bytes, ...] = ()

    @property
    def last(self) -> Link:
        """The link that the path ends at."""
        return self.links[-1]

    @property
    def missing(self) -> bool:
        """Whether there is nothing at all at the challenge name."""
        return self.ending is Ending.ELSEWHERE and len(self.links) == 1 and not self.last.first.answer

    @property
    def txt_instead(self) -> bool:
        """Whether TXT records stand where the first alias should be."""
        first = self.links[0]
        return (
            self.ending is Ending.ELSEWHERE
            and len(self.links) == 1
            and first.first.found(first.owner, RRType.TXT) is not None
        )

    @property
    def unasked(self) -> Answer | None:
        """The first question about it that the check itself left without an answer."""
        answers = (*(answer for link in self.links for answer in link.answers), self.beside, self.doubled)
        return next((answer for answer in answers if answer is not None and answer.unasked), None)

    @property
    def text(self) -> str:
        """The path in one line."""
        return " -> ".join(name.to_text(link.owner) for link in self.links)


def usable(answer: Answer) -> bool:
    """Whether a server answers for the zone: with authority, and with data or their absence."""
    return answer.problem is None and answer.authoritative and answer.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}


def failing(answer: Answer) -> bool:
    """Whether a server fails."""
    return not usable(answer) and not answer.untested


def target(answer: Answer, owner: bytes) -> bytes | None:
    """Give where the alias of a name leads, folded."""
    return next(iter(sorted(targets(answer.found(owner, RRType.CNAME)))), None)


async def walk_path(walk: Walk, host: Host, zone: bytes, *, nonce: bytes) -> Path:
    """Follow a host's challenge name until it reaches `zone`, ours, or ends; never raises for what servers say.

    `nonce` is a label that nobody can have made. Of IPv4 and IPv6 that is left out which this machine does not reach.
    """
    links: list[Link] = []
    owner = host.challenge
    while True:
        link = await _link(walk, owner, zone)
        links.append(link)
        ending = _ending(links, zone)
        if ending is not None:
            break
        following = link.target
        assert following is not None, "a path that goes on has an alias"
        owner = following
    if ending is Ending.BROKEN and not set(links[-1].cut.addresses).isdisjoint((await walk.cut(zone)).addresses):
        ending = Ending.DELEGATED
    path = Path(host, tuple(links), ending)
    return await _looked_beside(walk, path, nonce) if links[0].usable else path


def _ending(links: list[Link], zone: bytes) -> Ending | None:
    """Say how a path ends; None where it goes on."""
    last = links[-1]
    if not last.usable:
        return Ending.BROKEN
    if name.is_subdomain(last.owner, zone) and last.cut.apex == zone:
        return Ending.REACHED
    following = last.target
    if following is None:
        return Ending.ELSEWHERE
    if following in {link.owner for link in links}:
        return Ending.LOOP
    return Ending.TOO_LONG if len(links) > LONGEST_CHAIN else None


async def _link(walk: Walk, owner: bytes, zone: bytes) -> Link:
    ours = await walk.cut(zone)
    if name.is_subdomain(owner, zone) and owner != zone and ours.apex == zone and ours.addresses:
        # What our servers are like is looked at by itself, so that what one of them says of an account will do. A
        # question for TXT would be taken for a CA's, by whoever looks at the trace of the account.
        answer = await walk.first(Question(owner, RRType.CNAME), ours)
        if usable(answer) or answer.untested:
            return Link(owner, ours, (answer,))
    cut = await walk.cut(owner)
    if cut.broken:
        return Link(owner, cut)
    question = Question(owner, RRType.CNAME if cut.apex == zone else RRType.TXT)
    asked = (walk.ask(question, address) for address in await walk.reachable(_some(cut.addresses)))
    return Link(owner, cut, tuple(await asyncio.gather(*asked)))


def _some(addresses: Sequence[str]) -> list[str]:
    """Give the first addresses of each family."""
    ipv4 = [one for one in addresses if ":" not in one]
    ipv6 = [one for one in addresses if ":" in one]
    return ipv4[:MOST_ASKED_OF_EACH_FAMILY] + ipv6[:MOST_ASKED_OF_EACH_FAMILY]


async def _looked_beside(walk: Walk, path: Path, nonce: bytes) -> Path:
    first = path.links[0]
    address, apex = first.first.address, first.cut.apex
    if first.first.answer:
        question = Question(bytes((len(nonce),)) + nonce + path.host.name, RRType.TXT)
        return replace(path, beside=await _asked(walk, question, address))
    if path.ending is not Ending.ELSEWHERE or apex == name.ROOT:
        return path
    doubled, beside = (
        Question(bytes((len(label),)) + label + path.host.name[:-1] + apex, RRType.TXT) for label in (CHALLENGE, nonce)
    )
    return replace(path, doubled=await _asked(walk, doubled, address), beside=await _asked(walk, beside, address))


async def _asked(walk: Walk, question: Question, address: str) -> Answer | None:
    if len(question.qname) > name.MAX_NAME_OCTETS:
        return None
    answer = await walk.ask(question, address)
    return answer if usable(answer) or answer.unasked else None
