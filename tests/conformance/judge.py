"""Whether an answer passes a row: what the standards settle is compared, what they leave to the server is not.

Free are: additional data but required glue, the apex's NS set beside an answer (RFC 1034 4.3.2), question and OPT in
FORMERR and NOTIMP, CD where it was asked (RFC 4035 3.1.6), extended errors where there is an OPT (RFC 8914), and the
payload size that a server offers.
"""

import struct

import dns.exception
import dns.message
import dns.rcode

from tests.conformance.case import NS, Case
from tests.dns.packets import AD, CD, lines, opt, read

_FLAGS = 0x07F0
_OPT_OCTETS = opt()[:3]
_DO = 0x8000


def differences(case: Case, octets: bytes | None) -> list[str]:
    """What keeps the answer from being the row's, or one of the others that it allows; empty for a pass."""
    found = [_one(allowed, octets) for allowed in case.allowed()]
    return [] if [] in found else found[0]


def _one(case: Case, octets: bytes | None) -> list[str]:
    if octets is None or case.silent:
        return [] if (octets is None) == case.silent else ["silence" if octets is None else "no silence"]
    try:
        response = read(octets)
    except (dns.exception.DNSException, ValueError) as error:
        return [f"unreadable: {error!r}"]
    free = CD & _flags(case.query)
    if AD & _flags(case.query) or case.dnssec_ok:
        free |= AD
    facts = {
        "ID": (response.id, int.from_bytes(case.query[:2], "big")),
        "opcode": (int(response.opcode()), case.opcode),
        "rcode": (dns.rcode.to_text(response.rcode()), case.rcode),
        "flags": (f"{response.flags & _FLAGS & ~free:04x}", f"{case.flags & ~free:04x}"),
        "answer": (lines(response.answer), sorted(case.answer)),
        "authority": (_authority(case, response), sorted(case.authority)),
        "missing glue": (sorted(set(case.glue) - set(lines(response.additional))), []),
        "records that repeat others": (_repeated(octets, response), 0),
        **_question(case, octets, response),
        **_opt(case, response),
    }
    return [f"{what}: {theirs!r}, not {ours!r}" for what, (theirs, ours) in facts.items() if theirs != ours]


def _flags(octets: bytes) -> int:
    return int.from_bytes(octets[2:4], "big")


def _authority(case: Case, response: dns.message.Message) -> list[str]:
    found = lines(response.authority)
    return [] if case.answer and not case.authority and found == NS else found


def _repeated(octets: bytes, response: dns.message.Message) -> int:
    """How many records are there more than once: dnspython joins equal ones, the header counts them all."""
    different = sum(len(lines(section)) for section in (response.answer, response.authority, response.additional))
    return sum(struct.unpack_from("!3H", octets, 6)) - different - (response.edns >= 0)


def _question(case: Case, octets: bytes, response: dns.message.Message) -> dict[str, tuple[object, object]]:
    if not response.question:
        return {"questions": (0, 0 if _bare(case) else case.questions)}
    end = 12 + len(response.question[0].name.to_wire()) + 4
    return {"question": (octets[12:end], case.query[12:end])}


def _bare(case: Case) -> bool:
    """Whether the header alone may be all that the server has understood."""
    return case.rcode in {"FORMERR", "NOTIMP"} or case.opcode != 0


def _opt(case: Case, response: dns.message.Message) -> dict[str, tuple[object, object]]:
    present = response.edns >= 0
    wanted = present if _bare(case) and not case.opt and _OPT_OCTETS in case.query else case.opt
    facts: dict[str, tuple[object, object]] = {"OPT": (present, wanted)}
    if present:
        facts["EDNS version"] = (response.edns, 0)
        facts["EDNS flags"] = (response.ednsflags & 0xFFFF, _DO if case.dnssec_ok else 0)
    return facts
