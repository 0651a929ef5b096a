"""Addresses of ours that can't be seen from inside a NAT: what is asked of them is asked of the server itself instead.

So the rest of the way, hosts and CAA and the API's name, is looked at as ever; that the way in from outside works only
someone outside can see.
"""

import asyncio
from collections.abc import Sequence

from acmedns_py.check.asking import DNS_PORT
from acmedns_py.check.facts import Question
from acmedns_py.check.reach import serves
from acmedns_py.check.serving import Place
from acmedns_py.check.subject import Subject
from acmedns_py.check.walk import Walk
from acmedns_py.dns.codes import RRType


async def look(walk: Walk, subject: Subject, places: Sequence[Place]) -> None:
    """Have the walk go round the addresses that lead nowhere from here, to one of the server's places on this host."""
    inner = next((one.address for one in places if one.port == DNS_PORT and not one.tcp), "")
    suspected = [address for address in sorted(subject.public) if subject.behind_nat(address)]
    served = await asyncio.gather(*(_served(walk, subject.apex, address) for address in suspected))
    walk.detours.update({address: inner for address, is_served in zip(suspected, served, strict=True) if not is_served})


async def _served(walk: Walk, apex: bytes, address: str) -> bool:
    questions = (Question(apex, RRType.SOA, tcp=tcp) for tcp in (False, True))
    answers = await asyncio.gather(*(walk.asker.ask(question, address) for question in questions))
    return any(serves(answer, apex) or answer.unasked for answer in answers)
