"""What RFC 1034 4.3.2 and RFC 4592 say of a name, as plainly as they say it: slow, and over a list of RRsets alone.

Names are tuples of labels from the root down, so that "below" is "begins with". Challenge names are put in first, as
`docs/architecture.md` has them: they exist, their TXT set is their own, and a static CNAME, NS or TXT set beside them
is not there.
"""

from collections.abc import Iterable, Mapping

from acmedns_py.dns.codes import RRType
from acmedns_py.dns.name import folded, labels
from acmedns_py.dns.rrset import RRset

Path = tuple[bytes, ...]
Data = dict[Path, dict[int, tuple[bytes, ...]]]
HIDDEN = {RRType.CNAME, RRType.NS, RRType.TXT}


def path(name: bytes) -> Path:
    """Give a name's labels from the root down."""
    return tuple(reversed(list(labels(name))))


def data_of(static: Iterable[RRset], challenges: Mapping[bytes, Iterable[bytes]]) -> Data:
    """Give what stands at each owner, {path: {type: rdatas}}; `challenges` are the TXT rdatas of each challenge name."""
    registered = {path(owner) for owner in challenges}
    data: Data = {owner: {} for owner in registered}
    for rrset in static:
        owner = path(rrset.owner)
        if owner not in registered or rrset.rrtype not in HIDDEN:
            data.setdefault(owner, {})[rrset.rrtype] = rrset.rdatas
    for owner, rdatas in challenges.items():
        if found := tuple(rdatas):
            data[path(owner)][RRType.TXT] = found
    return data


def exists(name: Path, data: Data) -> bool:
    """Say whether a name is there: it owns data, is registered, or something is below it (RFC 4592 2.2.2)."""
    return any(owner[: len(name)] == name for owner in data)


def answer(qname: bytes, qtype: int, apex: bytes, data: Data) -> tuple[object, ...]:
    """Give ("Hit", rdatas), ("Alias", target), ("Referral", cut), ("NoData",) or ("NxDomain",); no data for ANY."""
    asked, top = path(qname), path(apex)
    for depth in range(len(top) + 1, len(asked) + 1):
        # 3b: a match that takes us out of the authoritative data, met first on the way down; DS belongs above the cut.
        cut = asked[:depth]
        if RRType.NS in data.get(cut, {}) and not (cut == asked and qtype == RRType.DS):
            return "Referral", cut
    if exists(asked, data):
        return among(data.get(asked, {}), qtype)
    # 3c: the wildcard is that of the closest encloser and of no other name (RFC 4592 3.3.1).
    encloser = next(asked[:depth] for depth in range(len(asked), -1, -1) if exists(asked[:depth], data))
    source = (*encloser, b"*")
    return among(data.get(source, {}), qtype) if exists(source, data) else ("NxDomain",)


def among(sets: dict[int, tuple[bytes, ...]], qtype: int) -> tuple[object, ...]:
    """Give what the sets of the node are to the question (3a)."""
    if qtype == RRType.ANY:
        return ("Hit", None) if sets else ("NoData",)
    if qtype in sets:
        return "Hit", sets[qtype]
    if RRType.CNAME in sets:
        return "Alias", path(folded(sets[RRType.CNAME][0]))
    return ("NoData",)
