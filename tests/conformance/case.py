"""A row of the exam: a query in octets, what the response must say, and the words that rows are written in.

Rows hold no connection to our own code, so that the same table can be put to any server on ADDR:PORT. What a row says
is what this server answers; where the standards leave a choice, `either` has the other answers that they allow, and
`choice` says who allows them. The zone stands in `tests/dns/example.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.dns.example import A43, B43, SERIAL, TWO, Z
from tests.dns.packets import AA

DO = 0x8000
NEGATIVE = [f"{Z}. 60 SOA ns1.{Z}. hostmaster.{Z}. {SERIAL} 21600 3600 604800 60"]
SOA = [f"{Z}. 3600 SOA ns1.{Z}. hostmaster.{Z}. {SERIAL} 21600 3600 604800 60"]
NS = [f"{Z}. 300 NS ns1.{Z}.", f"{Z}. 300 NS ns2.{Z}."]
NS_ADDRESSES = [
    f"ns1.{Z}. 300 A 192.0.2.53",
    f"ns2.{Z}. 300 A 192.0.2.54",
    f"ns2.{Z}. 300 AAAA 2001:db8::54",
]
APEX_A = [f"{Z}. 300 A 192.0.2.1"]
WEB = [f"web.{Z}. 300 A 192.0.2.80"]
TWO_VALUES = [f'{TWO}.{Z}. 1 TXT "{A43}"', f'{TWO}.{Z}. 1 TXT "{B43}"']
SUB = [f"sub.{Z}. 300 NS ns.example.net.", f"sub.{Z}. 300 NS ns.sub.{Z}.", f"sub.{Z}. 300 NS ns1.{Z}."]
SUB_GLUE = [f"ns.sub.{Z}. 300 A 192.0.2.99", f"ns.sub.{Z}. 300 AAAA 2001:db8::99"]
SUB_ADDRESSES = [*SUB_GLUE, f"ns1.{Z}. 300 A 192.0.2.53"]
MIXED = "aUtH.eXaMpLe.OrG"
LONGEST = ".".join(["l" * 63] * 3 + ["m" * 61])


@dataclass(frozen=True, slots=True)
class Case:
    """One row. Sections are sorted zone-file lines; `flags` those that must be set among AA, TC, RD, RA, Z, AD, CD.

    `questions` is how many must come back, octet for octet; `opt` whether an OPT does, with our `options` beside
    an extended error; `silent` that nothing may. `glue` is what of `additional` may not be left out. Each entry of `either` names the fields in which another
    allowed answer differs from the row.
    """

    title: str
    query: bytes
    rcode: str = "NOERROR"
    flags: int = AA
    answer: list[str] = field(default_factory=list)
    authority: list[str] = field(default_factory=list)
    additional: list[str] = field(default_factory=list)
    glue: list[str] = field(default_factory=list)
    questions: int = 1
    opt: bool = False
    dnssec_ok: bool = False
    ede: int | None = None
    options: tuple[int, ...] = ()
    opcode: int = 0
    silent: bool = False
    udp_only: bool = False
    tcp_only: bool = False
    choice: str = ""
    either: tuple[dict[str, Any], ...] = ()

    def allowed(self) -> Iterator["Case"]:
        """The row, and each other answer that passes."""
        yield self
        for changes in self.either:
            yield replace(
                self, **{"flags": 0 if changes.get("rcode", "NOERROR") != "NOERROR" else self.flags, **changes}
            )


def refused(title: str, octets: bytes, **more: Any) -> Case:
    return Case(title, octets, rcode="REFUSED", flags=0, **more)


def formerr(title: str, octets: bytes, **more: Any) -> Case:
    return Case(title, octets, rcode="FORMERR", flags=0, **more)


def nodata(title: str, octets: bytes, **more: Any) -> Case:
    return Case(title, octets, authority=NEGATIVE, **more)


def nxdomain(title: str, octets: bytes, **more: Any) -> Case:
    return Case(title, octets, rcode="NXDOMAIN", authority=NEGATIVE, **more)
