"""Where CAA records of a host can stand: nothing may beside a CNAME (RFC 2181 10.1), which CAs follow (RFC 8659 3)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acmedns_py.check.finding import told
from acmedns_py.check.messages import rdata_text
from acmedns_py.check.walk import Lookup, Walk
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType

LOOK_SECONDS: Final = 5.0
"""For all hosts together: who waits for records to paste may have no way to the Internet."""


@dataclass(frozen=True, slots=True)
class Place:
    """`owner` is where a host's records go; `found` are those that are there already, in wire form.

    `remarks` say why they go elsewhere than to the host, and what to know of what is there; a sentence each.
    """

    owner: bytes
    found: tuple[bytes, ...] = ()
    remarks: tuple[str, ...] = ()


async def places(walk: Walk, hosts: Iterable[bytes]) -> dict[bytes, Place]:
    """Give the place of each host, the host itself where nothing better can be found out in time; never raises."""
    tasks = {host: asyncio.create_task(_place(walk, host)) for host in hosts}
    if tasks:
        await asyncio.wait(tasks.values(), timeout=LOOK_SECONDS)
    return {
        host: task.result() if task.done() else _unseen(host, f"no answer within {LOOK_SECONDS:g} s")
        for host, task in tasks.items()
    }


async def _place(walk: Walk, host: bytes) -> Place:
    found = await walk.lookup(host, RRType.CAA)
    if found.broken:
        return _unseen(host, found.broken)
    target = _end(found)
    if target == host:
        return _at(host, found)
    alias = f"{_text(host)} is a CNAME of {_text(target)}, and beside a CNAME no other record may stand (RFC 2181 10.1)"
    zone = found.cuts[0].apex
    if found.cuts[-1].apex == zone:
        return _at(target, found, f"{alias}; CAs take the CAA records of that name (RFC 8659 3), so they go there.")
    if found.rrset is not None:
        why = f"{alias}. That name has CAA records, which alone count, whatever stands above: {_values(found)}."
    else:
        why = f"{alias}. That name, in another zone, has no CAA records: those of the name above count (RFC 8659 3)."
    owner, above = host, found
    while owner != zone and _end(above) != owner:
        owner = name.parent(owner)
        above = await walk.lookup(owner, RRType.CAA)
        if above.broken:
            return _unseen(owner, above.broken, why)
    return _at(owner, above, why, f"At {_text(owner)} they count for all names below that have none of their own.")


def _at(owner: bytes, found: Lookup, *remarks: str) -> Place:
    if found.rrset is None:
        return Place(owner, (), remarks)
    there = (
        f"{_text(owner)} has CAA records, which stay in force beside others until you remove them: {_values(found)}."
    )
    return Place(owner, found.rrset.rdatas, (*remarks, there))


def _unseen(owner: bytes, why: str, *remarks: str) -> Place:
    said = (
        f"Whether {_text(owner)} is a CNAME could not be seen ({told(why)}): beside one no other record may stand, and "
        "the CAA records go to its target (RFC 8659 3)."
    )
    return Place(owner, (), (*remarks, said))


def _end(found: Lookup) -> bytes:
    """The name at the end of the aliases."""
    return name.folded(found.steps[-1].question.qname)


def _values(found: Lookup) -> str:
    rrset = found.rrset
    assert rrset is not None, "there are some"
    return told(", ".join(rdata_text(rrset, place) for place in range(len(rrset.rdatas))))


def _text(owner: bytes) -> str:
    return told(name.to_text(owner).removesuffix("."))
