"""The zone's names and what a look-up finds there: static RRsets, the names between them, and the challenges.

`lookup` gives one of a closed set of outcomes and nothing else decides what exists (RFC 1034 4.3.2, 4592, 8020):

    Hit          the RRset that was asked for
    Alias        a CNAME where another type was asked for; the caller follows it
    NoData       the name exists, the type does not: registered names without values and empty non-terminals too
    NxDomain     the name does not exist
    Referral     the name is at or below a delegation: its NS set and the addresses that a resolver needs to go on
    Unavailable  the data that would decide may be stale, so that neither yes nor no may be said

A challenge name always exists, lies directly below the apex, and is never hidden by static data: its TXT set answers
before a static one, a static CNAME or NS beside it is not looked at, and no wildcard stands in for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from acmedns_py.dns.challenges import Challenges
from acmedns_py.dns.codes import RRType, type_to_text
from acmedns_py.dns.name import ROOT, folded, is_subdomain, parent, to_text
from acmedns_py.dns.rrset import RRset, merged

_SOA_NUMBERS_OCTETS = 20
"""Serial, refresh, retry, expire and minimum, behind the two names (RFC 1035 3.3.13)."""

_HINFO_RFC8482 = b"\x07RFC8482\x00"
_MESSAGE_ROOM_OCTETS = 65535 - 12 - 259 - 11
"""What a TCP message leaves for records beside header, the longest question and OPT."""


@dataclass(frozen=True, slots=True)
class Hit:
    """The RRset that was asked for."""

    rrset: RRset


@dataclass(frozen=True, slots=True)
class Alias:
    """The CNAME that stands at the name."""

    rrset: RRset
    target: bytes


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists without the type."""


@dataclass(frozen=True, slots=True)
class NxDomain:
    """The name does not exist."""


