"""Which addresses may use a credential: the CIDR list that a client gives when it registers.

Texts are read as acme-dns does, that is as Go's `net.ParseCIDR` after all square brackets are taken out:
a mask must be there and is a plain number; host bits may be set; an IPv6 network that lies wholly within
`::ffff:0:0/96` is one of IPv4. An IPv4 source is never inside any other IPv6 network, not even `::/0`.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from acmedns_py.errors import BadInput

MOST_ENTRIES = 1_000
"""The longest list; more than fit into the body of a /register of IPv4 networks."""

MOST_CHARACTERS = 100
"""Of an entry: the longest network takes half of that, and a mask may have zeros in front."""

MAPPED_BITS = 96
"""Length of the prefix that marks an IPv4 address inside IPv6 (RFC 4291 2.5.5.2)."""


def canonical_entries(texts: Iterable[str]) -> tuple[str, ...]:
    """The entries as they are stored and answered: trimmed, without brackets.

    Blanks around an entry are let through because lego splits its list at commas only (clients #3).
    Raises `BadInput` with acme-dns's word for the first entry that is no CIDR, and for more than `MOST_ENTRIES`.
    """
    given = list(texts)
    if len(given) > MOST_ENTRIES:
        raise BadInput("invalid_allowfrom_cidr", f"{len(given)} networks, and {MOST_ENTRIES} are the most")
    entries = tuple(text.strip().replace("[", "").replace("]", "") for text in given)
    for entry in entries:
        if not is_network(entry):
            raise BadInput("invalid_allowfrom_cidr")
    return entries


def is_network(text: str) -> bool:
    """Whether this is the text of one CIDR, of a length that is kept."""
    try:
        network(text)
    except ValueError:
        return False
    return len(text) <= MOST_CHARACTERS


def permits(allow_from: tuple[str, ...], source: IPv4Address | IPv6Address | None) -> bool:
    """Whether a source may use a credential with this list; an empty list permits all, even an unknown source."""
    if not allow_from:
        return True
    if source is None:
        return False
    return any(source in entry for entry in _networks(allow_from) if entry.version == source.version)


def network(text: str) -> IPv4Network | IPv6Network:
    """The network of one CIDR text; raises `ValueError`."""
    address, slash, mask = text.partition("/")
    if not slash or not (mask.isascii() and mask.isdigit()):
        raise ValueError("a CIDR ends in a slash and a number of bits")
    bits = int(mask)
    if ":" not in address:
        return IPv4Network((IPv4Address(address), bits), strict=False)
    if "%" in address:
        raise ValueError("a CIDR has no zone")
    six = IPv6Network((IPv6Address(address), bits), strict=False)
    mapped = six.network_address.ipv4_mapped
    if mapped is not None and bits >= MAPPED_BITS:
        return IPv4Network((mapped, bits - MAPPED_BITS))
    return six


@lru_cache(maxsize=4096)
def _networks(allow_from: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(network(text) for text in allow_from)
