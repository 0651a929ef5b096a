"""What is checked: a zone, and what is known of how it should be delegated."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from acmedns_py.config.delegation import Entry, Nameservers, address_entry, delegation, glue
from acmedns_py.dns import name


@dataclass(frozen=True, slots=True)
class Subject:
    """`apex` is the zone; the rest is what its configuration says, empty where that is not at hand.

    `nameservers` has the zone's servers with their addresses, none for a server outside the zone, whose addresses are
    not ours to say. `public` are the addresses of this server as the Internet sees them, `local` those of this machine.
    """

    apex: bytes
    nameservers: Nameservers = field(default_factory=dict)
    public: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()

    def behind_nat(self, address: str) -> bool:
        """Whether an address of this server is a router's: this machine has private ones of that family alone.

        Many routers lead nobody from inside back there (no hairpin), or answer themselves.
        """
        version = ip_address(address).version
        here = [one for one in map(ip_address, self.local) if one.version == version]
        return address in self.public and bool(here) and not any(one.is_global for one in here)

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