@dataclass(frozen=True, slots=True)
class Referral:
    """A delegation; `glue` are the addresses of name servers at or below the cut, `addresses` of others in the zone."""

    ns: RRset
    glue: tuple[RRset, ...]
    addresses: tuple[RRset, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Challenge data would decide, and they may be stale (dns-correctness #33)."""


Outcome = Hit | Alias | NoData | NxDomain | Referral | Unavailable


@dataclass(slots=True)
class Node:
    """A name that exists by static data: it has RRsets, or names below it, or is the apex."""

    rrsets: dict[int, RRset] = field(default_factory=dict)
    children: int = 0


class Zone:
    """The zone at one cursor; changed by its owner between queries, in time that depends on the change alone."""

    def __init__(self, apex: bytes, challenges: Challenges) -> None:
        """`apex` is folded and not the root; `challenges` is shared with who applies changes to it.

        `nodes` are the names that exist by static data, for reading only. While `stale` is set, no answer rests on a
        challenge name's being there or not.
        """
        if apex == ROOT:
            raise ValueError("the root can't be the zone")
        self.apex = apex
        self.challenges = challenges
        self.stale = False
        self.nodes: dict[bytes, Node] = {apex: Node()}
        self._cuts: set[bytes] = set()

    def load(self, cursor: int, static: Iterable[RRset]) -> None:
        """Replace all static data; raises `ValueError` for data outside the zone or a missing SOA."""
        self.nodes = {self.apex: Node()}
        self._cuts = set()
        for rrset in merged(static):
            self.put(rrset.owner, rrset.rrtype, rrset)
        self.number(cursor)

    def number(self, cursor: int) -> None:
        """Write the low 32 bits of the cursor into the SOA; raises `ValueError` where there is none."""
        soa = self.nodes[self.apex].rrsets.get(RRType.SOA)
        if soa is None:
            raise ValueError(f"{to_text(self.apex)}: no SOA record")
        rdata = soa.rdatas[0]
        serial_at = len(rdata) - _SOA_NUMBERS_OCTETS
        rdata = rdata[:serial_at] + (cursor & 0xFFFFFFFF).to_bytes(4, "big") + rdata[serial_at + 4 :]
        self.nodes[self.apex].rrsets[RRType.SOA] = RRset(self.apex, RRType.SOA, soa.ttl, (rdata,))

    def put(self, owner: bytes, rrtype: int, rrset: RRset | None) -> None:
        """Replace one static RRset, None takes it out; raises `ValueError` outside the zone.

        After a change of the SOA, call `number`.
        """
        if not is_subdomain(owner, self.apex):
            raise ValueError(f"{to_text(owner)} is outside {to_text(self.apex)}")
        if rrset is not None:
            self._made(owner).rrsets[rrtype] = rrset
        elif owner in self.nodes:
            self.nodes[owner].rrsets.pop(rrtype, None)
            self._pruned(owner)
        if rrtype == RRType.NS and owner != self.apex:
            (self._cuts.discard if rrset is None else self._cuts.add)(owner)

    def _made(self, owner: bytes) -> Node:
        found = self.nodes.get(owner)
        if found is not None:
            return found
        made = self.nodes[owner] = Node()
        while True:
            owner = parent(owner)
            above = self.nodes.get(owner)
            if above is not None:
                above.children += 1
                return made
            self.nodes[owner] = Node(children=1)

    def _pruned(self, owner: bytes) -> None:
        """Take out the name, and the names above it, that nothing keeps any longer."""
        while owner != self.apex:
            node = self.nodes[owner]
            if node.rrsets or node.children:
                return
            del self.nodes[owner]
            owner = parent(owner)
            self.nodes[owner].children -= 1

    def child_of_apex(self, name: bytes) -> bytes:
        """Give the name directly below the apex that `name`, which is below the apex, is or lies under."""
        surplus = len(name) - len(self.apex)
        position = 0
        while (end := position + name[position] + 1) < surplus:
            position = end
        return name[position:]

    def negative_soa(self) -> RRset:
        """Give the SOA of negative answers: its TTL is at most MINIMUM (RFC 2308 3, 5; dns-correctness #23)."""
        soa = self.nodes[self.apex].rrsets[RRType.SOA]
        return RRset(soa.owner, soa.rrtype, self._negative_ttl(), soa.rdatas)

    def soa_names(self) -> tuple[bytes, bytes]:
        """Give the SOA's MNAME and RNAME, folded."""
        rdata = folded(self.nodes[self.apex].rrsets[RRType.SOA].rdatas[0])
        mname_end = _name_end(rdata)
        return rdata[:mname_end], rdata[mname_end : len(rdata) - _SOA_NUMBERS_OCTETS]

    def _negative_ttl(self) -> int:
        soa = self.nodes[self.apex].rrsets[RRType.SOA]
        return min(soa.ttl, int.from_bytes(soa.rdatas[0][-4:], "big"))

    def stands(self, name: bytes) -> bool:
        """Say whether the name itself is there, and not only a wildcard above it."""
        return name in self.nodes or name in self.challenges

    def addresses(self, name: bytes) -> tuple[RRset, ...]:
        """Give the address RRsets that stand at the name itself, glue included."""
        node = self.nodes.get(name)
        if node is None:
            return ()
        return tuple(node.rrsets[rrtype] for rrtype in (RRType.A, RRType.AAAA) if rrtype in node.rrsets)

    def lookup(self, qname: bytes, qtype: int) -> Outcome:
        """Find what the zone says of `qtype` at `qname`, which is folded and in the zone."""
        cut = self._cut(qname) if self._cuts else None
        # The DS set stands above the cut, so that the parent answers for it (RFC 4035 3.1.4.1).
        if cut is not None and (cut != qname or qtype != RRType.DS):
            return self._referral(cut)
        node = self.nodes.get(qname)
        rdatas = self.challenges.rdatas(qname)
        if rdatas is not None:
            return Unavailable() if self.stale else self._at_challenge(qname, qtype, rdatas, node)
        if node is not None:
            return self._at_node(node, qname, qtype)
        if self.stale and self.child_of_apex(qname) not in self.nodes:
            return Unavailable()
        source = self.nodes.get(b"\x01*" + self._closest_encloser(qname))
        return NxDomain() if source is None else self._at_node(source, qname, qtype)

    def _cut(self, qname: bytes) -> bytes | None:
        """Give the highest delegation at or above the name."""
        cut = None
        while qname != self.apex:
            if qname in self._cuts and qname not in self.challenges:
                cut = qname
            qname = parent(qname)
        return cut

    def _referral(self, cut: bytes) -> Referral:
        ns = self.nodes[cut].rrsets[RRType.NS]
        targets = [folded(rdata) for rdata in ns.rdatas]
        needed = [target for target in targets if is_subdomain(target, cut)]
        others = [target for target in targets if target not in needed]
        return Referral(
            ns,
            tuple(rrset for target in needed for rrset in self.addresses(target)),
            tuple(rrset for target in others for rrset in self.addresses(target)),
        )

    def _closest_encloser(self, qname: bytes) -> bytes:
        """Give the longest name above `qname` that exists (RFC 4592 3.3.1)."""
        qname = parent(qname)
        while qname not in self.nodes and qname not in self.challenges:
            qname = parent(qname)
        return qname

    def _at_challenge(self, qname: bytes, qtype: int, rdatas: tuple[bytes, ...], node: Node | None) -> Outcome:
        beside: dict[int, RRset] = {}
        if node is not None:
            hidden = {RRType.CNAME, RRType.NS, RRType.TXT}
            beside = {rrtype: rrset for rrtype, rrset in node.rrsets.items() if rrtype not in hidden}
        if rdatas:
            beside[RRType.TXT] = RRset(qname, RRType.TXT, self.challenges.ttl, rdatas)
        return self._among(beside, qname, qtype)

    def _at_node(self, node: Node, qname: bytes, qtype: int) -> Outcome:
        return self._among(node.rrsets, qname, qtype)

    def _among(self, rrsets: dict[int, RRset], qname: bytes, qtype: int) -> Outcome:
        """Choose among the RRsets of a name or of the wildcard that stands in for it."""
        rrset = rrsets.get(qtype)
        if rrset is not None:
            return Hit(_owned(rrset, qname))
        alias = rrsets.get(RRType.CNAME)
        if qtype == RRType.ANY and rrsets:
            # One small RRset instead of all (RFC 8482 4); a CNAME is what a client of ANY would need most.
            chosen = alias or rrsets.get(RRType.HINFO)
            return Hit(_owned(chosen, qname) if chosen else self._hinfo(qname))
        if alias is not None:
            return Alias(_owned(alias, qname), folded(alias.rdatas[0]))
        return NoData()

    def _hinfo(self, qname: bytes) -> RRset:
        return RRset(qname, RRType.HINFO, self._negative_ttl(), (_HINFO_RFC8482,))


def _owned(rrset: RRset, qname: bytes) -> RRset:
    """Give the RRset as the name's own, also where a wildcard's stands in (RFC 4592 3.3.1)."""
    return rrset if rrset.owner == qname else RRset(qname, rrset.rrtype, rrset.ttl, rrset.rdatas)


def check_zone(rrsets: Iterable[RRset], apex: bytes) -> list[str]:
    """Give a line, with owner and type, for everything that RRsets lack together to be served as a zone.

    What a single line has wrong, or an alias beside other data, is told where lines are read, and taken for mended
    here. Raises `ValueError` where an RRset lies outside the zone or the SOA is missing.
    """
    whole = merged(rrsets)
    zone = Zone(apex, Challenges(apex, 0))
    zone.load(0, whole)
    return [f"{_titled(rrset)}: {problem}" for rrset in whole for problem in _rrset_problems(rrset, zone)]


def _titled(rrset: RRset) -> str:
    return f"{to_text(rrset.owner)} {type_to_text(rrset.rrtype)}"


def _rrset_problems(rrset: RRset, zone: Zone) -> list[str]:
    problems: list[str] = []
    owner, rrtype = rrset.owner, rrset.rrtype
    if rrtype == RRType.DS and RRType.NS not in zone.nodes[owner].rrsets:
        problems.append("a DS belongs to a delegation: there is no NS beside it")
    if rrtype == RRType.NS and owner.startswith(b"\x01*"):
        problems.append("a wildcard can't be delegated (RFC 4592 4.2)")
    if rrtype == RRType.NS:
        problems += [text for rdata in rrset.rdatas for text in _server_problems(rrset, rdata, zone)]
    if sum(len(rdata) + 12 for rdata in rrset.rdatas) > _MESSAGE_ROOM_OCTETS:
        problems.append("the set is too large for one DNS message")
    outcome = zone.lookup(owner, rrtype)
    cut = outcome.ns.owner if isinstance(outcome, Referral) else None
    if cut is not None and (owner, rrtype) != (cut, RRType.NS) and rrtype not in {RRType.A, RRType.AAAA}:
        problems.append(f"never answered: {to_text(cut)} is delegated by its NS records")
    return problems


def _server_problems(rrset: RRset, rdata: bytes, zone: Zone) -> list[str]:
    """Look at the target of an NS record (RFC 2181 10.3; dns-correctness #27, #30)."""
    target = folded(rdata)
    if not is_subdomain(target, zone.apex):
        return []
    outcomes = [zone.lookup(target, rrtype) for rrtype in (RRType.A, RRType.AAAA)]
    if any(isinstance(outcome, Alias) for outcome in outcomes):
        return [f"{to_text(target)} is a CNAME, which the name of a name server may not be (RFC 2181 10.3)"]
    if is_subdomain(target, rrset.owner) and rrset.owner != zone.apex:
        found = bool(zone.addresses(target))
    else:
        found = any(isinstance(outcome, Hit | Referral) for outcome in outcomes)
    return [] if found else [f"{to_text(target)} has no A or AAAA record in this zone"]


def _name_end(rdata: bytes) -> int:
    position = 0
    while rdata[position]:
        position += 1 + rdata[position]
    return position + 1
