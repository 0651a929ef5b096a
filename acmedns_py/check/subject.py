"""What is checked: a zone, and what is known of how it should be delegated."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from acmedns_py.config.delegation import Entry, Nameservers, address_entry, delegation, glue
from acmedns_py.dns import name


@dataclass(frozen=True, slots=True)
class Subject:
    """`apex` is the zone; the rest is what its configuration says, empty where that is not at hand.

    `nameservers` has the zone's servers with their addresses, none for a server outside the zone, whose addresses are
    not ours to say. `local` are the addresses of this machine.
    """

    apex: bytes
    nameservers: Nameservers = field(default_factory=dict)
    local: frozenset[str] = frozenset()

    def records(self) -> Iterator[str]:
        """Give the lines that the zone above needs; nothing where that is not known."""
        return map(_line, delegation(self.apex, self.nameservers))

    def glue(self, server: bytes) -> Iterator[str]:
        """Give the lines with the addresses of a server."""
        return map(_line, glue(self.apex, server, self.nameservers))


def address_line(owner: bytes, address: str) -> str:
    """Give the line of an A or AAAA record."""
    return _line(address_entry(owner, address))


def _line(entry: Entry) -> str:
    owner, rrtype, value = entry
    return f"{name.to_text(owner)} {rrtype} {value}"
