"""What is checked: a zone, and what is known of how it should be delegated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from acmedns_py.dns import name


@dataclass(frozen=True, slots=True)
class Subject:
    """`apex` is the zone; the rest is what its configuration says, empty where that is not at hand.

    `nameservers` has the zone's servers with their addresses, none for a server outside the zone, whose addresses are
    not ours to say. `local` are the addresses of this machine.
    """

    apex: bytes
    nameservers: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)
    local: frozenset[str] = frozenset()

    def records(self) -> Iterator[str]:
        """Give the lines that the zone above needs; nothing where that is not known."""
        for server in self.nameservers:
            yield f"{name.to_text(self.apex)} NS {name.to_text(server)}"
        for server in self.nameservers:
            yield from self.glue(server)

    def glue(self, server: bytes) -> Iterator[str]:
        """Give the lines with the addresses of a server."""
        for address in self.nameservers.get(server, ()):
            yield address_line(server, address)


def address_line(owner: bytes, address: str) -> str:
    """Give the line of an A or AAAA record."""
    return f"{name.to_text(owner)} {'AAAA' if ':' in address else 'A'} {address}"
