"""A record that somebody else's zone needs: as a line of a zone file, and as what is typed into a provider's form."""

from dataclasses import dataclass
from typing import Literal

from acmedns_py.dns import name

Purpose = Literal["delegation", "glue", "address", "challenge", "caa"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `owner` has no final dot, `value` is rdata in presentation form, `ttl` is in seconds."""

    owner: str
    ttl: int
    rrtype: str
    value: str
    purpose: Purpose

    @property
    def line(self) -> str:
        """The line of a zone file, its names absolute (RFC 1035 5.1)."""
        return f"{self.owner}. {self.ttl} IN {self.rrtype} {self.value}"

    def field(self, zone: str) -> str | None:
        """What stands in the name field of a form for `zone`: "@" for the zone itself, None where it lies elsewhere."""
        owner, apex = name.from_text(self.owner), name.from_text(zone)
        if not name.is_subdomain(owner, apex):
            return None
        # "." as the zone leaves the whole name.
        return name.to_text(owner[: len(owner) - len(apex)] + name.ROOT).removesuffix(".") or "@"

    def document(self, zone: str | None) -> dict[str, str | int | None]:
        """The record as data; `name` is the name field of a form for `zone`."""
        return {
            "owner": f"{self.owner}.",
            "ttl": self.ttl,
            "type": self.rrtype,
            "value": self.value,
            "purpose": self.purpose,
            "zone": zone,
            "name": None if zone is None else self.field(zone),
            "line": self.line,
        }


def address(owner: str, ttl: int, value: str, purpose: Purpose) -> Record:
    """The A or AAAA record of an address."""
    return Record(owner, ttl, "AAAA" if ":" in value else "A", value, purpose)
